"""The audit trail in both themes and on a phone, narrowed without leaving the page."""

import pytest

from invoicing.auditing import checkpoints
from invoicing.models import AuditEntry

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["desktop-light", "phone-dark"])
def test_the_trail_is_accessible_and_narrows_in_place(
    open_page, accessible, fits, person, settings, tmp_path, phone, dark
):
    settings.DESK_AUDIT_CHECKPOINTS = tmp_path
    rita = person("reviewer", email="rita@desk.example")
    AuditEntry.objects.record("roles.set", actor=rita, target=f"user:{rita.pk}", before=["viewer"], after=["reviewer"])
    AuditEntry.objects.record("void.not_requested", target="invoice:1", why="Paid")
    checkpoints.write(anyway=True)
    page = open_page("/audit/", person=person("auditor"), phone=phone, dark=dark)
    fits(page)
    accessible(page)

    page.get_by_label("Outcome").select_option("refused")
    page.wait_for_url("**outcome=refused**")
    page.locator("tr[data-action='roles.set']").wait_for(state="detached")
    assert page.locator("tr[data-entry]").count() == 1 and "Entries" in page.locator("#trail").inner_text()

    for address in ("/audit/1/", "/audit/verify/", "/audit/evidence/"):
        page.goto(address)
        fits(page)
        accessible(page)
