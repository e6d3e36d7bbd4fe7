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


def test_signing_out_ends_it(open_page):
    page = open_page("/receivables/")
    page.click("summary.account-menu")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")
    page.goto("/receivables/")
    assert "/accounts/login/" in page.url


def test_what_other_roles_would_change_is_said_before(open_page, accessible, person, operator):
    page = open_page(f"/people/{operator.pk}/", person=person("access admin"))
    page.get_by_label("Auditor: sees everything").check()
    page.get_by_role("button", name="What would change?").click()
    page.get_by_text("Read the whole audit trail").first.wait_for()
    accessible(page)
