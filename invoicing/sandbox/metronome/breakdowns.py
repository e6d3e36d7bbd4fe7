"""An invoice cut into days or hours: the same invoice once per window, its usage spread over its period."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from . import lines
from .books import DRAFT, Held
from .figures import EXACT
from .reading import page

WINDOWS = {"DAY": (timedelta(days=1), 35), "HOUR": (timedelta(hours=1), 24)}  # length, most windows on a page


def windows(held: Held, size: timedelta, start: datetime, end: datetime, now: datetime) -> Iterator[int]:
    """Which windows of an invoice's period lie wholly inside [start, end]; of a draft's, those that have begun."""
    first, last = held.body.get("start_timestamp"), held.body.get("end_timestamp")
    if first is None:
        return
    if held.status == DRAFT:
        last = min(last, now)
    begin = max(0, -((first - start) // size))
    for number in range(begin, max(begin, -((first - last) // size))):
        if first + (number + 1) * size > end:
            return
        yield number


def part(amount: Decimal, number: int, count: int) -> Decimal:
    """The share of an amount that falls into one of `count` windows: whole units, and the rest in the last."""
    whole = int(amount)
    share = Decimal(whole * (number + 1) // count - whole * number // count)
    return share + (amount - whole) if number == count - 1 else share


def breakdown(held: Held, size: timedelta, number: int, now: datetime) -> dict:
    """The invoice of one window."""
    body, first = held.body, held.body["start_timestamp"]
    until = min(body["end_timestamp"], now) if held.status == DRAFT else body["end_timestamp"]
    count = max(1, -((first - until) // size))
    start, end = first + number * size, first + (number + 1) * size
    shown, covered = [], Decimal(0)
    for line in body["line_items"]:
        if line["type"] not in ("usage", "applied_commit_or_credit", "cpu_conversion"):
            continue
        line = line | {"starting_at": start, "ending_before": end}
        if line["type"] == "applied_commit_or_credit":  # takes away the covered line just above
            line["total"] = -covered
            if "quantity_consumed" in line:
                line["quantity_consumed"] = shown[-1]["quantity"]
        else:
            line["quantity"] = part(line["quantity"], number, count)
            line["total"] = covered = EXACT.multiply(line["quantity"], line.get("unit_price", line["total"]))
        shown.append(line)
    window = body | {"line_items": shown, "invoice_adjustments": []}
    window["subtotal"], window["total"] = lines.total(window)
    return window | {"breakdown_start_timestamp": start, "breakdown_end_timestamp": end}


def breakdown_page(invoices: list[Held], window: str, span: tuple, now: datetime, after, limit: int, descending: bool):
    """One page of (invoice, window), and the key of the next. A page holds at most 35 days, or 24 hours."""
    size, most = WINDOWS[window]
    rows = [
        (held.listed_at.isoformat(), held.id, number, held)
        for held in invoices
        for number in windows(held, size, *span, now)
    ]
    shown, key = page(rows, lambda row: row[:3], after, limit, descending=descending)
    seen = set()
    for position, row in enumerate(shown):
        seen.add(row[3].body["start_timestamp"] + row[2] * size)
        if len(seen) > most:
            shown = shown[:position]
            key = list(shown[-1][:3])
            break
    return [breakdown(row[3], size, row[2], now) for row in shown], key
