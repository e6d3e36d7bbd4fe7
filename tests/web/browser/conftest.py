"""A real browser in front of a real server: Debian's Chromium, driven by Playwright."""

import json
import os
import shutil
from pathlib import Path

import pytest
from django.conf import settings

AXE = (Path(__file__).parent / "axe.min.js").read_text()
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def _missing(what: str):
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} CI=true, so this fails.")
    pytest.skip(what)


@pytest.fixture(scope="session")
def chromium():
    program = os.environ.get("DESK_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        _missing("Browser tests need Chromium: install Debian's package chromium.")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Browser tests need playwright: pip install -r tests/requirements.txt")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def open_page(chromium, live_server, client, operator):
    """open_page("/receivables/", phone=True, dark=True) opens a page as a signed-in person; `person=None` as a stranger.

    What the browser complains of (script errors, refused scripts and styles) and any dialog fail the test at its end.
    """
    contexts, complaints = [], []

    def open_(path, *, phone=False, dark=False, script=True, person=operator):
        context = chromium.new_context(
            viewport=PHONE if phone else DESKTOP,
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            base_url=live_server.url,
            reduced_motion="reduce",
        )
        contexts.append(context)
        if person is not None:
            client.cookies.clear()  # a session of its own: two people may be signed in at once
            client.force_login(person)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(15000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on(
            "console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None
        )
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def accessible():
    """accessible(page) fails with every violation of WCAG 2.2 AA that axe finds on the page as it stands."""

    def check(page):
        page.evaluate(AXE)
        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
        found = page.evaluate(f"axe.run(document, {json.dumps(rules)}).then(r => r.violations)")
        assert [(each["id"], [node["target"] for node in each["nodes"]][:4]) for each in found] == []

    return check


@pytest.fixture
def fits():
    """fits(page) fails where the page scrolls sideways."""

    def check(page):
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0

    return check
