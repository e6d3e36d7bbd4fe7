"""The PDFs of many invoices in one file: gathered into the vault part by part, then zipped or joined, with a manifest."""

import csv
import io
import json
import logging
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields

from django.utils import timezone
from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError

from invoicing.documents import vault
from invoicing.exports import files, keeping
from invoicing.exports.asked import CannotExport
from invoicing.exports.cells import safe
from invoicing.exports.tally import Summary
from invoicing.jobs import progress
from invoicing.mirror.wires import wire_for
from invoicing.models import Document, Export, ExportPart, Invoice, InvoiceVersion, User
from invoicing.providers.errors import PayloadNotUnderstood, ProviderError, RateLimited
from invoicing.vocabulary import Origin

WAIT_SECONDS = 30
SAVE_EVERY = 10
NAMED = 20
SILENT = "Its provider says nothing of a PDF."
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Entry:
    """A row of the manifest. `file` empty: it is missing, and `why` says why; else `why` is why it is not the provider's."""

    invoice: int
    number: str
    connection: str
    provider: str
    external_id: str
    file: str = ""
    origin: str = ""
    sha256: str = ""
    size: int | None = None
    shows_version: int | None = None
    current_version: int | None = None
    why: str = ""


def gather(part: ExportPart, *, by: User) -> tuple[float, str] | None:
    """Find, fetch or draw the PDF of each invoice of the part, and note which it is or why there is none.

    Seconds to wait, and why, when the provider asks for patience: what was found by then is kept.
    """
    found = dict(part.found)
    for pk in part.ids:
        if str(pk) in found:
            continue
        try:
            found[str(pk)] = _found(pk, by)
        except RateLimited as reason:
            _save(part, found)
            return reason.retry_after or WAIT_SECONDS, str(reason)
        except Exception as problem:  # one invoice's trouble is not that of the others
            log.exception("The PDF of invoice %s could not be had", pk)
            found[str(pk)] = {"missing": f"It could not be had: {type(problem).__name__}."}
        if len(found) % SAVE_EVERY == 0:
            _save(part, found)
            progress.report(len(found), expected=len(part.ids))
            if not Export.objects.filter(pk=part.export_id, state__in=keeping.OPEN).exists():
                return None  # stopped
    part.done = True
    _save(part, found)
    return None


def _save(part: ExportPart, found: dict) -> None:
    part.found = found
    part.save(update_fields=["found", "done"])


def _found(pk: int, by: User) -> dict:
    """{"document": id, "why": …} or {"missing": why}. Errors: RateLimited."""
    invoice = Invoice.objects.select_related("connection", "customer").get(pk=pk)
    own = invoice.documents.filter(origin=Origin.PROVIDER).order_by("-invoice_version", "-last_fetched_at").first()
    if own and own.invoice_version == invoice.version and _is_whole(own):
        return {"document": own.pk}
    why = SILENT
    if not invoice.connection.enabled:
        why = "Its connection is switched off."
    elif invoice.has_pdf:
        try:
            return {"document": vault.fetch_provider_pdf(invoice, http=wire_for(invoice.connection), by=by).pk}
        except RateLimited:
            raise
        except ProviderError as problem:
            why = str(problem)
    if own and _is_whole(own):
        return {"document": own.pk, "why": f"The provider's own of version {own.invoice_version}: {why}"}
    try:
        return {"document": vault.drawn_copy(invoice.versions.get(number=invoice.version), by=by).pk, "why": why}
    except (PayloadNotUnderstood, ProviderError, InvoiceVersion.DoesNotExist) as problem:
        return {"missing": f"{why} Our copy cannot be drawn: {problem}"}


def _is_whole(document: Document) -> bool:
    try:
        vault.read(document)
    except vault.Damaged:
        return False
    return True


def assemble(export: Export) -> None:
    """The file out of what was found, in the list's order."""
    as_of = timezone.now()
    with files.writing(export) as written:
        entries = _zip(export, written.out) if export.format == Export.Format.PDF_ZIP else _join(export, written.out)
        if not any(entry.file for entry in entries):
            raise CannotExport(f"There is no PDF of any of them. The first: {entries[0].why}")
    missing = [entry for entry in entries if not entry.file]
    ours = sum(1 for entry in entries if entry.origin == Origin.DRAWN)
    notes = [f"{ours:,} are our copies, because there was no PDF of the provider's own."] if ours else []
    notes += [f"Missing: {entry.number or entry.external_id}: {entry.why}" for entry in missing[:NAMED]]
    if len(missing) > NAMED:
        notes.append(f"And {len(missing) - NAMED:,} more, each named in the manifest.")
    summary = Summary(len(entries), len(entries) - len(missing), [], as_of, notes)
    keeping.finished(export, written, summary)


def _each(export: Export) -> Iterator[tuple[Entry, bytes | None]]:
    """Every invoice of the export with its PDF's bytes, one in memory at a time."""
    done = 0
    for part in export.parts.order_by("number"):
        invoices = Invoice.objects.select_related("connection").in_bulk(part.ids)
        wanted = [each["document"] for each in part.found.values() if "document" in each]
        documents = Document.objects.in_bulk(wanted)
        for pk in part.ids:
            found = part.found.get(str(pk), {"missing": "Nothing was found out about it."})
            yield _entry(invoices[pk], found, documents)
            done += 1
        progress.report(done, expected=export.invoices, note="Putting them together")


def _entry(invoice: Invoice, found: dict, documents: dict[int, Document]) -> tuple[Entry, bytes | None]:
    entry = Entry(
        invoice.pk,
        invoice.number,
        invoice.connection.name,
        invoice.connection.provider,
        invoice.external_id,
        current_version=invoice.version,
        why=found.get("missing") or found.get("why", ""),
    )
    document = documents.get(found.get("document", 0))
    if document is None:
        return entry, None
    try:
        data = vault.read(document)
    except vault.Damaged as damage:
        entry.why = str(damage)
        return entry, None
    entry.origin, entry.sha256, entry.size = document.origin, document.sha256, document.size
    entry.shows_version, entry.file = document.invoice_version, file_name(invoice, document)
    return entry, data


def file_name(invoice: Invoice, document: Document) -> str:
    """Letters, digits and dashes only, and never the same twice: orb-INV-7-1234.pdf."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", invoice.number or invoice.external_id).strip("-")[:80]
    ours = "-our-copy" if document.origin == Origin.DRAWN else ""
    parts = [invoice.connection.provider.replace("_", "-"), plain, str(invoice.pk)]
    return f"{'-'.join(part for part in parts if part)}{ours}.pdf"


def _zip(export: Export, out) -> list[Entry]:
    entries = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for entry, data in _each(export):
            entries.append(entry)
            if data is not None:
                archive.writestr(entry.file, data)
        for name, text in manifests(entries).items():
            archive.writestr(name, text, zipfile.ZIP_DEFLATED)
    return entries


def _join(export: Export, out) -> list[Entry]:
    """One PDF with a bookmark an invoice and the manifests attached. What cannot be joined is named, not fatal."""
    entries, writer = [], PdfWriter()
    for entry, data in _each(export):
        entries.append(entry)
        if data is None:
            continue
        try:
            reader = PdfReader(io.BytesIO(data), strict=False)
            if reader.is_encrypted and not reader.decrypt(""):
                raise PyPdfError("it is locked with a password")
            if not len(reader.pages):
                raise PyPdfError("it has no page")
            writer.append(reader, outline_item=entry.number or entry.external_id, import_outline=False)
        except Exception as problem:  # a broken PDF breaks in any way it likes
            entry.file, entry.why = "", f"This PDF cannot be joined: {str(problem)[:200] or type(problem).__name__}"
    if len(writer.pages):
        for name, text in manifests(entries).items():
            writer.add_attachment(name, text)
        writer.write(out)
    return entries


def manifests(entries: list[Entry]) -> dict[str, bytes]:
    """What is in the file and what is not, for reading and for programs."""
    names = [each.name for each in fields(Entry)]
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(names)
    for entry in entries:
        said = asdict(entry)
        table.writerow(["" if said[n] is None else safe(v) if isinstance(v := said[n], str) else v for n in names])
    whole = {
        "invoices": len(entries),
        "pdfs": sum(1 for entry in entries if entry.file),
        "missing": sum(1 for entry in entries if not entry.file),
        "entries": [asdict(entry) for entry in entries],
    }
    return {
        "manifest.csv": text.getvalue().encode(errors="replace"),
        "manifest.json": json.dumps(whole, ensure_ascii=False, indent=1).encode(errors="replace"),
    }
