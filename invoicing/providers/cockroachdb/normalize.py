"""A CockroachDB Cloud bill in our words.

Units: amounts are JSON numbers in major units; USD and credits stand side by side and never add. An omitted amount is
zero and an omitted currency USD, as protobuf leaves out its defaults: our choice, the specification does not say.
Errors: PayloadNotUnderstood, naming the field.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from invoicing.money import EXACT, exact_text
from invoicing.providers.base import Context
from invoicing.providers.normalizing import Part, day_in, understood
from invoicing.providers.snapshots import CustomerSnapshot, InvoiceSnapshot, LineSnapshot, UnitTotal
from invoicing.vocabulary import ListedBy, Payment, Status

STATUSES = {"DRAFT": Status.DRAFT, "FINALIZED": Status.FINALIZED}
CURRENCIES = ("USD", "CRDB_CLOUD_CREDITS")
ORGANIZATION = "organization"
"""The customer of every bill: the organization that the key belongs to. Its own id is often not readable to the key."""


def status_by_period(period_end: datetime, now: datetime) -> str:
    """For servers of before July 2025, which send no status: a month that has ended is final."""
    return "DRAFT" if period_end > now else "FINALIZED"


def invoice(payload: dict, context: Context) -> InvoiceSnapshot:
    with understood("CockroachDB Cloud invoice"):
        return _invoice(Part("CockroachDB Cloud invoice", payload), context)


def _invoice(raw: Part, context: Context) -> InvoiceSnapshot:
    period_start, period_end = raw.required_moment("period_start"), raw.required_moment("period_end")
    word = raw.text("status", 100)
    taken_for = word or status_by_period(period_end, datetime.now(UTC))
    totals = _amounts(raw.required_parts("totals"))
    balances = _amounts(raw.required_parts("balances"))
    clusters = raw.required_parts("invoice_items")
    unit = "USD" if "USD" in totals or not totals else next(iter(totals))
    lines = tuple(
        LineSnapshot(position=position, **line)
        for position, line in enumerate(_lines(raw, clusters, raw.parts("adjustments")))
    )
    unknown = {line.unit for line in lines} | set(totals) | set(balances)
    return InvoiceSnapshot(
        provider="cockroachdb",
        external_id=raw.identifier("invoice_id"),
        status=STATUSES.get(taken_for, Status.UNRECOGNIZED),
        payment_status=Payment.NOT_TRACKED,
        provider_status=word,
        customer=context.customers.get(ORGANIZATION) or CustomerSnapshot(external_id=ORGANIZATION),
        currency=unit,
        total=totals.get(unit),
        listed_on=day_in(period_end, "UTC"),
        listed_by=ListedBy.PERIOD_END,
        further_totals=tuple(UnitTotal(unit=name, amount=amount) for name, amount in totals.items() if name != unit),
        balances=tuple(UnitTotal(unit=name, amount=amount) for name, amount in balances.items()),
        period_start=period_start,
        period_end=period_end,
        lines=lines,
        notices=tuple(_notices(totals, word, taken_for, period_end)),
        facts=tuple(_facts(clusters)),
        unrecognized=(
            *((f"status={word}",) if taken_for not in STATUSES else ()),
            *(f"currency={name}" for name in sorted(unknown - set(CURRENCIES))),
        ),
    )


def organization(payload: dict) -> CustomerSnapshot:
    with understood("CockroachDB Cloud organization"):
        raw = Part("CockroachDB Cloud organization", payload)
        raw.identifier("id")
        return CustomerSnapshot(
            external_id=ORGANIZATION, name=raw.text("name") or raw.text("label"), reference=raw.text("label", 255)
        )


def _amounts(parts: list[Part]) -> dict[str, Decimal]:
    """Amounts by unit, in the order sent. The provider promises one of a unit; were there more, they are parts of one."""
    amounts: dict[str, Decimal] = {}
    for part in parts:
        unit, amount = _amount(part)
        amounts[unit] = EXACT.add(amounts[unit], amount) if unit in amounts else amount
    return amounts


def _amount(raw: Part) -> tuple[str, Decimal]:
    amount = raw.required_amount("amount") if raw.has("amount") else Decimal(0)
    return raw.text("currency", 64) or "USD", amount


def _lines(raw: Part, clusters: list[Part], adjustments: list[Part]) -> Iterator[dict]:
    folders = _folders(raw)
    for item in clusters:
        cluster = item.required_part("cluster")
        group = cluster.text("name") or cluster.text("id")
        facts = (
            ("Cluster id", cluster.text("id")),
            ("Plan", cluster.text("plan")),
            ("Cloud", cluster.text("cloud_provider")),
            ("Folder", folders.get(cluster.text("id"), "")),
        )
        for line in item.required_parts("line_items"):
            unit, amount = _amount(line.required_part("total"))
            yield {
                "text": line.text("description"),
                "unit": unit,
                "amount": amount,
                "quantity": line.amount("quantity"),
                "quantity_unit": line.text("quantity_unit", 64),
                "unit_price": line.amount("unit_cost"),
                "group": group,
                "facts": tuple(fact for fact in facts if fact[1]),
            }
    for adjustment in adjustments:
        unit, amount = _amount(adjustment.required_part("amount"))
        yield {"text": adjustment.text("name"), "unit": unit, "amount": amount, "kind": "adjustment"}


def _folders(raw: Part) -> dict[str, str]:
    """Where each cluster lies, "platform / eu"; a preview feature, so nothing of it is required."""
    return {
        part.text("resource_id"): " / ".join(filter(None, (step.text("name") for step in part.parts("path"))))
        for part in raw.parts("folder_resources")
    }


def _notices(totals: dict[str, Decimal], word: str, taken_for: str, period_end: datetime) -> Iterator[str]:
    if not word:
        ends = "ends" if taken_for == "DRAFT" else "ended"
        kind = "a draft" if taken_for == "DRAFT" else "final"
        yield (
            "The provider does not say whether this bill is final. "
            f"Its period {ends} on {day_in(period_end, 'UTC')}, so it is taken for {kind}."
        )
    if not totals:
        yield "The provider states no total."


def _facts(clusters: list[Part]) -> Iterator[tuple[str, str]]:
    """What the clusters cost before adjustments, per unit, as the provider adds it up."""
    for unit, amount in _amounts([part for item in clusters for part in item.parts("totals")]).items():
        yield "Clusters before adjustments", f"{exact_text(amount)} {unit}"
