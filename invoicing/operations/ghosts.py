"""Looking through the mirror for what no operation of ours explains: done by somebody else, done late, done twice.

Providers finalize, collect and compute by themselves, so that a change alone proves nothing. Told is what the state
proves: a void or a replacement, an issue that the provider would not have made by itself, an effect that we called
absent, and a second effect beside one of ours.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from invoicing.models import Attempt, Incident, Invoice, InvoiceVersion, Operation, Position, clock
from invoicing.operations.add_line import LINES, AddLine
from invoicing.operations.create_invoice import MARK, CreateInvoice
from invoicing.operations.incidents import report
from invoicing.operations.reading_back import NoWire, payload_of
from invoicing.operations.registry import VERBS
from invoicing.operations.verb import Reading, Verdict
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import OPEN_STATES, OperationState, Status

Change = dict[str, Any]
WATCHED = "incidents"
CHUNK = 2000
OVERLAP = 500  # rows whose transaction ended after that of a later one are looked at again
EXPLAINED = (*OPEN_STATES, OperationState.SUCCEEDED)
LATE_WITHIN = timedelta(days=7)  # later than this, what comes about by itself too is no late effect of ours
REPLACING = ("regenerate_invoice", "void_and_replace")


@dataclass(frozen=True, slots=True)
class Sign:
    """A change of the mirror that verbs of ours leave behind. `decided`: only a person brings it about."""

    name: str
    verbs: tuple[str, ...]
    is_left: Callable[[Change], bool]
    decided: bool = False


def _became(field: str, *values: str) -> Callable[[Change], bool]:
    return lambda change: change.get("field") == field and change.get("after") in values


def _touched(*fields: str) -> Callable[[Change], bool]:
    return lambda change: change.get("field") in fields


def _is_end(change: Change) -> bool:
    """Void, or replaced: what only a person's decision, here or elsewhere, brings about."""
    field, after = change.get("field"), change.get("after")
    return (field == "status" and after == Status.VOID.value) or (field == "replaced_by" and bool(after))


SIGNS = (
    Sign("end", ("void", "void_and_replace"), _is_end, decided=True),
    Sign("issue", ("finalize",), _became("status", Status.FINALIZED.value)),
    Sign(
        "paid",
        ("mark_paid", "pay", "attempt_payment", "record_payment_status"),
        _touched("payment_status", "amount_paid"),
    ),
    Sign("lines", ("add_line", "remove_line"), _touched("lines")),
    Sign("dates", ("move_issue_date",), _touched("planned_issue_at", "issued_at")),
    Sign("details", ("update",), _touched("due_date", "po_number", "facts", "memo", "links")),
)


def scan() -> int:
    """Look through what changed in the mirror since the last time; how many incidents there are more."""
    place, new = Position.objects.get_or_create(name=WATCHED, defaults={"reached": _newest()})
    if new:
        return 0  # what was there before this desk began to watch is history
    before, reached = Incident.objects.count(), place.reached
    billed = _billed_by_us()
    while True:
        rows = list(
            InvoiceVersion.objects.filter(pk__gt=reached)
            .order_by("pk")
            .values_list(
                *("pk", "invoice_id", "number", "changes", "invoice__replaces"),
                *("invoice__connection_id", "invoice__customer__external_id"),
            )[:CHUNK]
        )
        for _, invoice_id, number, changes, replaces, connection_id, customer in rows:
            if number > 1:
                _explain(invoice_id, number, changes)
            elif replaces or (connection_id, customer) in billed:
                _explain_new(invoice_id)
        if len(rows) < CHUNK:
            break
        reached = rows[-1][0]
    Position.objects.filter(name=WATCHED).update(reached=max(place.reached, _newest() - OVERLAP))
    return Incident.objects.count() - before


def _newest() -> int:
    return InvoiceVersion.objects.aggregate(newest=Max("pk"))["newest"] or 0


def _billed_by_us() -> set[tuple[int, str]]:
    """Connections and customers that we billed once, lately: their new invoices may be second ones."""
    lately = Operation.objects.filter(verb=CreateInvoice.key, created_at__gt=clock.now() - 4 * LATE_WITHIN)
    return set(lately.values_list("connection_id", "external_id"))


def _explain(invoice_id: int, number: int, changes: Iterable[Change]) -> None:
    """One changed version of an invoice: each sign in it."""
    changes = list(changes)
    left = [sign for sign in SIGNS if any(sign.is_left(change) for change in changes)]
    if not left:
        return
    invoice = Invoice.objects.select_related("connection", "customer").get(pk=invoice_id)
    with transaction.atomic():
        for sign in left:
            _told(invoice, number, sign)


def _told(invoice: Invoice, number: int, sign: Sign) -> None:
    """Nothing to tell where one of our operations did it, or may be doing it."""
    ours = Operation.objects.filter(invoice=invoice, verb__in=sign.verbs).order_by("-created_at")
    if sign.name == "lines":
        _told_twice(invoice, ours)
    last = ours.first()
    if sign.decided and ours.filter(state__in=EXPLAINED).exists():
        return
    if last and last.state in EXPLAINED:
        return
    name = PROVIDERS[invoice.connection.provider].name
    late = _late(last, sign) if last else ""
    if last and late:
        text = f"{name} shows it as {invoice.provider_status}, though our request was called not done."
        mark = f"{sign.name}:{invoice.pk}:{number}"
        if not sign.decided:  # what the mirror shows now, whichever version brought it: told once an operation
            text = f"{VERBS[last.verb].name} was called not done, and {name} shows its effect now. {late}."
            mark = f"late:{last.pk}"
        _report(Incident.Kind.LATE, invoice, mark, text, last)
    elif sign.decided:
        text = f"{name} shows it as {invoice.provider_status}, and nobody here asked for that."
        _report(Incident.Kind.FOREIGN, invoice, f"{sign.name}:{invoice.pk}:{number}", text)
    elif sign.name == "issue" and _issued_by_hand(invoice, number):
        text = f"{name} does not issue it by itself, and shows it as {invoice.provider_status}: nobody here asked for that."
        _report(Incident.Kind.FOREIGN, invoice, f"{sign.name}:{invoice.pk}:{number}", text)


def _late(last: Operation, sign: Sign) -> str:
    """What the mirror shows of an operation that was called not done; empty where it shows nothing of it."""
    written = last.attempts.exclude(wire=Attempt.Wire.NONE)
    if sign.decided:
        return "It has ended" if written.exists() else ""
    ended = last.finished_at
    if last.state != OperationState.NOT_DONE or ended is None or clock.now() - ended > LATE_WITHIN:
        return ""
    if not written.filter(wire=Attempt.Wire.MAYBE).exists():
        return ""
    found = VERBS[last.verb].proof(Reading(last, PROVIDERS[last.connection.provider], NoWire()))
    return found.saw if found.verdict is Verdict.APPLIED else ""


def _issued_by_hand(invoice: Invoice, number: int) -> bool:
    """Whether the draft was one that its provider does not issue by itself."""
    before = InvoiceVersion.objects.filter(invoice=invoice, number=number - 1).first()
    return before is not None and before.payload_json().get("will_auto_issue") is False


def _told_twice(invoice: Invoice, ours) -> None:
    """More lines like one that we added than we added of them."""
    added = [each for each in ours.filter(verb=AddLine.key) if each.state == OperationState.SUCCEEDED]
    if not added:
        return
    newest, first = added[0], added[-1]
    known = first.seen.get("before", {}).get(LINES, [])
    alike = [each for each in added if each.arguments == newest.arguments]
    lines = [line for line in invoice.lines.select_related("text") if line.details.get("external_id") not in known]
    same = [line for line in lines if _is(line, newest.arguments)]
    if len(same) > len(alike):
        text = f"“{same[0].text.text[:80]}” stands on it {len(same)} times, and was added {len(alike)} times from here."
        _report(Incident.Kind.DOUBLE, invoice, f"line:{newest.pk}:{len(same)}", text, newest)


def _is(line, arguments: dict[str, Any]) -> bool:
    wanted = AddLine.amount_of(arguments)
    named = arguments.get("name")
    return line.amount is not None and line.amount == wanted and (not named or line.text.text == named)


def _explain_new(invoice_id: int) -> None:
    """A new invoice: does it replace one a second time, or bill a second time, or after that was called not done?"""
    invoice = Invoice.objects.select_related("connection", "customer").get(pk=invoice_id)
    with transaction.atomic():
        for kind, mark, text, about, operation in _second(invoice):
            _report(kind, about, mark, text, operation)


def _second(invoice: Invoice) -> Iterator[tuple[Incident.Kind, str, str, Invoice, Operation]]:
    name = PROVIDERS[invoice.connection.provider].name
    if invoice.replaces:
        ours = Operation.objects.filter(
            connection=invoice.connection, external_id=invoice.replaces, invoice__isnull=False, verb__in=REPLACING
        ).order_by("-created_at")
        last = ours.first()
        replaced = last.invoice if last else None
        if last and replaced:
            siblings = Invoice.objects.filter(connection=invoice.connection, replaces=invoice.replaces).count()
            if siblings > 1:
                text = f"{siblings} invoices say that they replace it; the newest is {invoice}."
                yield Incident.Kind.DOUBLE, f"double:{last.pk}", text, replaced, last
            elif last.state == OperationState.NOT_DONE and _was_written(last):
                text = f"{VERBS[last.verb].name} was called not done, and {name} shows its replacement {invoice} now."
                yield Incident.Kind.LATE, f"replaced:{replaced.pk}:late", text, replaced, last
    maker = _maker(invoice)
    if maker is None:
        return
    if maker.state == OperationState.NOT_DONE:
        text = f"{VERBS[maker.verb].name} was called not done, and {name} has this invoice with its mark."
        yield Incident.Kind.LATE, f"made:{invoice.pk}", text, invoice, maker
    elif maker.state == OperationState.SUCCEEDED and maker.outcome.get("created") not in (
        "",
        None,
        invoice.external_id,
    ):
        text = f"It carries the mark of an operation that made {maker.outcome['created']}: it was billed twice."
        yield Incident.Kind.DOUBLE, f"made:{invoice.pk}", text, invoice, maker


def _maker(invoice: Invoice) -> Operation | None:
    """The one-off operation whose mark the invoice carries."""
    metadata = payload_of(invoice).get("metadata")
    marked = metadata.get(MARK) if isinstance(metadata, dict) else None
    if not isinstance(marked, str):
        return None
    ours = Operation.objects.filter(
        verb=CreateInvoice.key, connection=invoice.connection, external_id=invoice.customer.external_id
    )
    return next((each for each in ours if str(each.pk) == marked), None)


def _was_written(operation: Operation) -> bool:
    return operation.attempts.exclude(wire=Attempt.Wire.NONE).exists()


def _report(kind: Incident.Kind, invoice: Invoice, mark: str, text: str, operation: Operation | None = None) -> None:
    report(kind, mark=mark, text=text, connection=invoice.connection, invoice=invoice, operation=operation)
