"""The longest words and the widest signs fit: list, invoice and action in German and Japanese, on a desk and on a phone."""

import pytest

from invoicing.models import Preferences
from tests.web.mirrored import body, mirrored

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("language", ["de", "ja"])
def test_list_invoice_and_action_fit_and_can_be_used(
    language, transactional_db, connection_to, operator, open_page, accessible, fits
):
    invoice = mirrored(connection_to("orb"), body("orb_invoice_issued"))
    Preferences.objects.create(user=operator, language=language)
    for phone in (False, True):
        page = open_page("/receivables/", phone=phone)
        for address in ("/receivables/", f"/invoices/{invoice.pk}/", f"/invoices/{invoice.pk}/actions/void/"):
            if page.url.split("?")[0].rstrip("/") != address.rstrip("/"):
                page.goto(address)
            assert page.locator("html").get_attribute("lang") == language
            fits(page)
        if phone:
            accessible(page)
    button = page.locator("#do-it")
    assert button.inner_text().startswith({"de": "Stornieren", "ja": "無効化"}[language])
