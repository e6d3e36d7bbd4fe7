"""What is unusual about an invoice: pure functions over what providers said, each naming the two figures it compared.

Nothing is guessed: the same snapshots give the same findings. Amounts of different units are never compared.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from invoicing.models import AnomalyKind as Kind
from invoicing.money import EXACT, exact_text, total_of
from invoicing.providers.snapshots import InvoiceSnapshot, LineSnapshot
from invoicing.vocabulary import Status

PERIODS, FEWEST = 6, 3
MOST_OF_A_KIND = 12
SOON = timedelta(hours=48)
WITH_VAT_NUMBERS = {
    *("AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IT", "LT"),
    *("LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
}
"""Countries in which a business customer's invoice has either tax or a tax number."""
MONTH = r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*\b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An earlier invoice of the same customer, as its row says. Days; the period's end is not part of it."""

    name: str
    kind: str
    currency: str
    total: Decimal | None
    day: date | None = None  # it is listed under
    period_start: date | None = None
    period_end: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`here` is this invoice's figure, `there` what it was held against; `against` says in a word what that is."""

    kind: Kind
    here: str
    there: str
    against: str
    unit: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that the checks look at."""

    invoice: InvoiceSnapshot
    start: date | None = None  # of its period, in the provider's days
    end: date | None = None  # exclusive
    past: Sequence[Past] = ()  # newest first
    former: InvoiceSnapshot | None = None  # the same subscription's invoice before this one
    now: datetime
    payable: bool = False


def findings(case: Case) -> list[Finding]:
    """Everything unusual, in the order of CHECKS; endless lists end."""
    found: list[Finding] = []
    for check in CHECKS:
        found += list(check(case))[:MOST_OF_A_KIND]
    return found


def median(figures: Iterable[Decimal]) -> Decimal:
    """Exact: of an even number the mean of the middle two."""
    ordered = sorted(figures)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return EXACT.divide(EXACT.add(ordered[middle - 1], ordered[middle]), Decimal(2))


def amount(case: Case) -> Iterator[Finding]:
    """More than half as much again as usual, or less than half; and beyond all of the last six."""
    invoice = case.invoice
    known = [each.total for each in case.past if each.currency == invoice.currency and each.total is not None][:PERIODS]
    if invoice.total is None or len(known) < FEWEST:
        return
    usual = median(known)
    apart = abs(EXACT.subtract(invoice.total, usual))
    if EXACT.multiply(apart, Decimal(2)) <= abs(usual) or min(known) <= invoice.total <= max(known):
        return
    if invoice.status == Status.DRAFT and invoice.total < usual:
        return  # a draft is still growing
    yield Finding(
        kind=Kind.AMOUNT,
        here=exact_text(invoice.total),
        there=exact_text(usual),
        against="median",
        unit=invoice.currency,
    )


def new_lines(case: Case) -> Iterator[Finding]:
    former, now = _by_text(case.former), _by_text(case.invoice)
    for key in now.keys() - former.keys() if former else ():
        line = now[key][0]
        if line.amount:
            yield Finding(
                kind=Kind.NEW_LINE, here=exact_text(line.amount), there="0", against="lines_before", unit=line.unit,
                about=line.text,
            )  # fmt: skip


def lost_lines(case: Case) -> Iterator[Finding]:
    if case.invoice.status == Status.DRAFT:
        return  # it may still come
    former, now = _by_text(case.former), _by_text(case.invoice)
    for key in former.keys() - now.keys() if now else ():
        line = former[key][0]
        if line.amount:
            yield Finding(
                kind=Kind.LOST_LINE, here="0", there=exact_text(line.amount), against="line_before", unit=line.unit,
                about=line.text,
            )  # fmt: skip


def unit_prices(case: Case) -> Iterator[Finding]:
    """Of lines that are there once, then and now."""
    former, now = _by_text(case.former), _by_text(case.invoice)
    for key, lines in now.items():
        before = former.get(key, ())
        if len(lines) != 1 or len(before) != 1:
            continue
        line, old = lines[0], before[0]
        if line.unit_price is None or old.unit_price is None or line.unit_price == old.unit_price:
            continue
        yield Finding(
            kind=Kind.UNIT_PRICE, here=exact_text(line.unit_price), there=exact_text(old.unit_price),
            against="price_before", unit=line.unit, about=line.text,
        )  # fmt: skip


def no_quantity(case: Case) -> Iterator[Finding]:
    for line in case.invoice.lines:
        if line.quantity is not None and line.quantity == 0 and line.amount:
            yield Finding(
                kind=Kind.NO_QUANTITY, here=exact_text(line.amount), there="0", against="quantity", unit=line.unit,
                about=line.text,
            )  # fmt: skip


def periods(case: Case) -> Iterator[Finding]:
    """Against the period before. A customer billed for several things at once has periods side by side: then nothing."""
    start, end = case.start, case.end
    if start is None or end is None or start >= end:
        yield from _same_day(case)
        return
    dated = [
        (each.period_start, each.period_end, each)
        for each in case.past
        if each.kind == case.invoice.kind
        and each.period_start is not None
        and each.period_end is not None
        and each.period_start < each.period_end
    ]
    for _from, _to, each in dated:
        if (_from, _to) == (start, end) and (each.total, each.currency) == (case.invoice.total, case.invoice.currency):
            yield Finding(kind=Kind.DUPLICATE, here=_days(start, end), there=_days(_from, _to), against="other_period",
                          about=each.name)  # fmt: skip
            return
    if _side_by_side([(each[0], each[1]) for each in dated]):
        return
    for _from, _to, each in dated:
        if _from < end and start < _to:
            yield Finding(kind=Kind.OVERLAP, here=_days(start, end), there=_days(_from, _to), against="other_period",
                          about=each.name)  # fmt: skip
            return
    before = [(_to, each) for _from, _to, each in dated if _to <= start]
    if before:
        last, each = max(before, key=lambda pair: pair[0])
        if last < start:
            yield Finding(kind=Kind.GAP, here=start.isoformat(), there=last.isoformat(), against="last_period",
                          about=each.name)  # fmt: skip


def _same_day(case: Case) -> Iterator[Finding]:
    """Where the provider gives no period: the same amount of the same kind on the same day."""
    invoice = case.invoice
    for each in case.past:
        if each.day != invoice.listed_on or each.kind != invoice.kind or not invoice.total:
            continue
        if (each.total, each.currency) == (invoice.total, invoice.currency):
            day = invoice.listed_on.isoformat()
            yield Finding(kind=Kind.DUPLICATE, here=day, there=day, against="other_day", about=each.name)
            return


def line_sum(case: Case) -> Iterator[Finding]:
    invoice = case.invoice
    counted = [line for line in invoice.lines if line.counts]
    if invoice.subtotal is None or not counted:
        return
    figures = [line.amount for line in counted if line.unit == invoice.currency and line.amount is not None]
    if len(figures) != len(counted):
        return  # lines in another unit, or without a figure, cannot be added
    added = total_of(figures)
    if added != invoice.subtotal:
        yield Finding(
            kind=Kind.SUM, here=exact_text(added), there=exact_text(invoice.subtotal), against="subtotal",
            unit=invoice.currency,
        )  # fmt: skip


def tax_id(case: Case) -> Iterator[Finding]:
    """No tax charged, no tax number, in a country that wants one of the two; or the number that stood there is gone."""
    invoice, whom = case.invoice, case.invoice.billed_to or case.invoice.customer.address
    if case.payable or whom is None or whom.tax_id or not invoice.total or invoice.total < 0:
        return
    former = case.former and (case.former.billed_to or case.former.customer.address)
    lost = former is not None and bool(former.tax_id)
    untaxed = invoice.tax is not None and invoice.tax == 0 and whom.country.upper()[:2] in WITH_VAT_NUMBERS
    if lost or untaxed:
        yield Finding(
            kind=Kind.TAX_ID, here=exact_text(invoice.tax or Decimal(0)), there=exact_text(invoice.total),
            against="total_without_tax_id", unit=invoice.currency, about=former.tax_id if lost and former else "",
        )  # fmt: skip


def credit(case: Case) -> Iterator[Finding]:
    invoice = case.invoice
    figures = [line.amount for line in invoice.lines if line.counts and line.amount and line.unit == invoice.currency]
    charged, credited = (
        total_of(each for each in figures if each > 0),
        -total_of(each for each in figures if each < 0),
    )
    if credited <= charged and invoice.total is not None and invoice.total < 0:
        credited = EXACT.add(charged, -invoice.total)
    if credited > charged:
        yield Finding(
            kind=Kind.CREDIT, here=exact_text(credited), there=exact_text(charged), against="charges",
            unit=invoice.currency,
        )  # fmt: skip


def unusual_unit(case: Case) -> Iterator[Finding]:
    known = Counter(each.currency for each in case.past[:PERIODS])
    if known.total() < FEWEST or len(known) != 1 or case.invoice.currency in known:
        return
    usual, times = known.most_common(1)[0]
    yield Finding(kind=Kind.UNIT, here=case.invoice.currency, there=usual, against="usual_unit", about=str(times))


def self_issue(case: Case) -> Iterator[Finding]:
    at = case.invoice.planned_issue_at
    if case.invoice.status == Status.DRAFT and at is not None and case.now <= at <= case.now + SOON:
        yield Finding(
            kind=Kind.SELF_ISSUE,
            here=at.isoformat(timespec="minutes"),
            there=case.now.isoformat(timespec="minutes"),
            against="now",
        )


CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    *(amount, new_lines, lost_lines, unit_prices, no_quantity, periods, line_sum, tax_id, credit, unusual_unit, self_issue),
)  # fmt: skip


def _by_text(invoice: InvoiceSnapshot | None) -> dict[tuple[str, ...], list[LineSnapshot]]:
    """Lines by what they are for, whatever the month: figures and names of months in a text do not tell lines apart."""
    found: dict[tuple[str, ...], list[LineSnapshot]] = {}
    for line in invoice.lines if invoice else ():
        found.setdefault((_plain(line.text), _plain(line.group), line.unit), []).append(line)
    return found


def _plain(text: str) -> str:
    return re.sub(r"\d+", "#", re.sub(MONTH, "#", text.casefold()))


def _days(start: date, end: date) -> str:
    return f"{start.isoformat()}/{end.isoformat()}"


def _side_by_side(spans: Sequence[tuple[date, date]]) -> bool:
    ordered = sorted(spans)
    return any(later[0] < earlier[1] for earlier, later in pairwise(ordered))
