"""PDFs are kept by the hash of their bytes: every one we ever had, each once, none ever overwritten."""

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

import pypdf
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from invoicing.documents import vault
from invoicing.mirror.apply import Mirror
from invoicing.models import AuditEntry, Document, Invoice
from invoicing.providers import strict_json
from invoicing.providers.errors import Missing, NotUnderstood, Unsupported
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import Origin

pytestmark = pytest.mark.django_db
READ_AT = datetime(2026, 7, 2, 14, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def mirrored(connection_to, example):
    """mirrored("orb", "orb_invoice_issued") is an invoice as the mirror has it after reading that body."""

    def make(provider, name, **changes):
        connection = connection_to(provider)
        payload = strict_json.loads(example(name)) | changes
        Mirror(connection).invoice(payload, read_started_at=READ_AT, source="refresh")
        return Invoice.objects.get(connection=connection)

    return make


@pytest.fixture
def issued(mirrored):
    return mirrored("orb", "orb_invoice_issued")


def stored(files):
    return sorted(str(path.relative_to(files)) for path in Path(files).rglob("*.pdf"))


def the_file_of(data):
    digest = hashlib.sha256(data).hexdigest()
    return f"documents/{digest[:2]}/{digest}.pdf"


def kept(invoice, data=b"%PDF-1.7 first", **changes):
    facts = {"origin": Origin.PROVIDER, "version": 1, "fetched_by": None} | changes
    return vault.keep(data, invoice=invoice, **facts)


def test_keeps_the_bytes_under_their_hash_and_gives_them_back(issued, operator, files):
    document = kept(issued, fetched_by=operator)

    assert stored(files) == [document.storage_name] == [the_file_of(b"%PDF-1.7 first")]
    assert vault.read(document) == b"%PDF-1.7 first"
    assert (document.size, document.invoice_version, document.fetched_by) == (14, 1, operator)


def test_the_same_bytes_are_stored_once_and_every_fetch_is_recorded(issued, operator, files):
    first = kept(issued, fetched_by=operator)
    again = kept(issued)

    assert again.pk == first.pk and again.fetched_by == operator
    assert again.last_fetched_at > first.last_fetched_at and again.fetched_at == first.fetched_at
    assert len(stored(files)) == 1
    recorded = AuditEntry.objects.filter(action="document.kept", target=f"invoice:{issued.pk}").order_by("sequence")
    assert [(entry.actor, entry.facts["new"]) for entry in recorded] == [(operator, True), (None, False)]
    assert {entry.facts["sha256"] for entry in recorded} == {first.sha256}


def test_other_bytes_stand_beside_the_former_ones(issued, files):
    former = kept(issued, b"%PDF-1.7 first")
    kept(issued, b"%PDF-1.7 second", version=2)

    assert Document.objects.filter(invoice=issued).count() == len(stored(files)) == 2
    assert vault.read(former) == b"%PDF-1.7 first"


def test_two_invoices_with_the_same_file_share_its_bytes(issued, mirrored, files):
    other = mirrored("flexprice", "flexprice_invoice_get")

    assert kept(issued).pk != kept(other).pk
    assert len(stored(files)) == 1


@pytest.mark.parametrize("data", [b"", b"<html>Sign in</html>", b" %PDF-1.7", b"PK\x03\x04"])
def test_only_a_pdf_is_kept(issued, files, data):
    with pytest.raises(ValueError, match="Only a PDF"):
        kept(issued, data)

    assert stored(files) == [] and not Document.objects.exists()


def test_a_file_cut_short_by_a_crash_is_left_alone_and_does_no_harm(issued, files):
    default_storage.save(the_file_of(b"%PDF-1.7 first"), ContentFile(b"%PDF-1."))

    document = kept(issued)

    assert vault.read(document) == b"%PDF-1.7 first"
    assert len(stored(files)) == 2 and document.storage_name != the_file_of(b"%PDF-1.7 first")


def test_damage_is_found_when_reading_and_mended_by_the_next_fetch(issued, files):
    document = kept(issued)
    (files / document.storage_name).write_bytes(b"%PDF-1.7 forged")

    with pytest.raises(vault.Damaged):
        vault.read(document)
    assert vault.read(kept(issued)) == b"%PDF-1.7 first"

    (files / Document.objects.get().storage_name).unlink()
    with pytest.raises(vault.Damaged):
        vault.read(Document.objects.get())


def test_a_pdf_is_stale_once_the_invoice_has_a_newer_version(issued):
    document = kept(issued)
    assert not vault.is_stale(document)

    issued.version = 2
    issued.save()

    assert vault.is_stale(Document.objects.get(pk=document.pk))
    kept(issued, version=2)  # the provider still gives the same file
    assert not vault.is_stale(Document.objects.get(pk=document.pk))


class Orb:
    """Stands for the wire: gives these bytes for any invoice."""

    def __init__(self, monkeypatch, gives):
        def fetch_pdf(http, external_id, handles):
            self.asked = (http, external_id)
            if isinstance(gives, Exception):
                raise gives
            return gives

        monkeypatch.setattr(PROVIDERS["orb"], "fetch_pdf", fetch_pdf)


def test_the_providers_own_pdf_is_fetched_through_its_adapter_and_kept_with_the_version_beside_it(
    issued, operator, monkeypatch
):
    orb = Orb(monkeypatch, b"%PDF-1.4 Orb's own")
    Invoice.objects.update(version=7)  # the mirror moved on since this object was read

    document = vault.fetch_provider_pdf(issued, http="the wire", by=operator)

    assert orb.asked == ("the wire", issued.external_id)
    assert (document.origin, document.invoice_version, document.fetched_by) == (Origin.PROVIDER, 7, operator)
    assert vault.read(document) == b"%PDF-1.4 Orb's own"


@pytest.mark.parametrize("error", [Missing("There is none."), Unsupported("No such call.")])
def test_that_there_is_no_pdf_is_said_and_nothing_is_kept(issued, monkeypatch, error):
    Orb(monkeypatch, error)

    with pytest.raises(type(error)):
        vault.fetch_provider_pdf(issued, http=None, by=None)

    assert not Document.objects.exists()


def test_a_sign_in_page_is_not_taken_for_a_pdf(issued, monkeypatch):
    Orb(monkeypatch, b"<html>Sign in</html>")

    with pytest.raises(NotUnderstood):
        vault.fetch_provider_pdf(issued, http=None, by=None)


def test_our_copy_is_drawn_from_the_versions_own_payload(issued, mirrored, operator):
    version = issued.versions.get()

    document = vault.drawn_copy(version, by=operator)

    assert (document.origin, document.invoice_version) == (Origin.DRAWN, version.number)
    text = pypdf.PdfReader(io.BytesIO(vault.read(document))).pages[0].extract_text()
    assert "NWRBT-00042" in text and "196.20" in text and "version 1 as of 2 Jul 2026 14:03 UTC" in text
    assert vault.read(document) == vault.drawn_bytes(version)


def test_drawing_the_same_version_again_is_no_news(issued, files):
    first = vault.drawn_copy(issued.versions.get())
    recorded = AuditEntry.objects.count()

    assert vault.drawn_copy(issued.versions.get()).last_fetched_at == first.last_fetched_at
    assert AuditEntry.objects.count() == recorded and len(stored(files)) == 1


@pytest.mark.parametrize(
    ("provider", "name", "says"),
    [
        ("metronome", "metronome_invoice_regenerated", "Metronome"),
        ("flexprice", "flexprice_invoice_voided_paid", "VOID"),
        ("orb", "orb_invoice_draft", "Draft invoice"),
        ("cockroachdb", "cockroachdb_invoice", "CRDB_CLOUD_CREDITS"),
    ],
)
def test_every_providers_invoices_can_be_drawn(connection_to, example, provider, name, says):
    payload = strict_json.loads(example(name))
    connection = connection_to(provider)
    Mirror(connection).invoice(payload.get("data", payload), read_started_at=READ_AT, source="refresh")

    data = vault.drawn_bytes(Invoice.objects.get().versions.get())

    assert says in "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)
