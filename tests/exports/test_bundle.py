"""The PDFs of a list in one file: the provider's own where there is one, ours where there is none, the missing named."""

import csv
import hashlib
import io
import json
import zipfile

import pypdf
import pytest

from invoicing.documents import vault
from invoicing.exports import ordering
from invoicing.exports.asked import CannotExport, Wanted
from invoicing.exports.bundle import file_name
from invoicing.exports.files import path_of
from invoicing.jobs import running
from invoicing.models import AuditEntry, Export, ExportPart, Invoice, InvoiceVersion, Job
from invoicing.providers.errors import Missing, RateLimited, Unknown
from invoicing.vocabulary import Origin
from tests.web.mirrored import body, changed, mirrored

pytestmark = pytest.mark.django_db


def pdf(pages=1, password="", title="x"):
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": title})
    if password:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


class Provider:
    """Gives what it was told for each external id: bytes, or an error to raise."""

    def __init__(self):
        self.answers, self.asked = {}, []

    def fetch_pdf(self, _, http, external_id, handles):
        self.asked.append(external_id)
        answer = self.answers[external_id]
        answer = answer.pop(0) if isinstance(answer, list) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def provider(monkeypatch):
    found = Provider()
    monkeypatch.setattr("invoicing.exports.bundle.wire_for", lambda connection: None)
    monkeypatch.setattr("invoicing.providers.orb.adapter.Orb.fetch_pdf", lambda *given: found.fetch_pdf(*given))
    return found


@pytest.fixture
def issued(connection_to):
    """issued(n): that many Orb invoices as the mirror has them, each saying that it has a PDF."""
    connection = connection_to("orb")

    def make(count):
        made = []
        for at in range(count):
            payload = changed(body("orb_invoice_issued"), id=f"in_{at}", invoice_number=f"ACME/{at}")
            made.append(mirrored(connection, payload))
        Invoice.objects.update(has_pdf=True)
        return made

    return make


def work():
    """Run what is due, as a worker does."""
    while job := running.claim("test:1:0"):
        running.execute(job)


def ask(person, format="pdf_zip", **wanted):  # noqa: A002
    return ordering.ask(Wanted(format=format, person=person, **wanted))


def drained(export):
    work()
    export.refresh_from_db()
    return export


def unzipped(export):
    with zipfile.ZipFile(path_of(export)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return files, json.loads(files["manifest.json"])


def test_each_pdf_is_the_providers_own_or_ours_and_the_manifest_says_which(controller, issued, provider):
    first, second, third = issued(3)
    theirs = pdf(title="theirs")
    provider.answers = {"in_0": theirs, "in_1": Missing("Orb has no PDF of it."), "in_2": Unknown("It timed out.")}

    export = drained(ask(controller))

    files, manifest = unzipped(export)
    assert (export.state, export.rows, export.invoices) == ("ready", 3, 3)
    entries = {each["invoice"]: each for each in manifest["entries"]}
    own = entries[first.pk]
    assert (own["origin"], own["why"], own["file"]) == ("provider", "", f"orb-ACME-0-{first.pk}.pdf")
    assert files[own["file"]] == theirs and own["sha256"] == hashlib.sha256(theirs).hexdigest()
    assert (entries[second.pk]["origin"], entries[second.pk]["why"]) == ("drawn", "Orb has no PDF of it.")
    assert files[f"orb-ACME-2-{third.pk}-our-copy.pdf"].startswith(b"%PDF-")
    assert export.notes[0].startswith("2 are our copies")
    rows = list(csv.DictReader(io.StringIO(files["manifest.csv"].decode())))
    assert [row["number"] for row in rows] == [each["number"] for each in manifest["entries"]]
    assert AuditEntry.objects.filter(action="export.written", target=f"export:{export.pk}").get().facts["rows"] == 3


def test_a_kept_file_of_the_current_version_is_not_fetched_again(controller, issued, provider):
    (invoice,) = issued(1)
    vault.keep(pdf(), invoice=invoice, origin=Origin.PROVIDER, version=1, fetched_by=None)

    assert drained(ask(controller)).state == "ready" and provider.asked == []

    mirrored(invoice.connection, changed(body("orb_invoice_issued"), id="in_0", memo="New"))
    Invoice.objects.update(has_pdf=True)
    provider.answers = {"in_0": Unknown("It timed out.")}
    export = drained(ask(controller))

    (entry,) = unzipped(export)[1]["entries"]
    assert (entry["origin"], entry["shows_version"], entry["current_version"]) == ("provider", 1, 2)
    assert entry["why"] == "The provider's own of version 1: It timed out."


def test_what_has_no_pdf_at_all_is_named_with_its_reason(controller, issued, provider):
    first, second = issued(2)
    provider.answers = {"in_0": pdf(), "in_1": Missing("Orb has no PDF of it.")}
    InvoiceVersion.objects.filter(invoice=second).delete()

    export = drained(ask(controller))

    files, manifest = unzipped(export)
    assert (manifest["pdfs"], manifest["missing"], export.rows) == (1, 1, 1)
    entry = next(each for each in manifest["entries"] if not each["file"])
    assert entry["invoice"] == second.pk and entry["why"].startswith("Orb has no PDF of it. Our copy cannot be drawn")
    assert "Missing: ACME/1: Orb has no PDF" in " ".join(export.notes)


def test_patience_asked_for_is_kept_and_nothing_is_fetched_twice(controller, issued, provider, monkeypatch):
    monkeypatch.setattr("invoicing.exports.ordering.PART", 2)
    issued(3)
    provider.answers = {"in_0": pdf(), "in_1": [RateLimited("Slow down.", retry_after=30), pdf(2)], "in_2": pdf(3)}

    export = drained(ask(controller))
    assert export.state == "running" and ExportPart.objects.filter(done=True).count() == 1
    Job.objects.filter(state="queued").update(run_at=export.created_at)
    export = drained(export)

    assert export.state == "ready" and sorted(provider.asked) == ["in_0", "in_1", "in_1", "in_2"]
    assert Job.objects.filter(task__endswith="gather_part_job").count() == 2


def test_joined_into_one_with_bookmarks_the_broken_and_locked_ones_named(controller, issued, provider):
    issued(4)
    provider.answers = {"in_0": pdf(2), "in_1": pdf(1, password="secret"), "in_2": b"%PDF-1.7 broken", "in_3": pdf(1)}

    export = drained(ask(controller, "pdf_merged"))

    joined = pypdf.PdfReader(path_of(export))
    assert (len(joined.pages), export.rows, export.invoices) == (3, 2, 4)
    assert sorted(each.title for each in joined.outline) == ["ACME/0", "ACME/3"]
    manifest = json.loads(joined.attachments["manifest.json"][0])
    reasons = {each["number"]: each["why"] for each in manifest["entries"]}
    assert "locked with a password" in reasons["ACME/1"] and "cannot be joined" in reasons["ACME/2"]
    assert len(export.notes) == 2


def test_stopped_between_parts_it_makes_no_file(controller, issued, provider, own_folder):
    from invoicing.exports import keeping

    issued(1)
    export = ask(controller)
    keeping.stop(export, by=controller)

    assert drained(export).state == "stopped" and provider.asked == []
    assert not own_folder.exists() or list(own_folder.iterdir()) == []


def test_too_many_or_none_are_refused_aloud(controller, issued, provider, monkeypatch):
    with pytest.raises(CannotExport, match="No invoice is listed"):
        ask(controller)
    issued(2)
    monkeypatch.setattr("invoicing.exports.ordering.MOST_MERGED", 1)
    with pytest.raises(CannotExport, match="At most 1 PDFs go into one file, and these are 2"):
        ask(controller, "pdf_merged")
    assert Export.objects.count() == 0


@pytest.mark.parametrize("number", ["../../etc/passwd", 'a"\r\nX: y', "ä" * 300, "", "con"])
def test_names_in_the_zip_are_plain_whatever_the_number(issued, number):
    (invoice,) = issued(1)
    document = vault.drawn_copy(invoice.versions.get())
    invoice.number = number

    name = file_name(invoice, document)

    assert name.replace("-", "").replace(".pdf", "").isalnum() and name.isascii() and len(name) < 120
    assert name.endswith(f"-{invoice.pk}-our-copy.pdf")
