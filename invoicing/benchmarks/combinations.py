"""Random combinations of filters: does the list answer what the ORM answers, and is any of them a cliff?

Units: milliseconds; ours is a page of 50 with count, totals and counts by value, the ORM's the page alone. `cpu` is this
process's own time, which other work on the machine does not lengthen.
"""

import random
import time
from datetime import date, timedelta
from decimal import Decimal
from statistics import quantiles

from django.utils import timezone

from invoicing.benchmarks import data, plain
from invoicing.listing.criteria import SORTS, Criteria, Span
from invoicing.listing.invoice_list import InvoiceList
from invoicing.models import Book, Connection
from invoicing.vocabulary import Payment, Status

SEED = 11
STATUSES = (Status.DRAFT, Status.FINALIZED, Status.VOID)
PAYMENTS = (Payment.NOT_TRACKED, Payment.UNPAID, Payment.PAID)
SOUGHT = (
    "nord",
    "fjordlake",
    "gmbh",
    "backups",
    "storage, ap-tokyo, tier 7",
    "inv-2025-04",
    "no such name",
    "harborstone ltd",
)


def compare(*, number: int, only_ours: bool = False) -> dict:
    """Of half as the list opens, newest first, and half in any order: percentiles, what differs, and the slowest."""
    half = number // 2
    newest = _compare(half, only_ours, sorts=("listed",))
    any_order = _compare(number - half, only_ours, sorts=tuple(SORTS))
    return {
        "newest": newest,
        "any order": any_order,
        "differing": newest.pop("differing") + any_order.pop("differing"),
    }


def _compare(number: int, only_ours: bool, *, sorts: tuple[str, ...]) -> dict:
    chance, today = random.Random(SEED), timezone.localdate()
    connections = list(Connection.objects.filter(direction="receivable").values_list("pk", flat=True))
    ours, cpu, orm, slowest, differing = [], [], [], [], []
    for _ in range(number):
        criteria = drawn(chance, connections, today, sorts)
        InvoiceList(criteria).page()  # neither side pays for cold pages
        began, began_cpu = time.perf_counter(), time.process_time()
        found = InvoiceList(criteria)
        ids = [row.pk for row in found.page().rows]
        count = found.facets.count_text
        ours.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - began_cpu) * 1000)
        slowest.append((round(ours[-1], 1), round(cpu[-1], 1), count, told(criteria)))
        if only_ours:
            continue
        began = time.perf_counter()
        expected = [row.pk for row in plain.ordered(criteria).select_related("customer", "connection")[:50]]
        orm.append((time.perf_counter() - began) * 1000)
        if ids != expected:
            differing.append(told(criteria))
    return {
        "number": number,
        "ours": _percentiles(ours),
        "cpu": _percentiles(cpu),
        **({} if only_ours else {"orm": _percentiles(orm)}),
        "slowest": sorted(slowest, reverse=True)[:5],
        "differing": differing,
    }


def drawn(chance: random.Random, connections: list[int], today: date, sorts: tuple[str, ...]) -> Criteria:
    def some(values, share: float, most: int) -> tuple:
        return tuple(chance.sample([*values], chance.randint(1, most))) if chance.random() < share else ()

    def span(share: float) -> Span:
        if chance.random() > share:
            return Span()
        first = today - timedelta(days=chance.randrange(data.DAYS))
        return chance.choice(
            (Span(first), Span(None, first), Span(first, first + timedelta(days=chance.choice((0, 6, 90, 540)))))
        )

    least = Decimal(chance.choice((0, 10, 100, 100, 5000))) if chance.random() < 0.2 else None
    most = None if least is None else chance.choice((None, least + 1, least * 3))
    return Criteria(
        book=Book.RECEIVABLE,
        today=today,
        connections=some(connections, 0.4, 3),
        statuses=some(STATUSES, 0.4, 2),
        payments=some(PAYMENTS, 0.4, 2),
        currencies=tuple(chance.sample([*data.CURRENCIES], 1)) if least is not None or chance.random() < 0.3 else (),
        listed=span(0.35),
        due=span(0.1),
        least=least,
        most=most,
        overdue=chance.random() < 0.1,
        search=chance.choice(SOUGHT) if chance.random() < 0.3 else "",
        sort=chance.choice(sorts),
        descending=sorts == ("listed",) or chance.random() < 0.5,
    )


def told(criteria: Criteria) -> str:
    """What is asked, in one line."""
    parts = []
    for name in Criteria.__slots__:
        value = getattr(criteria, name)
        if value and name not in ("book", "today"):
            shown = [value.first, value.last] if isinstance(value, Span) else value
            parts.append(
                f"{name}={','.join(str(each) for each in shown) if isinstance(shown, (tuple, list)) else shown}"
            )
    return " ".join(parts)


def _percentiles(times: list[float]) -> dict:
    cuts = quantiles(times, n=100, method="inclusive")
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "max": round(max(times), 2)}
