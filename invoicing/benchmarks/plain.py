"""What a list is of, as the ORM says it: slow, plain, and the measure of every faster way.

Tests compare the list's answers with these, and the benchmark its speed.
"""

from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal

from django.db.models import Count, Q, QuerySet

from invoicing.listing.criteria import SORTS, Criteria
from invoicing.models import Invoice, InvoiceTotal, LineItem
from invoicing.models.search import fold
from invoicing.money import EXACT, MAX_MICROS, micros
from invoicing.vocabulary import Direction

DIMENSIONS = {
    "connection": ("connections", "connection_id"),
    "status": ("statuses", "status"),
    "payment": ("payments", "payment_status"),
    "currency": ("currencies", "currency"),
}


def matching(criteria: Criteria) -> QuerySet[Invoice]:
    """The invoices asked for, in no order."""
    if criteria.impossible:
        return Invoice.objects.none()
    wanted = Q(book=criteria.book)
    for column, values in (
        ("connection", criteria.connections),
        ("status", criteria.statuses),
        ("payment_status", criteria.payments),
        ("customer", criteria.customers),
    ):
        if values:
            wanted &= Q(**{f"{column}__in": values})
    wanted &= ~Q(customer__in=criteria.without_customers) & ~Q(currency__in=criteria.without_currencies)
    if criteria.without_currencies:
        wanted &= ~Q(pk__in=InvoiceTotal.objects.filter(unit__in=criteria.without_currencies).values("invoice"))
    for column, span in (
        ("listed_on", criteria.listed),
        ("due_date", criteria.due),
        ("finalized_on", criteria.finalized),
        ("voided_on", criteria.voided),
        ("read_at__date", criteria.synced),
    ):
        if span.first:
            wanted &= Q(**{f"{column}__gte": span.first})
        if span.last:
            wanted &= Q(**{f"{column}__lte": span.last})
    if criteria.period.first:
        wanted &= Q(period_end__gt=criteria.period.first) | Q(period_end=None, period_start__gt=criteria.period.first)
    if criteria.period.last:
        wanted &= Q(period_start__lte=criteria.period.last) | Q(period_start=None, period_end__lte=criteria.period.last)
    if criteria.overdue:
        wanted &= Q(outstanding=True, due_sort__lt=criteria.today)
    if criteria.unrecognized:
        wanted &= Q(unrecognized=True)
    if criteria.differing:
        wanted &= Q(line_difference__isnull=False)
    return Invoice.objects.filter(wanted & _amounts(criteria) & _search(criteria.search))


def _amounts(criteria: Criteria) -> Q:
    if not criteria.currencies:
        return Q()
    first, further = Q(currency__in=criteria.currencies), Q(unit__in=criteria.currencies)
    if criteria.least is not None:
        least = micros(criteria.least)
        finer = EXACT.multiply(criteria.least, Decimal(10**6)) > least
        bound = Q(total_micros__gte=min(least + finer, MAX_MICROS))
        first, further = first & bound & Q(total__isnull=False), further & bound
    if criteria.most is not None:
        bound = Q(total_micros__lte=micros(criteria.most))
        first, further = first & bound & Q(total__isnull=False), further & bound
    return first | Q(pk__in=InvoiceTotal.objects.filter(further).values("invoice"))


def _search(text: str) -> Q:
    if not text:
        return Q()
    needle = fold(text.strip())
    lines = LineItem.objects.filter(text__search_text__contains=needle).values("invoice")
    return Q(search_text__contains=needle) | Q(customer__search_text__contains=needle) | Q(pk__in=lines)


def ordered(criteria: Criteria) -> QuerySet[Invoice]:
    sign = "-" if criteria.descending else ""
    return matching(criteria).order_by(*(f"{sign}{column}" for column in (*SORTS[criteria.sort].columns, "id")))


def counts(criteria: Criteria) -> dict[str, dict]:
    """Dimension → value → how many, each dimension's own filter lifted. Beside a payable's unit: how many have such an amount."""
    found = {}
    for name, (asked, column) in DIMENSIONS.items():
        own = {asked: (), "without_currencies": ()} if name == "currency" else {asked: ()}
        lifted = replace(criteria, **own)
        if name == "currency" and (criteria.least is not None or criteria.most is not None):
            lifted = criteria  # amounts are of one currency
        rows = matching(lifted).order_by()
        found[name] = Counter(dict(rows.values_list(column).annotate(Count("pk"))))
        if name == "currency" and criteria.book.direction == Direction.PAYABLE:
            found[name] = _amounts_by_unit(matching(criteria))
    return found


def _amounts_by_unit(rows: QuerySet[Invoice]) -> Counter:
    units = Counter(rows.filter(total__isnull=False).values_list("currency", flat=True))
    return units + Counter(InvoiceTotal.objects.filter(invoice__in=rows).values_list("unit", flat=True))


def totals(criteria: Criteria) -> dict[str, tuple[int, Decimal, Decimal]]:
    """Unit → how many amounts, their sum, and what of it is outstanding; exact, added in Python."""
    sums: dict[str, list] = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
    rows = matching(criteria).filter(in_totals=True)
    for unit, total, due, outstanding in rows.values_list("currency", "total", "amount_due", "outstanding"):
        if total is not None:
            sums[unit][0] += 1
            sums[unit][1] = EXACT.add(sums[unit][1], total)
            if outstanding:
                sums[unit][2] = EXACT.add(sums[unit][2], due)
    for unit, total in InvoiceTotal.objects.filter(invoice__in=rows).values_list("unit", "total"):
        sums[unit][0] += 1
        sums[unit][1] = EXACT.add(sums[unit][1], total)
    return {unit: (amounts, total, due) for unit, (amounts, total, due) in sums.items()}
