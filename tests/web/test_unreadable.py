"""Records that could not be read are shown with their reason, and their payload to those who may see it."""

from datetime import UTC, datetime

import pytest

from invoicing.models import UnreadableRecord
from invoicing.models.version import packed
from tests.web.pages import read

SEEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
PAYLOAD = b'{"id": "in_9", "total": "ten <b>dollars</b>", "token": "sk_live_0123456789", "link": "https://x.example/a?token=s3cret"}'


@pytest.fixture
def record(connection_to):
    return UnreadableRecord.objects.create(
        connection=connection_to("orb", name="orb main"),
        kind="invoice",
        external_id="in_9",
        field="total",
        problem="Not an amount: 'ten <b>dollars</b>'",
        payload=packed(PAYLOAD),
        first_seen_at=SEEN,
        last_seen_at=SEEN,
    )


def test_they_are_counted_listed_and_explained(client, operator, record):
    client.force_login(operator)
    page = read(client.get("/unreadable/"))

    assert "Unreadable 1 waiting" in page.all("nav", aria_label="Main")[0].text
    tab = read(client.get("/receivables/")).one("nav", aria_label="Views").all("a")[-1]
    assert (tab.text, tab.attributes["href"]) == ("Unreadable1", "/unreadable/")
    row = page.one("tbody").one("tr")
    assert row.text == "Invoice in_9 Oorb main total Not an amount: 'ten <b>dollars</b>' 1 Mar 2026 1 Mar 2026"
    shown = read(client.get(row.one("a").attributes["href"]))
    assert '"total": "ten <b>dollars</b>"' in shown.one("pre").text
    assert "sk_live" not in shown.text and "s3cret" not in shown.text


def test_a_viewer_sees_why_but_not_the_payload(client, person, record):
    client.force_login(person("viewer"))
    page = read(client.get(f"/unreadable/{record.pk}/"))
    assert "Not an amount" in page.text
    assert not page.all("pre") and "An access admin can change that" in page.text


def test_what_became_readable_stands_apart(client, operator, record):
    record.resolved_at = SEEN
    record.save()
    client.force_login(operator)
    assert "Every record could be read" in read(client.get("/unreadable/")).text
    assert read(client.get("/unreadable/?resolved=yes")).one("tbody").one("tr")
    assert client.get("/unreadable/999/").status_code == 404


def test_without_a_role_nothing_is_shown(client, person, record):
    client.force_login(person())
    for address in ("/unreadable/", f"/unreadable/{record.pk}/"):
        answer = client.get(address)
        assert answer.status_code == 403 and b"dollars" not in answer.content
