"""Files of a list from the page: asked for, followed, taken away, asked for again, deleted; each on record."""

import json
import re
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from invoicing.access import people, roles
from invoicing.access.scopes import Reach
from invoicing.exports.keeping import sweep
from invoicing.jobs import running
from invoicing.models import AuditEntry, Export, Job, User
from tests.exports.reading import csv_rows, sheets
from tests.web.pages import read

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DESK_EXPORTS, settings.MEDIA_ROOT = tmp_path / "exports", tmp_path / "files"
    return settings.DESK_EXPORTS


def work():
    """Run what is due, as a worker does."""
    while job := running.claim("test:1:0"):
        running.execute(job)


def ask(client, list_="/receivables/", *, ticked=False, **fields):
    fields = {"format": "csv", "list": list_} | fields
    return client.post(f"/exports/ask/{'?ticked' if ticked else ''}", fields)


def body(response):
    return b"".join(response.streaming_content)


def said(client):
    return read(client.get("/exports/")).text


def test_a_small_list_comes_at_once_with_what_it_holds_in_its_headers(browser, operator, world):
    answer = ask(browser, "/receivables/?status=finalized&after=x&sort=total", columns="shown")

    data = body(answer)
    assert re.fullmatch(r'attachment; filename="receivables-[\d-]+\.csv"', answer["Content-Disposition"])
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("text/csv; charset=utf-8", "nosniff")
    rows = csv_rows(data)
    assert list(rows[0])[:4] == ["number", "customer", "provider", "status"] and "id" not in rows[0]
    assert answer["X-Export-Rows"] == str(len(rows)) == "3" and answer["X-Export-Time-Zone"] == "UTC"
    assert {each["unit"]: each["total"] for each in json.loads(answer["X-Export-Totals"])} == {
        "EUR": "12",
        "USD": "180.50",
    }
    export = Export.objects.get()
    assert (export.state, export.rows, export.about) == ("ready", 3, "Status: Finalized")
    assert export.expires_at - export.finished_at == timedelta(days=7)
    entries = list(AuditEntry.objects.filter(target=f"export:{export.pk}").order_by("sequence"))
    assert [entry.action for entry in entries] == ["export.asked", "export.written", "export.downloaded"]
    assert {entry.actor for entry in entries} == {operator}
    assert (entries[1].facts["filter"], entries[1].facts["rows"]) == ("status=finalized&sort=total", 3)


def test_the_menu_of_the_list_asks_for_exactly_its_address(browser, world):
    page = read(browser.get("/receivables/?status=void&q=a"))
    menu = page.one("details", id="menu-export")

    assert menu.one("input", name="list").attributes["value"] == "/receivables/?status=void&q=a"
    assert menu.one("summary").attributes["data-key"] == "e"
    asked = {each.attributes["value"] for each in menu.all("button", name="format")}
    assert asked == {"csv", "xlsx", "jsonl", "pdf_zip", "pdf_merged"}


def test_who_may_not_export_reads_why_and_gets_nothing(client, person, world):
    client.force_login(person("viewer"))

    assert "Exporting needs a role" in read(client.get("/receivables/")).one("details", id="menu-export").text
    assert ask(client).status_code == 403
    assert Export.objects.count() == 0


def test_ticked_rows_alone(browser, world):
    wanted = [world["void"].pk, world["open"].pk]
    answer = ask(browser, ticked=True, pk=wanted, format="xlsx")
    assert len(sheets(body(answer))["Invoices"]) == 3
    assert Export.objects.get().about == "2 picked one by one"

    none = ask(browser, "/receivables/?status=void", ticked=True)

    assert none.url == "/receivables/?status=void"
    assert "No row is ticked" in read(browser.get(none.url)).text and Export.objects.count() == 1


@pytest.mark.parametrize(
    ("list_", "fields", "problem"),
    [
        ("/receivables/?status=bogus", {}, "A filter was not understood"),
        ("/receivables/", {"format": "exe"}, "There is no format 'exe'"),
        ("/receivables/", {"level": "pages"}, "not 'pages'"),
        ("/receivables/?columns=number,nonsense", {"columns": "shown"}, "nonsense"),
        ("https://evil.example/receivables/", {}, "belongs to no list"),
        ("//evil.example/receivables/", {}, "belongs to no list"),
        ("", {}, "belongs to no list"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(browser, world, list_, fields, problem):
    answer = ask(browser, list_, **fields)

    assert answer.status_code == 302 and answer.url in ("/exports/", list_)
    assert problem in read(browser.get("/exports/")).text
    assert Export.objects.count() == 0


def test_a_large_list_is_written_by_the_worker_and_followed(browser, world, settings):
    settings.DESK_EXPORT_AT_ONCE = 2
    answer = ask(browser, format="jsonl")

    assert answer.url == "/exports/" and Export.objects.get().state == "queued"
    waiting = browser.get(answer.url).content.decode()
    assert "load delay" in waiting and "The file of 6 invoices is being written" in waiting
    assert "No worker is at work" in waiting

    work()

    export = Export.objects.get()
    assert (export.state, export.rows, Job.objects.get(task__endswith="write_export_job").state) == ("ready", 6, "done")
    shown = browser.get("/exports/").content.decode()
    assert "load delay" not in shown and "Download" in shown
    assert len(body(browser.get(f"/exports/{export.pk}/file/")).splitlines()) == 6


def test_one_may_stop_it_before_it_is_written(browser, world, settings, own_folder):
    settings.DESK_EXPORT_AT_ONCE = 0
    ask(browser)
    export = Export.objects.get()

    browser.post(f"/exports/{export.pk}/stop/")
    work()

    export.refresh_from_db()
    assert (export.state, export.job.state) == ("stopped", "cancelled")
    assert not own_folder.exists() or not list(own_folder.iterdir())
    assert "Stopped" in said(browser)


def test_a_job_cancelled_elsewhere_is_told_here(browser, world, settings):
    settings.DESK_EXPORT_AT_ONCE = 0
    ask(browser)
    Job.objects.update(state="cancelled")

    assert "Stopped" in said(browser)


def test_pdfs_whose_work_broke_down_do_not_wait_for_ever(browser, world):
    ask(browser, format="pdf_zip")
    Job.objects.update(state="failed")
    assert Export.objects.get().state == "queued"

    Export.objects.update(created_at=timezone.now() - timedelta(minutes=6))

    assert "Its work ended before the file was whole" in said(browser)


def test_a_file_that_does_not_hold_what_was_counted_is_not_kept(browser, world, settings, monkeypatch, own_folder):
    settings.DESK_EXPORT_AT_ONCE = 0
    ask(browser)
    monkeypatch.setattr("invoicing.exports.tables.Table._further", lambda *_: {})
    monkeypatch.setattr("invoicing.listing.invoice_list.InvoiceList.ids", lambda self: iter([world["open"].pk]))
    work()

    export = Export.objects.get()
    assert (export.state, export.file) == ("failed", "") and "counts 6 invoices and 1 were read" in export.error
    assert "1 were read" in said(browser) and list(own_folder.iterdir()) == []


def test_rights_taken_away_meanwhile_hold_for_the_worker_and_the_download(browser, operator, world, settings):
    ask(browser)
    ready = Export.objects.get()
    settings.DESK_EXPORT_AT_ONCE = 0
    ask(browser)
    operator.groups.set(operator.groups.model.objects.filter(name="viewer"))

    work()

    assert Export.objects.exclude(pk=ready.pk).get().state == "failed"
    assert browser.get(f"/exports/{ready.pk}/file/").status_code == 403


@pytest.mark.parametrize("narrower", ["one connection", "one direction", "no addresses"])
def test_who_may_see_less_by_now_gets_no_file_of_before(browser, client, operator, person, world, orb, narrower):
    ask(browser, "/receivables/?connection=flexprice")
    export = Export.objects.get()
    if narrower == "no addresses":
        roles.set_rights(
            "viewer", ["view", "view_money", "export"], by=person("access admin"), reason="They ask for files"
        )
        people.set_roles(operator, ["viewer"], by=None, reason="Moved")
    else:
        fewer = {"connections": frozenset({orb.pk})} if narrower == "one connection" else {"directions": {"payable"}}
        people.set_scope(operator, Reach(**fewer), by=None, reason="Moved")
    client.force_login(User.objects.get(pk=operator.pk))

    answer = client.get(f"/exports/{export.pk}/file/")
    assert answer.status_code == 302 and "X-Export-SHA256" not in answer
    assert client.get(f"/exports/{export.pk}/summary/").status_code == 404
    row = read(client.get("/exports/")).one("tr", data_export=str(export.pk))
    assert "You may see less now" in row.text and "Download" not in row.text
    assert row.one("td", class_="sums-of").text == row.one("td", data_said="rows").text == ""
    assert AuditEntry.objects.filter(action="export.not_downloaded", target=f"export:{export.pk}").exists()
    assert AuditEntry.objects.filter(action="export.downloaded").count() == 1, "the one it was asked for with"


def test_who_may_see_more_by_now_still_gets_it_and_the_same_again_holds_what_is_seen_now(browser, operator, world, orb):
    people.set_scope(operator, Reach(connections=frozenset({orb.pk})), by=None, reason="New here")
    browser.force_login(User.objects.get(pk=operator.pk))
    ask(browser)
    export = Export.objects.get()
    assert export.reach["connections"] == [orb.pk]
    people.set_scope(operator, Reach(), by=None, reason="Knows the desk now")
    browser.force_login(User.objects.get(pk=operator.pk))

    assert len(csv_rows(body(browser.get(f"/exports/{export.pk}/file/")))) == export.rows
    again = body(browser.post(f"/exports/{export.pk}/repeat/"))
    assert len(csv_rows(again)) > export.rows


def test_somebody_elses_file_is_not_there(browser, client, person, world):
    ask(browser)
    export = Export.objects.get()
    client.force_login(person("controller"))

    for path in ("file", "summary"):
        assert client.get(f"/exports/{export.pk}/{path}/").status_code == 404
    for path in ("repeat", "stop", "delete"):
        assert client.post(f"/exports/{export.pk}/{path}/").status_code == 404
    assert client.get(f"/exports/{uuid.uuid4()}/file/").status_code == 404
    assert "No file yet" in said(client)


def test_files_have_names_nobody_guesses_and_expire(browser, world, own_folder):
    ask(browser)
    export = Export.objects.get()
    (path,) = own_folder.iterdir()
    assert path.name == export.file and len(path.stem) >= 32 and path.stat().st_size == export.size

    Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert sweep() == 1

    assert list(own_folder.iterdir()) == [] and "Expired" in said(browser)
    gone = browser.get(f"/exports/{export.pk}/file/")
    assert gone.url == "/exports/" and "not kept any more" in said(browser)


def test_it_can_be_asked_for_again_and_deleted(browser, operator, world, own_folder):
    ask(browser, "/receivables/?status=void")
    first = Export.objects.get()

    again = browser.post(f"/exports/{first.pk}/repeat/")

    assert len(csv_rows(body(again))) == 1 and Export.objects.filter(query="status=void").count() == 2
    browser.post(f"/exports/{first.pk}/delete/")
    assert not Export.objects.filter(pk=first.pk).exists() and len(list(own_folder.iterdir())) == 1
    assert AuditEntry.objects.get(action="export.deleted").actor == operator


def test_a_summary_says_what_a_csv_cannot(browser, world):
    ask(browser, "/receivables/?payment=paid")
    told = browser.get(f"/exports/{Export.objects.get().pk}/summary/").json()

    assert (told["rows"], told["filter"], told["filter_in_words"]) == (1, "payment=paid", "Payment: Paid")
    assert told["totals"] == [{"unit": "EUR", "amounts": 1, "total": "12", "due": "0"}] and told["time_zone"] == "UTC"


def test_asking_needs_a_post(browser, world):
    assert browser.get("/exports/ask/").status_code == 405
