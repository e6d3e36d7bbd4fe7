"""Signing in, and the pages of one's own account, in both themes and on a phone."""

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["desktop-light", "phone-dark"])
def test_signing_in_is_accessible_and_leads_where_one_wanted(open_page, accessible, fits, operator, phone, dark):
    page = open_page("/payables/", person=None, phone=phone, dark=dark)
    assert "/accounts/login/?next=" in page.url
    fits(page)
    accessible(page)
    page.get_by_label("Email").fill(operator.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    accessible(page)
    assert page.get_by_label("Email").input_value() == operator.email, "nothing typed is lost"
    page.get_by_label("Password").fill("a long enough password")
    page.keyboard.press("Enter")
    page.wait_for_url("**/payables/")


@pytest.mark.parametrize(("phone", "dark"), [(False, True), (True, False)], ids=["desktop-dark", "phone-light"])
def test_account_pages_are_accessible_and_fit(open_page, accessible, fits, phone, dark):
    page = open_page("/accounts/password/change/", phone=phone, dark=dark)
    for address in ("/accounts/password/change/", "/accounts/2fa/", "/accounts/sessions/", "/accounts/logout/",
                    "/accounts/reauthenticate/?next=/", "/accounts/2fa/totp/activate/", "/unreadable/", "/nowhere/"):  # fmt: skip
        page.goto(address)
        fits(page)
        accessible(page)


def test_signing_out_ends_it(open_page):
    page = open_page("/receivables/")
    page.click("summary.account-menu")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")
    page.goto("/receivables/")
    assert "/accounts/login/" in page.url


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["desktop-light", "phone-dark"])
def test_pages_about_people_are_accessible_and_fit(open_page, accessible, fits, person, operator, phone, dark):
    page = open_page("/people/", person=person("access admin"), phone=phone, dark=dark)
    for address in ("/people/", f"/people/{operator.pk}/", "/people/roles/", "/people/duties/", "/setup/"):
        page.goto(address)
        fits(page)
        accessible(page)
    page.goto(f"/people/{operator.pk}/")
    page.get_by_label("Auditor: sees everything").check()
    page.get_by_role("button", name="What would change?").click()
    page.get_by_text("Read the whole audit trail").first.wait_for()
    accessible(page)
