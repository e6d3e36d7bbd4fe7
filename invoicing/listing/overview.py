"""What is owed and when it is due, and what was billed by month: read from the summary table, never from the rows.

One book at a time, so that neither directions nor test data mix; one unit at a time, so that no sum crosses two.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, F, IntegerField, Q, Sum, Value, When

from invoicing.models import Book, SummaryCell
from invoicing.money import EXACT, joined
from invoicing.vocabulary import Status

AGES = ("not_due", "d30", "d60", "d90", "older")
"""How long past its due day: not at all, up to 30 days, 60, 90, and longer."""
NO_DUE_MONTH = date(9999, 12, 1)
OLDEST = timedelta(days=90)
SOON = timedelta(days=6)  # with today, seven days
NONE = Decimal(0)


@dataclass
class Part:
    """So many invoices and what they come to, in one unit."""

    invoices: int = 0
    amount: Decimal = NONE

    def add(self, invoices: int, amount: Decimal) -> None:
        self.invoices += invoices
        self.amount = EXACT.add(self.amount, amount)


@dataclass
class Owed:
    """What is outstanding in one unit, by age. `soon` (due today or in the six days after) is part of not due."""

    unit: str
    ages: dict[str, Part] = field(default_factory=lambda: {age: Part() for age in AGES})
    soon: Part = field(default_factory=Part)
    undated: Part = field(default_factory=Part)

    @property
    def outstanding(self) -> Part:
        return _together(self.ages.values())

    @property
    def overdue(self) -> Part:
        return _together(self.ages[age] for age in AGES[1:])


def _together(parts) -> Part:
    whole = Part()
    for part in parts:
        whole.add(part.invoices, part.amount)
    return whole


def owed(book: Book, today: date, connections: Collection[int]) -> list[Owed]:
    """What these connections' invoices have outstanding, a row a unit, that of most invoices first.

    Days are read for the months in which one age ends and the next begins, whole months before and after.
    """
    first, last = (today - OLDEST).replace(day=1), _end_of_month(today + SOON)
    grain = SummaryCell.Grain
    bucket = Case(
        When(period__gte=NO_DUE_MONTH, then=Value("undated")),
        When(period__gt=today + SOON, then=Value("later")),
        When(period__gte=today, then=Value("soon")),
        *(When(period__gte=today - timedelta(days=days), then=Value(f"d{days}")) for days in (30, 60, 90)),
        default=Value("older"),
    )
    cells = SummaryCell.objects.filter(
        Q(grain=grain.DAY, period__range=(first, last))
        | Q(grain=grain.MONTH, period__lt=first)
        | Q(grain=grain.MONTH, period__gt=last),
        book=book,
        axis=SummaryCell.Axis.DUE,
        in_totals=True,
        connection__in=connections,
    ).annotate(bucket=bucket)
    units: dict[str, Owed] = {}
    for (unit, key), part in _sums(cells, "bucket", "due").items():
        row = units.setdefault(unit, Owed(unit))
        row.ages[key if key in AGES else "not_due"].add(part.invoices, part.amount)
        if key in ("soon", "undated"):
            getattr(row, key).add(part.invoices, part.amount)
    return sorted(
        (each for each in units.values() if each.outstanding.invoices), key=lambda o: (-o.outstanding.invoices, o.unit)
    )


def _end_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def billed(
    book: Book, first: date, last: date, connections: Collection[int]
) -> dict[str, dict[tuple[date, str], Part]]:
    """Unit → (first day of the month, provider) → what was billed then. Drafts, voided and skipped ones are not counted."""
    cells = SummaryCell.objects.filter(
        book=book,
        axis=SummaryCell.Axis.LISTED,
        grain=SummaryCell.Grain.MONTH,
        period__range=(first, last),
        status=Status.FINALIZED,
        in_totals=True,
        connection__in=connections,
    )
    found: dict[str, dict[tuple[date, str], Part]] = defaultdict(dict)
    for provider in set(cells.values_list("connection__provider", flat=True)):
        for (unit, month), part in _sums(cells.filter(connection__provider=provider), "period", "total").items():
            found[unit][month, provider] = part
    return dict(found)


def past_drafts(book: Book, before: date, connections: Collection[int]) -> int:
    """Drafts listed under a day before this one: they should have been issued by then, or thrown away."""
    cells = SummaryCell.objects.filter(
        Q(grain=SummaryCell.Grain.DAY, period__gte=before.replace(day=1), period__lt=before)
        | Q(grain=SummaryCell.Grain.MONTH, period__lt=before.replace(day=1)),
        book=book,
        axis=SummaryCell.Axis.LISTED,
        status=Status.DRAFT,
        connection__in=connections,
    )
    return cells.aggregate(all=Sum("invoices"))["all"] or 0


def _sums(cells, by: str, what: str) -> dict[tuple[str, object], Part]:
    """(unit, value of `by`) → the exact sum. Amounts finer than a millionth are text and hardly ever there, so they are
    asked for apart.
    """
    units, millionths, rest = f"{what}_units", f"{what}_millionths", f"{what}_rest"
    finer = Case(When(Q(**{rest: "0"}), then=0), default=1, output_field=IntegerField())
    grouped = (
        cells.order_by()
        .values("currency", key=F(by))
        .annotate(many=Sum("amounts"), whole=Sum(units), parts=Sum(millionths), finer=Sum(finer))
    )
    found, some_finer = {}, False
    for row in grouped:
        found[row["currency"], row["key"]] = Part(int(row["many"]), joined(int(row["whole"]), int(row["parts"])))
        some_finer = some_finer or bool(row["finer"])
    if some_finer:
        for unit, key, amount in cells.exclude(**{rest: "0"}).values_list("currency", by, rest):
            found[unit, key].add(0, Decimal(amount))
    return {place: part for place, part in found.items() if part.invoices or part.amount}
