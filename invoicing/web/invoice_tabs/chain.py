"""Which invoices replaced which: the whole chain from any of its members, with what it came to.

Units: totals stand one a unit and are never added across units.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from invoicing.models import Invoice, Operation
from invoicing.money import EXACT, total_of
from invoicing.operations.void_and_replace import MISSING, PAUSED
from invoicing.vocabulary import OPEN_STATES, OperationState, Status

LONGEST = 24
REPLACING = ("void_and_replace", "regenerate_invoice")
Amounts = list[tuple[Decimal, str]]


@dataclass(frozen=True)
class Link:
    """One member; `invoice` is None while it is not mirrored. `replaces`: what it stands in for, where that is not the one above."""

    external_id: str
    invoice: Invoice | None
    here: bool = False
    replaces: str = ""


@dataclass(frozen=True)
class Chain:
    """Oldest first. `difference`: what stands at its ends less what it began with; empty where that cannot be told."""

    links: list[Link]
    voided: Amounts = field(default_factory=list)
    standing: Amounts = field(default_factory=list)
    difference: Amounts = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # named, and not mirrored
    waiting: list[Operation] = field(default_factory=list)  # replacements that were asked for and are not there
    cut: int = 0  # so many more members are not shown

    def __bool__(self) -> bool:
        return bool(self.links)


def chain_of(invoice: Invoice) -> Chain:
    """Every invoice that this one replaces or is replaced by, however far; empty when it stands alone."""
    asked = list(
        Operation.objects.filter(
            invoice__customer_id=invoice.customer_id,
            verb__in=REPLACING,
            state__in=[OperationState.SUCCEEDED, *OPEN_STATES],
        )
    )
    edges = _edges(invoice, asked)
    members = _reached(invoice.external_id, edges)
    waiting = [each for each in asked if each.parent_id is None and each.external_id in members and _is_missing(each)]
    if len(members) == 1:
        return Chain([], waiting=waiting)
    rows = Invoice.objects.filter(connection_id=invoice.connection_id, external_id__in=members)
    mirrored = {row.external_id: row for row in rows.select_related("connection")}
    former: dict[str, list[str]] = defaultdict(list)
    for old, new in sorted(edges):
        if old in members:
            former[new].append(old)
    ordered = _oldest_first(members, former, mirrored)
    links = []
    for at, identity in enumerate(ordered[:LONGEST]):
        above = ordered[at - 1] if at else ""
        apart = [old for old in former[identity] if old != above] if above not in former[identity] else []
        links.append(
            Link(identity, mirrored.get(identity), here=identity == invoice.external_id, replaces=", ".join(apart))
        )
    known = [mirrored[identity] for identity in ordered if identity in mirrored]
    begun = [identity for identity in ordered if not former[identity]]
    replaced = {old for olds in former.values() for old in olds}
    ends = [identity for identity in ordered if identity not in replaced]
    return Chain(
        links,
        voided=_sums(row for row in known if row.status == Status.VOID),
        standing=_sums(row for row in known if row.status not in (Status.VOID, Status.SKIPPED)),
        difference=_difference([mirrored.get(each) for each in begun], [mirrored.get(each) for each in ends]),
        missing=[identity for identity in ordered if identity not in mirrored],
        waiting=waiting,
        cut=max(0, len(ordered) - LONGEST),
    )


def _is_missing(operation: Operation) -> bool:
    """Half of it is done: the old one is void, the new one is not there."""
    return operation.open and operation.outcome.get("stage") in (MISSING, PAUSED)


def _edges(invoice: Invoice, asked: Iterable[Operation]) -> set[tuple[str, str]]:
    """(old, new) of every replacement of this customer that a provider names, or that an operation of ours made."""
    named = Invoice.objects.filter(customer_id=invoice.customer_id).exclude(replaces="", replaced_by="")
    edges = set()
    for identity, replaces, replaced_by in named.values_list("external_id", "replaces", "replaced_by"):
        edges |= {(replaces, identity)} if replaces else set()
        edges |= {(identity, replaced_by)} if replaced_by else set()
    for operation in asked:
        created = operation.outcome.get("created") if operation.state == OperationState.SUCCEEDED else ""
        edges |= {(operation.external_id, created)} if created else set()
    return {(old, new) for old, new in edges if old != new}


def _reached(start: str, edges: Iterable[tuple[str, str]]) -> set[str]:
    beside: dict[str, set[str]] = defaultdict(set)
    for old, new in edges:
        beside[old].add(new)
        beside[new].add(old)
    met, waiting = {start}, [start]
    while waiting:
        for other in beside[waiting.pop()] - met:
            met.add(other)
            waiting.append(other)
    return met


def _oldest_first(members: set[str], former: dict[str, list[str]], mirrored: dict[str, Invoice]) -> list[str]:
    """Each after all it replaces; a provider that lets two replace each other is shown by age alone."""
    depths: dict[str, int] = {}
    for _turn in range(len(members)):
        for identity in members:
            depths[identity] = max((depths.get(old, 0) + 1 for old in former[identity]), default=0)
            depths[identity] = min(depths[identity], len(members))
    age = {identity: row.pk for identity, row in mirrored.items()}
    return sorted(members, key=lambda identity: (depths[identity], age.get(identity, 0), identity))


def _sums(rows: Iterable[Invoice]) -> Amounts:
    by_unit: dict[str, list[Decimal]] = {}
    for row in rows:
        if row.total is not None:
            by_unit.setdefault(row.currency, []).append(row.total)
    return [(total_of(amounts), unit) for unit, amounts in by_unit.items()]


def _difference(begun: list[Invoice | None], ends: list[Invoice | None]) -> Amounts:
    """One figure a unit; nothing where a member is not mirrored or has no total: a part is no difference."""
    if any(row is None or row.total is None for row in [*begun, *ends]):
        return []
    standing = [row for row in ends if row is not None and row.status not in (Status.VOID, Status.SKIPPED)]
    first, last = dict(_by_unit(_sums(row for row in begun if row))), dict(_by_unit(_sums(standing)))
    units = [*first, *(unit for unit in last if unit not in first)]
    return [(EXACT.subtract(last.get(unit, Decimal(0)), first.get(unit, Decimal(0))), unit) for unit in units]


def _by_unit(amounts: Amounts) -> Iterable[tuple[str, Decimal]]:
    return ((unit, amount) for amount, unit in amounts)
