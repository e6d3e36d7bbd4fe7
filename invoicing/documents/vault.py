"""Every PDF we ever had of an invoice, kept by the hash of its bytes: stored once, never overwritten, never deleted.

The bytes lie in Django's default storage under documents/<first two>/<sha256>.pdf; a Document row says of which invoice
they are, where they come from, and beside which version they were fetched or drawn from.
"""

import hashlib

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from invoicing.documents.drawing import draw
from invoicing.documents.issuing import issuer_of
from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import AuditEntry, Document, Invoice, InvoiceVersion, User
from invoicing.providers.base import Http
from invoicing.providers.errors import NotUnderstood
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.snapshots import Address, InvoiceSnapshot
from invoicing.vocabulary import Origin


class Damaged(Exception):
    """The stored bytes are gone or are no longer those that were kept."""


def keep(data: bytes, *, invoice: Invoice, origin: Origin, version: int, fetched_by: User | None) -> Document:
    """Keep these bytes as a PDF of this invoice; the same bytes again are recorded as fetched again.

    A drawing of ours that is made again is no news and changes nothing.
    Errors: ValueError when they are no PDF.
    """
    if not is_pdf(data):
        raise ValueError("Only a PDF can be kept.")
    digest = hashlib.sha256(data).hexdigest()
    known = Document.objects.filter(invoice=invoice, origin=origin, sha256=digest).first()
    if known and origin == Origin.DRAWN and _holds(known.storage_name, digest):
        return known
    name, now = _stored(data, digest), timezone.now()
    with transaction.atomic():
        document, new = Document.objects.update_or_create(
            invoice=invoice,
            origin=origin,
            sha256=digest,
            defaults={"last_fetched_at": now, "storage_name": name, "invoice_version": version},
            create_defaults={
                "last_fetched_at": now,
                "storage_name": name,
                "invoice_version": version,
                "size": len(data),
                "fetched_at": now,
                "fetched_by": fetched_by,
            },
        )
        AuditEntry.objects.record(
            "document.kept",
            actor=fetched_by,
            target=f"invoice:{invoice.pk}",
            document=document.pk,
            origin=str(origin),
            sha256=digest,
            size=len(data),
            version=version,
            new=new,
        )
    return document


def fetch_provider_pdf(invoice: Invoice, *, http: Http, by: User | None) -> Document:
    """The provider's own PDF as it is now, fetched through our server and kept.

    Errors: Unsupported and Missing, when there is none to be had; any other ProviderError. Nothing kept is lost by them.
    """
    version = Invoice.objects.values_list("version", flat=True).get(pk=invoice.pk)
    provider = PROVIDERS[invoice.connection.provider]
    data = provider.fetch_pdf(http, invoice.external_id, invoice.handles)
    if not is_pdf(data):
        raise NotUnderstood(f"{provider.name} answered with something that is not a PDF.")
    return keep(data, invoice=invoice, origin=Origin.PROVIDER, version=version, fetched_by=by)


def drawn_bytes(
    version: InvoiceVersion, *, snapshot: InvoiceSnapshot | None = None, issuer: Address | None = None, note: str = ""
) -> bytes:
    """Our drawing of one version, from its stored payload. Keeps nothing.

    `issuer`: who bills where the provider does not say; by default the one set for the connection. Errors: PayloadNotUnderstood."""
    return draw(
        snapshot or snapshot_of(version),
        issuer=issuer or issuer_of(version.invoice.connection),
        version=version.number,
        as_of=version.read_at,
        note=note,
    )


def drawn_copy(
    version: InvoiceVersion,
    *,
    by: User | None = None,
    snapshot: InvoiceSnapshot | None = None,
    issuer: Address | None = None,
    note: str = "",
) -> Document:
    """Our drawing of one version, kept."""
    data = drawn_bytes(version, snapshot=snapshot, issuer=issuer, note=note)
    return keep(data, invoice=version.invoice, origin=Origin.DRAWN, version=version.number, fetched_by=by)


def read(document: Document) -> bytes:
    """The bytes, whole. Errors: Damaged when they are not the ones that were kept."""
    data = _read(document.storage_name)
    if data is None or hashlib.sha256(data).hexdigest() != document.sha256:
        raise Damaged(f"The file of document {document.pk} is missing or damaged.")
    return data


def is_stale(document: Document) -> bool:
    """Whether the invoice has changed since: the PDF shows an older version than the current one."""
    return document.invoice_version < document.invoice.version


def is_pdf(data: bytes) -> bool:
    return data.startswith(b"%PDF-")


def _stored(data: bytes, digest: str) -> str:
    """The name under which the bytes lie, written unless they are there already.

    A file cut short by a crash keeps its name and is left alone: the bytes get another one.
    """
    wanted = f"documents/{digest[:2]}/{digest}.pdf"
    if _holds(wanted, digest):
        return wanted
    name = default_storage.save(wanted, ContentFile(data))
    if name != wanted and _holds(wanted, digest):  # somebody kept the same bytes meanwhile
        default_storage.delete(name)
        return wanted
    return name


def _holds(name: str, digest: str) -> bool:
    data = _read(name)
    return data is not None and hashlib.sha256(data).hexdigest() == digest


def _read(name: str) -> bytes | None:
    try:
        with default_storage.open(name) as file:
            return file.read()
    except FileNotFoundError:
        return None
