"""The PDFs of an invoice: drawn, fetched, kept, shown; every byte through our own server."""

import re

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from invoicing.documents.tasks import fetch_pdf_job
from invoicing.jobs import running
from invoicing.models import Document, Job
from invoicing.providers.errors import Missing
from tests.web.mirrored import body, changed, mirrored
from tests.web.test_invoice import page, text_of


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def issued(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


def test_our_copy_is_drawn_kept_and_told_apart(signed_in, operator, issued):
    answer = signed_in.post(f"/invoices/{issued.pk}/documents/draw/")
    signed_in.post(f"/invoices/{issued.pk}/documents/draw/")

    document = Document.objects.get()
    assert (document.origin, document.fetched_by, document.invoice_version) == ("drawn", operator, 1)
    said = text_of(signed_in.get(answer.url).content.decode())
    assert "Our copy" in said and document.sha256 in said and "Stale" not in said

    mirrored(issued.connection, changed(body("orb_invoice_issued"), memo="New"))

    assert "Stale: version 2 is current" in text_of(page(signed_in, issued, tab="documents"))


def test_a_document_is_framed_by_ourselves_alone_and_named_safely(signed_in, connection_to):
    invoice = mirrored(connection_to("orb"), changed(body("orb_invoice_issued"), invoice_number='../"ä\r\nX: y'))
    signed_in.post(f"/invoices/{invoice.pk}/documents/draw/")
    document = Document.objects.get()

    shown = signed_in.get(f"/documents/{document.pk}/")
    assert shown.content.startswith(b"%PDF-") and shown["Content-Type"] == "application/pdf"
    assert shown["X-Frame-Options"] == "SAMEORIGIN" and "frame-ancestors 'self'" in shown["Content-Security-Policy"]
    assert shown["Content-Disposition"].startswith("inline;") and shown["X-Content-Type-Options"] == "nosniff"

    taken = signed_in.get(f"/documents/{document.pk}/?download")
    assert re.fullmatch(r'attachment; filename="orb-X-y-our-copy-[0-9a-f]{8}\.pdf"', taken["Content-Disposition"])
    assert signed_in.get(f"/invoices/{invoice.pk}/")["X-Frame-Options"] == "DENY"


def test_a_damaged_file_is_not_shown(signed_in, issued):
    signed_in.post(f"/invoices/{issued.pk}/documents/draw/")
    document = Document.objects.get()
    default_storage.delete(document.storage_name)

    answer = signed_in.get(f"/documents/{document.pk}/")

    assert answer.status_code == 410 and "missing or damaged" in answer.content.decode()


def test_fetching_the_providers_pdf_is_a_job(signed_in, operator, issued):
    answer = signed_in.post(f"/invoices/{issued.pk}/documents/fetch/", {"tab": "documents"})
    job = Job.objects.get()
    assert job.task == "invoicing.documents.tasks.fetch_pdf_job" and job.requested_by == operator

    Job.objects.update(state="done", done=0, note="Orb has no PDF of it.", finished_at=timezone.now())

    assert "No PDF: Orb has no PDF of it." in text_of(signed_in.get(answer.url).content.decode())


def work(monkeypatch, answer):
    """Run the queued job as a worker does, the provider answering so; how the job ended."""
    monkeypatch.setattr("invoicing.documents.tasks.wire_for", lambda connection: None)
    monkeypatch.setattr("invoicing.providers.orb.adapter.Orb.fetch_pdf", lambda *_: answer())
    running.execute(running.claim("test:1:0"))
    return Job.objects.get()


def test_the_fetched_file_is_kept_for_who_asked(signed_in, operator, issued, monkeypatch):
    signed_in.post(f"/invoices/{issued.pk}/documents/fetch/")

    job = work(monkeypatch, lambda: b"%PDF-1.7 theirs")

    document = Document.objects.get()
    assert (job.state, job.done, job.note) == ("done", 1, "A new file.")
    assert (document.origin, document.fetched_by) == ("provider", operator)
    said = text_of(page(signed_in, issued, tab="documents"))
    assert "Provider's own" in said and f"for {operator}" in said


def test_that_there_is_no_pdf_is_an_answer(signed_in, issued, monkeypatch):
    def none():
        raise Missing("Orb has no PDF of it.")

    signed_in.post(f"/invoices/{issued.pk}/documents/fetch/")

    job = work(monkeypatch, none)

    assert (job.state, job.done, job.note) == ("done", 0, "Orb has no PDF of it.")
    assert not Document.objects.exists()


def test_one_fetch_at_a_time(signed_in, issued):
    for _ in range(3):
        signed_in.post(f"/invoices/{issued.pk}/documents/fetch/")

    assert Job.objects.get().task == fetch_pdf_job.module_path


def test_a_document_of_an_invoice_one_may_not_see_is_not_there(client, person, signed_in, issued):
    signed_in.post(f"/invoices/{issued.pk}/documents/draw/")
    document = Document.objects.get()
    client.force_login(person())

    assert client.get(f"/documents/{document.pk}/").status_code == 404
    assert client.get("/documents/999999/").status_code == 404
