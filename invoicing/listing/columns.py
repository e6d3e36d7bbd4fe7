"""The columns a list of invoices can show, as data: page, saved view and address name them by these keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from invoicing.vocabulary import Direction


@dataclass(frozen=True, slots=True)
class Column:
    """`reads`: further columns of the invoice (`i`) or its customer (`c`), in SQL, which only this one needs."""

    key: str
    label: str
    sort: str = ""
    css: str = ""
    reads: tuple[str, ...] = ()
    of: tuple[Direction, ...] = (Direction.RECEIVABLE, Direction.PAYABLE)
    bill_label: str = ""  # its label among payables
    needs: str = ""  # the right without which it is not shown


HEADER = "number"
"""The column that names a row: always there, always first."""
RECEIVABLE_ONLY, PAYABLE_ONLY = (Direction.RECEIVABLE,), (Direction.PAYABLE,)
COLUMNS = {
    column.key: column
    for column in (
        Column(HEADER, _("Number"), "number"),
        Column("customer", _("Customer"), "customer", "who", bill_label=_("Account")),
        Column("provider", _("Provider"), "provider", "from"),
        Column("status", _("Status"), "status", "state"),
        Column("payment", _("Payment"), "payment", "paid"),
        Column("period", _("Period"), "", "day period"),
        Column("listed", _("Issued"), "listed", "day"),
        Column("due", _("Due"), "due", "day due", of=RECEIVABLE_ONLY),
        Column("total", _("Total"), "total", "number", needs="view_money"),
        Column("left", _("Left to pay"), "left", "number left", of=RECEIVABLE_ONLY, needs="view_money"),
        Column("further", _("Further units"), "", "number further", of=PAYABLE_ONLY, needs="view_money"),
        Column("subtotal", _("Subtotal"), "", "number", ("i.subtotal",), needs="view_money"),
        Column("tax", _("Tax"), "", "number", ("i.tax",), needs="view_money"),
        Column(
            "paid_amount", _("Paid so far"), "", "number", ("i.amount_paid",), of=RECEIVABLE_ONLY, needs="view_money"
        ),
        Column("currency", _("Currency"), "", "unit"),
        Column("connection", _("Connection"), "", "from"),
        Column("word", _("Provider's word"), "", "word"),
        Column("external_id", _("Provider's id"), "", "code"),
        Column("po", _("PO number"), "", "code", ("i.po_number",), of=RECEIVABLE_ONLY),
        Column("kind", _("Kind"), "", "word", ("i.kind",)),
        Column("email", _("E-mail"), "", "who", ("c.email",), of=RECEIVABLE_ONLY, needs="view_personal"),
        Column("lines", _("Lines"), "", "number", ("i.line_count",)),
        Column("difference", _("Lines differ by"), "", "number", ("i.line_difference",), needs="view_money"),
        Column("finalized", _("Finalized"), "", "day", ("i.finalized_on", "i.finalized_seen")),
        Column("voided", _("Voided"), "", "day", ("i.voided_on", "i.voided_seen")),
        Column("paid", _("Paid on"), "", "day", ("i.paid_at",), of=RECEIVABLE_ONLY),
        Column("synced", _("Synced"), "", "day", ("i.read_at",)),
        Column("replaces", _("Replaces"), "", "code", ("i.replaces",)),
        Column("replaced_by", _("Replaced by"), "", "code", ("i.replaced_by",)),
    )
}
FIRST_CHOICE = {
    Direction.RECEIVABLE: (HEADER, "customer", "provider", "status", "payment", "listed", "due", "total", "left"),
    Direction.PAYABLE: (HEADER, "customer", "provider", "status", "period", "listed", "total", "further"),
}
"""What is shown where nobody chose otherwise."""


class UnknownColumns(ValueError):
    """The names are none of this list's columns; the message says which."""

    def __init__(self, names: list[str], direction: Direction):
        self.names = names
        known = ", ".join(key for key, column in COLUMNS.items() if direction in column.of)
        super().__init__(
            _("No such column: %(names)s. There are: %(known)s.") % {"names": ", ".join(names), "known": known}
        )


@lru_cache(maxsize=256)
def columns_named(text: str, direction: Direction) -> tuple[Column, ...]:
    """The columns of "number,due,total", the naming one first; of an empty text, the first choice.

    Errors: UnknownColumns, also for one that the other direction has.
    """
    keys = list(dict.fromkeys(key.strip() for key in text.split(",") if key.strip()))
    unknown = [key for key in keys if key not in COLUMNS or direction not in COLUMNS[key].of]
    if unknown:
        raise UnknownColumns(unknown, direction)
    return tuple(COLUMNS[key] for key in dict.fromkeys([HEADER, *(keys or FIRST_CHOICE[direction])]))


def offered(direction: Direction, shown: Iterable[Column]) -> list[Column]:
    """All columns of a direction: those shown, in their order, then the others."""
    return list(dict.fromkeys([*shown, *(column for column in COLUMNS.values() if direction in column.of)]))


def named(columns: Iterable[Column], direction: Direction) -> str:
    """As in an address; empty for the first choice."""
    keys = tuple(column.key for column in columns)
    return "" if keys == FIRST_CHOICE[direction] else ",".join(keys)
