"""Writing an evidence pack: what was recorded, sent, answered, signed and kept, with the proof that it belongs to the chain."""

import hashlib
import inspect
import json
import zipfile
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q
from django.utils import timezone

from invoicing.auditing import checkpoints, standalone
from invoicing.auditing.chain import walk
from invoicing.auditing.checkpoints import Checkpoint
from invoicing.auditing.pages import index_page, style
from invoicing.auditing.subjects import Subject
from invoicing.documents import vault
from invoicing.logs import redacted
from invoicing.mirror.masking import pretty
from invoicing.models import ApprovalRequest, AuditEntry, Comment, Invoice, Operation, Review, audit_key
from invoicing.models.audit import GENESIS

Tell = Callable[[int, int], object]
FIELDS = ("sequence", "actor_id", "actor_name", "ip", "action", "target", "reason", "correlation", "facts", "outcome",
          "of_connection", "of_customer", "of_invoice", "scheme", "previous_hash", "hash", "seal")  # fmt: skip
README = """Evidence pack of Invoice Desk. Open index.html to read it.

To check it:   python3 verify.py THIS_FILE.zip
(verify.py is inside; take it from a pack you trust, or use `manage.py evidence verify` at the desk.)
What providers sent and were sent has keys and signed links masked; nothing else was left out or changed.
"""


class Pack:
    """A zip under way, and the list of what is in it."""

    def __init__(self, out: BinaryIO):
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        self.files: list[dict[str, Any]] = []

    def add(self, path: str, data: bytes) -> None:
        self._zip.writestr(path, data)
        self.files.append({"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})

    def add_json(self, path: str, value: Any) -> None:
        self.add(path, redacted(_json(value, indent=1)).encode())

    def add_lines(self, path: str, lines: Iterable[Any]) -> int:
        """One JSON object a line, written as they come; how many."""
        digest, size, count = hashlib.sha256(), 0, 0
        with self._zip.open(path, "w", force_zip64=True) as file:
            for line in lines:
                raw = f"{_json(line)}\n".encode()
                file.write(raw)
                digest.update(raw)
                size, count = size + len(raw), count + 1
        self.files.append({"path": path, "size": size, "sha256": digest.hexdigest()})
        return count

    def close(self, manifest: dict[str, Any]) -> None:
        """Sign what is in it. Errors: NoKey."""
        text = _json({**manifest, "files": self.files}, indent=1).encode()
        key, signature = audit_key.sign(text)
        if key != manifest["key"]:
            raise ValueError("The key changed while the pack was made.")
        self._zip.writestr(standalone.MANIFEST, text)
        self._zip.writestr(standalone.SIGNATURE, signature)
        self._zip.close()


def write(subject: Subject, out: BinaryIO, *, by, tell: Tell = lambda done, expected: None) -> int:
    """Write the pack; how many audit entries it holds. Errors: NoKey; Broken and Damaged, when the trail does not hold."""
    checkpoints.write(anyway=True)
    marks = checkpoints.read()
    wanted = list(
        subject.entries.filter(sequence__lte=marks[-1].sequence if marks else 0).values_list("sequence", flat=True)
    )
    operations, invoices = list(subject.operations), list(subject.invoices)
    expected, done = len(operations) + len(invoices) + 1, 0
    pack, missing = Pack(out), []
    for operation in operations:
        pack.add_json(f"operations/{operation.pk}.json", told_operation(operation))
        done += 1
        tell(done, expected)
    for invoice in invoices:
        missing += _add_invoice(pack, invoice)
        done += 1
        tell(done, expected)
    if subject.batch is not None:
        rows = [plain(row) for row in subject.batch.rows.filter(invoice__in=[each.pk for each in invoices])]
        pack.add_json(
            "batch.json", {**plain(subject.batch), "rows": rows, "approval": _approval(batch=subject.batch.pk)}
        )
    spans = spans_of(wanted, marks)
    pack.add_lines(standalone.ENTRIES, _entries(subject, set(wanted)))
    pack.add_lines(standalone.CHAIN, _links(spans, marks))
    ends = {sequence for span in spans for sequence in span}
    pack.add_lines(standalone.CHECKPOINTS, (json.loads(each.line()) for each in marks if each.sequence in ends))
    now = timezone.localtime()
    manifest = {
        "about": subject.about,
        "subject": subject.name,
        "made_at": now.isoformat(timespec="seconds"),
        "made_by": str(by) if by else "Invoice Desk",
        "time_zone": timezone.get_default_timezone_name(),
        "entries": len(wanted),
        "missing": missing,
        "key": audit_key.public_keys()[0] if audit_key.public_keys() else "",
    }
    pack.add("index.html", index_page(subject, manifest, operations, invoices, wanted, pack.files).encode())
    pack.add("style.css", style().encode())
    pack.add("README.txt", README.encode())
    pack.add("verify.py", inspect.getsource(standalone).encode())
    pack.close(manifest)
    tell(expected, expected)
    return len(wanted)


def spans_of(wanted: list[int], marks: list[Checkpoint]) -> list[tuple[int, int]]:
    """For each entry the checkpoints around it, as (after, up to); 0 is the beginning. In order, each once."""
    ends = [each.sequence for each in marks]
    spans = {}
    for sequence in wanted:
        place = bisect_left(ends, sequence)
        spans[(ends[place - 1] if place else 0, ends[place])] = None
    return sorted(spans)


def _links(spans: list[tuple[int, int]], marks: list[Checkpoint]) -> Iterator[dict[str, Any]]:
    hashes = {0: GENESIS} | {each.sequence: each.hash for each in marks}
    for after, until in spans:
        for link in walk((after, hashes[after]) if after else None, until=until):
            yield {"sequence": link.sequence, "scheme": link.scheme, "content": link.content, "hash": link.hash}


def _entries(subject: Subject, wanted: set[int]) -> Iterator[dict[str, Any]]:
    return (told_entry(each) for each in subject.entries.iterator(chunk_size=1000) if each.sequence in wanted)


def told_entry(entry: AuditEntry) -> dict[str, Any]:
    return {"at": entry.at.isoformat(timespec="microseconds"), **{name: getattr(entry, name) for name in FIELDS}}


def told_operation(operation: Operation) -> dict[str, Any]:
    """The row, its attempts with what was sent and said, who approved, and what was remarked."""
    return {
        **plain(operation, without=("lease_token", "token")),
        "connection": operation.connection.name,
        "provider": operation.connection.provider,
        "requester": str(operation.requester),
        "attempts": [plain(each, without=("lease_token",)) for each in operation.attempts.order_by("number")],
        "approval": _approval(operation=operation),
        "comments": _comments(Q(operation=operation)),
    }


def _approval(**whose) -> dict[str, Any] | None:
    request = ApprovalRequest.objects.filter(**whose).first()
    if request is None:
        return None
    decisions = [{**plain(each), "name": str(each.by)} for each in request.decisions.select_related("by")]
    return {**plain(request), "decisions": decisions}


def _comments(which: Q) -> list[dict[str, Any]]:
    return [{**plain(each), "name": str(each.by)} for each in Comment.objects.filter(which).select_related("by")]


def _add_invoice(pack: Pack, invoice: Invoice) -> list[str]:
    """What is missing of it, in sentences."""
    place, missing = f"invoices/{invoice.pk}", []
    facts = plain(invoice, without=("search_text",))
    pack.add_json(
        f"{place}/invoice.json", {**facts, "connection": invoice.connection.name, "customer": invoice.customer.name}
    )
    versions = []
    for version in invoice.versions.order_by("number").iterator(chunk_size=50):
        versions.append(plain(version, without=("payload",)))
        pack.add(f"{place}/versions/{version.number:04d}.json", pretty(version.payload_text()).encode(errors="replace"))
    pack.add_json(f"{place}/versions.json", versions)
    documents = []
    for document in invoice.documents.order_by("pk"):
        name = f"{place}/documents/{document.origin}-version-{document.invoice_version}-{document.sha256[:12]}.pdf"
        try:
            pack.add(name, vault.read(document))
        except vault.Damaged as damage:
            missing.append(str(damage))
            name = ""
        documents.append({**plain(document, without=("storage_name",)), "file": name})
    pack.add_json(f"{place}/documents.json", documents)
    review = Review.objects.filter(invoice=invoice).first()
    if review is not None:
        decisions = [{**plain(each), "name": str(each.by)} for each in review.decisions.select_related("by")]
        pack.add_json(f"{place}/review.json", {**plain(review), "decisions": decisions})
    if comments := _comments(Q(invoice=invoice)):
        pack.add_json(f"{place}/comments.json", comments)
    return missing


def plain(row: Model, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every column of a row, bytes in hex."""
    found = {
        each.attname: getattr(row, each.attname) for each in row._meta.concrete_fields if each.attname not in without
    }
    return {
        name: bytes(value).hex() if isinstance(value, bytes | memoryview) else value for name, value in found.items()
    }


def _json(value: Any, *, indent: int | None = None) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=indent)
