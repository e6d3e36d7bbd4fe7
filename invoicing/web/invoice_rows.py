"""The rows of the list, as HTML. Written here and not in a template because this is the hot spot of the product: fifty rows
cost Django's template language three milliseconds and this a few tenths of one.

Safe because every text that comes from outside passes through `escape`, and every attribute is quoted; the signs that are
put in unescaped (pills, badges, days) were escaped when they were made. Nothing else in the product joins HTML by hand.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from html import escape
from urllib.parse import urlencode

from babel.dates import format_skeleton
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from invoicing.listing.columns import FIRST_CHOICE, HEADER, Column
from invoicing.listing.rows import Row
from invoicing.models import Connection
from invoicing.vocabulary import Direction, ListedBy
from invoicing.web import marks
from invoicing.web.formats import day_text, figure_parts, locale, number_text, period_text, unit_text, within

NOTHING = '<span class="none">—</span>'


@dataclass(slots=True)
class Look:
    """What cells need beside their row."""

    direction: Direction
    today: date
    language: str
    connections: dict[int, Connection]
    badges: dict[int, SafeString]
    tail: str  # of the links of the rows
    signs: dict[int, SafeString]  # of reviews, by our id of the invoice
    words: dict[str, str]  # the few words that stand in many rows, in the reader's language


def rows_html(
    rows: Iterable[Row],
    connections: Iterable[Connection],
    columns: Iterable[Column],
    *,
    direction: Direction,
    today: date,
    named: bool,
    listed_at: str,
    group: str = "",
    signs: dict[int, SafeString] | None = None,
) -> SafeString:
    """`named`: the provider column says which connection, because one provider has several. `listed_at`: the address of
    the list, which the links of the rows carry along, so that an invoice's page knows its neighbors. `group`: a key of
    criteria.GROUPS, whose every new value gets a heading.
    """
    columns = list(columns)
    look = Look(
        direction=direction,
        today=today,
        language=get_language() or "en",
        connections={each.pk: each for each in connections},
        badges={each.pk: marks.provider_badge(each.provider, each.name if named else "") for each in connections},
        tail=escape(f"?{urlencode({'list': listed_at})}"),
        signs=signs or {},
        words={
            "select": escape(_("Select")),
            "peek": escape(_("Peek at")),
            "replaced": f' <span class="pill plain">{escape(_("Replaced"))}</span>',
            "differing": f' <span class="pill plain amber">{escape(_("Lines differ"))}</span>',
            "overdue": escape(_("overdue")),
            "seen": escape(_("first seen")),
            "gone": escape(_("gone")),
        },
    )
    cells = [(CELLS[column.key], _opening(column, direction)) for column in columns if column.key != HEADER]
    parts, heading, last = [], HEADINGS.get(group), None
    for row in rows:
        if heading is not None and (name := heading(row, look)) != last:
            last = name
            parts.append(f'<tr class="group"><th scope="colgroup" colspan="{len(columns) + 1}">{name}</th></tr>')
        parts.append(_head(row, look))
        parts += [cell(row, look, opening) for cell, opening in cells]
        parts.append("</tr>")
    return SafeString("".join(parts))


def _opening(column: Column, direction: Direction) -> str:
    """The start of a cell's tag. One that was added by choice says on a phone, where no header is shown, what it is."""
    if column.key in FIRST_CHOICE[direction]:
        return f'<td class="{column.css}"'
    return f'<td class="{column.css} more" data-label="{escape(str(column.label))}"'


def _head(row: Row, look: Look) -> str:
    id_ = escape(row.external_id)
    name = _name(row, look.direction, id_)
    return (
        f'<tr data-invoice="{row.pk}" data-provider="{look.connections[row.connection_id].provider}" '
        f'data-external-id="{id_}" data-status="{row.status}" data-payment-status="{row.payment_status}">'
        f'<td class="pick"><input type="checkbox" name="pk" value="{row.pk}" form="bulk" data-row-key="x" '
        f'aria-label="{look.words["select"]} {escape(row.number) or id_}"></td>'
        f'<th scope="row"><a href="{invoice_address(row.pk)}{look.tail}" data-row-key="o">{name}</a>'
        f'<a class="peek" href="{invoice_address(row.pk)}{look.tail}" data-peek="{invoice_address(row.pk)}peek/" '
        f'data-row-key="p" aria-label="{look.words["peek"]} {escape(row.number or row.external_id)}">'
        f"{marks.icon('eye', 's')}</a></th>"
    )


def _name(row: Row, direction: Direction, id_: str) -> str:
    """The number; of a bill without one, its period, which is how people speak of it, beside its id."""
    if row.number:
        return escape(row.number)
    if direction == Direction.PAYABLE and row.period_start and row.period_end:
        return f'{_reference(row.period_start, row.period_end)} <small class="id" title="{id_}">{id_}</small>'
    return f'<span class="id" title="{id_}">{id_}</span>'


def _reference(start: date, end: date) -> str:
    whole_month = start.day == 1 and end.day == 1 and (end - start).days <= 31
    return escape(month_text(start) if whole_month else period_text(start, end))


def _whole(escaped: str, fits: int) -> str:
    """The whole text as a tooltip, where it may not fit."""
    return f' title="{escaped}"' if len(escaped) > fits else ""


def _text(of: Callable[[Row], str], fits: int = 18) -> Callable[[Row, Look, str], str]:
    """A cell of outside text."""

    def cell(row: Row, look: Look, opening: str) -> str:
        text = escape(of(row) or "")
        return f"{opening}{_whole(text, fits)}>{text or NOTHING}</td>"

    return cell


def _figure(of: Callable[[Row], Decimal | None]) -> Callable[[Row, Look, str], str]:
    """A cell of an amount in the invoice's unit."""

    def cell(row: Row, look: Look, opening: str) -> str:
        return f"{opening}>{_amount(of(row), row.currency, look.language)}</td>"

    return cell


def _inner(of: Callable[[Row, Look], str]) -> Callable[[Row, Look, str], str]:
    """A cell of what is HTML already."""

    def cell(row: Row, look: Look, opening: str) -> str:
        return f"{opening}>{of(row, look)}</td>"

    return cell


def _state(row: Row, look: Look) -> str:
    word = escape(row.provider_status)
    notes = (look.words["replaced"] if row.replaced else "") + (look.words["differing"] if row.differing else "")
    notes += look.signs.get(row.pk, "")
    return f"{marks.status_pill(row.status)} <small{_whole(word, 18)}>{word}</small>{notes}"


def _period(row: Row, look: Look) -> str:
    return period_text(row.period_start, row.period_end) if row.period_start and row.period_end else NOTHING


def _further(row: Row, look: Look) -> str:
    return "<br>".join(_amount(total, unit, look.language) for unit, total in row.further) or NOTHING


def _listed(row: Row, look: Look) -> str:
    """The issue date; any other date it is listed under says what it is."""
    if row.gone_on:
        return f"{_day(row.listed_on, look.language)} <small>{look.words['gone']} {day_text(row.gone_on)}</small>"
    if row.listed_by == ListedBy.ISSUED:
        return _day(row.listed_on, look.language)
    return f"{_day(row.listed_on, look.language)} <small>{_label(row.listed_by)}</small>"


def _due(row: Row, look: Look) -> str:
    if row.due_date is None:
        return NOTHING
    shown = _day(row.due_date, look.language)
    if row.outstanding and row.due_date < look.today:
        return f'<span class="late">{shown} <small>{look.words["overdue"]}</small></span>'
    return shown


def _milestone(kind: str) -> Callable[[Row, Look], str]:
    """A day that the provider may not say: then the one on which we first saw it so, and that is said."""

    def inner(row: Row, look: Look) -> str:
        day, seen = row.more[f"i.{kind}_on"], row.more[f"i.{kind}_seen"]
        if day is None:
            return NOTHING
        shown = _day(day, look.language)
        return f"{shown} <small>{look.words['seen']}</small>" if seen else shown

    return inner


def _moment(name: str) -> Callable[[Row, Look], str]:
    def inner(row: Row, look: Look) -> str:
        moment = row.more[name]
        return NOTHING if moment is None else _day(timezone.localdate(moment), look.language)

    return inner


CELLS: dict[str, Callable[[Row, Look, str], str]] = {
    "customer": _text(lambda row: row.customer),
    "provider": _inner(lambda row, look: look.badges[row.connection_id]),
    "status": _inner(_state),
    "payment": _inner(lambda row, look: marks.payment_pill(row.payment_status)),
    "period": _inner(_period),
    "listed": _inner(_listed),
    "due": _inner(_due),
    "total": _figure(lambda row: row.total),
    "left": _figure(lambda row: row.amount_due if row.outstanding else None),
    "further": _inner(_further),
    "subtotal": _figure(lambda row: row.more["i.subtotal"]),
    "tax": _figure(lambda row: row.more["i.tax"]),
    "paid_amount": _figure(lambda row: row.more["i.amount_paid"]),
    "currency": _inner(lambda row, look: _unit(row.currency)),
    "connection": _inner(lambda row, look: escape(look.connections[row.connection_id].name)),
    "word": _text(lambda row: row.provider_status, 24),
    "external_id": _text(lambda row: row.external_id),
    "po": _text(lambda row: row.more["i.po_number"]),
    "kind": _text(lambda row: row.more["i.kind"], 24),
    "email": _text(lambda row: row.more["c.email"]),
    "lines": _inner(lambda row, look: number_text(row.more["i.line_count"], language=look.language)),
    "difference": _figure(lambda row: row.more["i.line_difference"]),
    "finalized": _inner(_milestone("finalized")),
    "voided": _inner(_milestone("voided")),
    "paid": _inner(_moment("i.paid_at")),
    "synced": _inner(_moment("i.read_at")),
    "replaces": _text(lambda row: row.more["i.replaces"]),
    "replaced_by": _text(lambda row: row.more["i.replaced_by"]),
}
"""Column → its cell. The naming column is the row's head."""

HEADINGS: dict[str, Callable[[Row, Look], str]] = {
    "month": lambda row, look: escape(month_text(row.listed_on)),
    "customer": lambda row, look: escape(row.customer),
    "provider": lambda row, look: look.badges[row.connection_id],
    "status": lambda row, look: marks.status_pill(row.status),
    "payment": lambda row, look: marks.payment_pill(row.payment_status),
    "currency": lambda row, look: _unit(row.currency),
}
"""What rows stand under → the heading of a row's part."""


@lru_cache(maxsize=1024)
def _month(year: int, month: int, language: str) -> str:
    return format_skeleton("yMMM", date(year, month, 1), locale=locale(language))


def month_text(day: date) -> str:
    """Feb 2026."""
    return _month(day.year, day.month, get_language() or "en")


@lru_cache(maxsize=8192)
def _day(day: date, language: str) -> str:
    return marks.day(day)


def _label(listed_by: str) -> str:
    return escape(within(ListedBy(listed_by).label))


def _amount(amount: Decimal | None, unit: str, language: str) -> str:
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
