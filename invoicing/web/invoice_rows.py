"""The rows of the list, as HTML. Written here and not in a template because this is the hot spot of the product: fifty rows
cost Django's template language three milliseconds and this a few tenths of one.

Safe because every text that comes from outside passes through `escape`, and every attribute is quoted; the signs that are
put in unescaped (pills, badges, days) were escaped when they were made. Nothing else in the product joins HTML by hand.
"""

from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from html import escape
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from invoicing.listing.rows import Row
from invoicing.models import Connection
from invoicing.vocabulary import Direction, ListedBy
from invoicing.web import marks
from invoicing.web.formats import day_text, figure_parts, period_text, unit_text

NOTHING = '<span class="none">—</span>'
REPLACED = ' <span class="pill plain">Replaced</span>'
DIFFERING = ' <span class="pill plain amber">Lines differ</span>'


def rows_html(
    rows: Iterable[Row],
    connections: Iterable[Connection],
    *,
    direction: Direction,
    today: date,
    named: bool,
    listed_at: str = "",
) -> SafeString:
    """`named`: the provider column says which connection, because one provider has several. `listed_at`: the address of
    the list, which the links of the rows carry along, so that an invoice's page knows its neighbors.
    """
    badges = {
        each.pk: (each.provider, marks.provider_badge(each.provider, each.name if named else ""))
        for each in connections
    }
    language = get_language() or "en"
    cells: Callable[[Row], str] = _bill if direction == Direction.PAYABLE else _claim
    tail = escape(f"?{urlencode({'list': listed_at})}") if listed_at else ""
    return SafeString(
        "".join([_head(row, *badges[row.connection_id], tail) + cells(row, today, language) for row in rows])
    )


def _head(row: Row, provider: str, badge: str, tail: str) -> str:
    id_, word = escape(row.external_id), escape(row.provider_status)
    name = escape(row.number) or f'<span class="id" title="{id_}">{id_}</span>'
    who = escape(row.customer)
    notes = (REPLACED if row.replaced else "") + (DIFFERING if row.differing else "")
    return (
        f'<tr data-invoice="{row.pk}" data-provider="{provider}" data-external-id="{id_}" data-status="{row.status}" '
        f'data-payment-status="{row.payment_status}"><td class="pick"><input type="checkbox" name="pk" value="{row.pk}" '
        f'form="bulk" aria-label="Select {escape(row.number) or id_}"></td>'
        f'<th scope="row"><a href="{invoice_address(row.pk)}{tail}" data-row-key="o">{name}</a></th>'
        f'<td class="who"{_whole(who, 18)}>{who}</td><td class="from">{badge}</td>'
        f'<td class="state">{marks.status_pill(row.status)} <small{_whole(word, 18)}>{word}</small>{notes}</td>'
    )


def _whole(escaped: str, fits: int) -> str:
    """The whole text as a tooltip, where it may not fit."""
    return f' title="{escaped}"' if len(escaped) > fits else ""


def _claim(row: Row, today: date, language: str) -> str:
    left = _amount(row.amount_due, row.currency, language) if row.outstanding else NOTHING
    return (
        f'<td class="paid">{marks.payment_pill(row.payment_status)}</td><td class="day">{_listed(row, language)}</td>'
        f'<td class="day due">{_due(row, today, language)}</td>'
        f'<td class="number">{_amount(row.total, row.currency, language)}</td><td class="number left">{left}</td></tr>'
    )


def _bill(row: Row, today: date, language: str) -> str:
    further = "<br>".join(_amount(total, unit, language) for unit, total in row.further) or NOTHING
    period = period_text(row.period_start, row.period_end) if row.period_start and row.period_end else NOTHING
    return (
        f'<td class="day">{period}</td><td class="day">{_listed(row, language)}</td>'
        f'<td class="number">{_amount(row.total, row.currency, language)}</td><td class="number further">{further}</td></tr>'
    )


def _listed(row: Row, language: str) -> str:
    """The issue date; any other date it is listed under says what it is."""
    if row.gone_on:
        return f"{_day(row.listed_on, language)} <small>gone {day_text(row.gone_on)}</small>"
    if row.listed_by == ListedBy.ISSUED:
        return _day(row.listed_on, language)
    return f"{_day(row.listed_on, language)} <small>{_label(row.listed_by)}</small>"


def _due(row: Row, today: date, language: str) -> str:
    if row.due_date is None:
        return NOTHING
    shown = _day(row.due_date, language)
    return (
        f'<span class="late">{shown} <small>overdue</small></span>'
        if row.outstanding and row.due_date < today
        else shown
    )


@lru_cache(maxsize=8192)
def _day(day: date, language: str) -> str:
    return marks.day(day)


@lru_cache(maxsize=8)
def _label(listed_by: str) -> str:
    return escape(ListedBy(listed_by).label.lower())


def _amount(amount, unit: str, language: str) -> str:
    if amount is None:
        return NOTHING
    figure, finer = figure_parts(amount, unit, language)
    return f"{figure}<i>{finer}</i> {_unit(unit)}" if finer else f"{figure} {_unit(unit)}"


@lru_cache(maxsize=512)
def _unit(unit: str) -> str:
    shown = unit_text(unit)
    return (
        format_html('<abbr title="{}">{}</abbr>', unit, shown)
        if shown != unit
        else format_html("<abbr>{}</abbr>", unit)
    )


@lru_cache(maxsize=1)
def _invoice_page() -> str:
    try:
        return reverse("invoice", args=[0])
    except NoReverseMatch:
        return "/invoices/0/"


def invoice_address(pk: int) -> str:
    return _invoice_page().replace("0", str(pk), 1)
