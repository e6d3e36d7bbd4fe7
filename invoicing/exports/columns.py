"""What a table of invoices, or of their lines, can hold: one row here a column. Files that are tables take them from here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext_lazy as _

from invoicing.exports.cells import Kind
from invoicing.vocabulary import Direction


class UnknownColumn(ValueError):
    """A column was asked for that there is not."""


@dataclass(frozen=True, slots=True)
class Column:
    """`sql` reads it from the invoice `i`, its customer `c`, its line `l` with its text `t`; `said` from the snapshot."""

    key: str
    label: Any
    kind: Kind = Kind.TEXT
    sql: str = ""
    said: Callable[[Any], Any] | None = None
    of_line: bool = False
    personal: bool = False  # only for those who may see personal data
    payable: bool = False  # only bills have it


TEXT, AMOUNT, WHOLE, DAY, MOMENT, FLAG = Kind
INVOICE_COLUMNS = (
    Column("id", _("Our id"), WHOLE, "i.id"),
    Column("connection", _("Connection"), TEXT, "n.name"),
    Column("provider", _("Provider"), TEXT, "n.provider"),
    Column("environment", _("Environment"), TEXT, "n.environment"),
    Column("external_id", _("Provider's id"), TEXT, "i.external_id"),
    Column("number", _("Number"), TEXT, "i.number"),
    Column("customer", _("Customer"), TEXT, "COALESCE(NULLIF(c.name, ''), c.external_id)"),
    Column("customer_id", _("Customer's id"), TEXT, "c.external_id"),
    Column("customer_reference", _("Customer's id with us"), TEXT, "c.reference"),
    Column("customer_email", _("Customer's e-mail"), TEXT, "c.email", personal=True),
    Column("status", _("Status"), TEXT, "i.status"),
    Column("payment_status", _("Payment"), TEXT, "i.payment_status"),
    Column("provider_status", _("Provider's word"), TEXT, "i.provider_status"),
    Column("kind", _("Kind"), TEXT, "i.kind"),
    Column("po_number", _("PO number"), TEXT, "i.po_number"),
    Column("currency", _("Unit"), TEXT, "i.currency"),
    Column("subtotal", _("Subtotal"), AMOUNT, "i.subtotal"),
    Column("discount", _("Discount"), AMOUNT, said=attrgetter("discount")),
    Column("credits", _("Credits applied"), AMOUNT, said=attrgetter("credits")),
    Column("tax", _("Tax"), AMOUNT, "i.tax"),
    Column("total", _("Total"), AMOUNT, "i.total"),
    Column("amount_paid", _("Paid"), AMOUNT, "i.amount_paid"),
    Column("amount_due", _("Left to pay"), AMOUNT, "i.amount_due"),
    Column("amount_refunded", _("Refunded"), AMOUNT, said=attrgetter("amount_refunded")),
    Column("outstanding", _("Outstanding"), FLAG, "i.outstanding"),
    Column("second_unit", _("Second unit"), TEXT, payable=True),
    Column("second_total", _("Second total"), AMOUNT, payable=True),
    Column("further_totals", _("Further totals"), TEXT, payable=True),
    Column("listed_on", _("Date"), DAY, "i.listed_on"),
    Column("listed_by", _("Which date"), TEXT, "i.listed_by"),
    Column("due_date", _("Due"), DAY, "i.due_date"),
    Column("period_start", _("Period from"), DAY, "i.period_start"),
    Column("period_end", _("Period up to, not included"), DAY, "i.period_end"),
    Column("issued_at", _("Issued"), MOMENT, "i.issued_at"),
    Column("planned_issue_at", _("Planned issue"), MOMENT, "i.planned_issue_at"),
    Column("finalized_on", _("Finalized on"), DAY, "i.finalized_on"),
    Column("finalized_at", _("Finalized"), MOMENT, "i.finalized_at"),
    Column("voided_on", _("Voided on"), DAY, "i.voided_on"),
    Column("voided_at", _("Voided"), MOMENT, "i.voided_at"),
    Column("paid_at", _("Paid on"), MOMENT, "i.paid_at"),
    Column("created_at", _("Created at the provider"), MOMENT, "i.provider_created_at"),
    Column("updated_at", _("Changed at the provider"), MOMENT, "i.provider_updated_at"),
    Column("read_at", _("Read by us"), MOMENT, "i.read_at"),
    Column("gone_at", _("Gone at the provider"), MOMENT, "i.gone_at"),
    Column("replaces", _("Replaces"), TEXT, "i.replaces"),
    Column("replaced_by", _("Replaced by"), TEXT, "i.replaced_by"),
    Column("in_totals", _("In totals"), FLAG, "i.in_totals"),
    Column("line_count", _("Line items"), WHOLE, "i.line_count"),
    Column("line_difference", _("Lines less subtotal"), AMOUNT, "i.line_difference"),
    Column("has_pdf", _("Provider has a PDF"), FLAG, "i.has_pdf"),
    Column("version", _("Version"), WHOLE, "i.version"),
    Column("memo", _("Memo"), TEXT, said=attrgetter("memo")),
    Column("subscription_id", _("Subscription"), TEXT, said=attrgetter("subscription_id")),
)
LINE_COLUMNS = (
    Column("line", _("Line"), WHOLE, "l.position + 1", of_line=True),
    Column("line_group", _("Group"), TEXT, "group", of_line=True),
    Column("line_text", _("Text"), TEXT, "t.text", of_line=True),
    Column("line_kind", _("Kind of line"), TEXT, "l.kind", of_line=True),
    Column("quantity", _("Quantity"), AMOUNT, "l.quantity", of_line=True),
    Column("quantity_unit", _("Measured in"), TEXT, "quantity_unit", of_line=True),
    Column("unit_price", _("Unit price"), AMOUNT, "l.unit_price", of_line=True),
    Column("line_amount", _("Amount"), AMOUNT, "l.amount", of_line=True),
    Column("line_unit", _("Unit of the line"), TEXT, "l.unit", of_line=True),
    Column("line_period_start", _("Line's period from"), MOMENT, "l.period_start", of_line=True),
    Column("line_period_end", _("Line's period up to, not included"), MOMENT, "l.period_end", of_line=True),
    Column("line_counted", _("In the subtotal"), FLAG, "l.counts", of_line=True),
    Column("line_id", _("Provider's id of the line"), TEXT, "external_id", of_line=True),
    Column("line_details", _("Sub-lines, tiers, adjustments, taxes"), TEXT, "details", of_line=True),
)
IN_DETAILS = {"line_group": "group", "quantity_unit": "quantity_unit", "line_id": "external_id"}
"""Line columns that stand in the line's details, and where."""
OF_WHICH = ("id", "connection", "provider", "external_id", "number", "customer", "status", "payment_status", "currency",
            "listed_on", "due_date")  # fmt: skip
"""What a row of lines says about its invoice. No amount of the invoice: repeated on each line, it invites adding it up."""
BY_KEY = {column.key: column for column in (*INVOICE_COLUMNS, *LINE_COLUMNS)}
SHOWN_AS: dict[str, tuple[str, ...]] = {
    "payment": ("payment_status",),
    "period": ("period_start", "period_end"),
    "listed": ("listed_on", "listed_by"),
    "due": ("due_date",),
    "total": ("total", "currency"),
    "left": ("amount_due", "currency"),
    "further": ("second_unit", "second_total", "further_totals"),
    "subtotal": ("subtotal", "currency"),
    "tax": ("tax", "currency"),
    "paid_amount": ("amount_paid", "currency"),
    "word": ("provider_status",),
    "po": ("po_number",),
    "email": ("customer_email",),
    "lines": ("line_count",),
    "difference": ("line_difference", "currency"),
    "finalized": ("finalized_on",),
    "voided": ("voided_on",),
    "paid": ("paid_at",),
    "synced": ("read_at",),
}
"""A column of the list's table → the columns of a file that say the same, with the unit beside every amount."""


def columns_for(
    keys: Iterable[str], *, direction: str, lines: bool = False, personal: bool = True
) -> tuple[Column, ...]:
    """The columns named, in that order; without names all there are. Errors: UnknownColumn, naming it."""
    named = list(dict.fromkeys(key for each in keys for key in SHOWN_AS.get(each, (each,))))
    unknown = [key for key in named if key not in BY_KEY]
    if unknown:
        raise UnknownColumn(f"There is no column {', '.join(map(repr, unknown))}.")
    if not lines and (of_lines := [key for key in named if BY_KEY[key].of_line]):
        raise UnknownColumn(f"{', '.join(map(repr, of_lines))} is of line items; these rows are invoices.")
    if not personal and (hidden := [key for key in named if BY_KEY[key].personal]):
        raise UnknownColumn(f"{', '.join(map(repr, hidden))} needs the right to see personal data.")
    if not named:
        named = list(OF_WHICH) if lines else [column.key for column in INVOICE_COLUMNS]
    if lines and not any(BY_KEY[key].of_line for key in named):
        named += [column.key for column in LINE_COLUMNS]
    chosen = (BY_KEY[key] for key in named)
    return tuple(
        column
        for column in chosen
        if (personal or not column.personal) and (direction == Direction.PAYABLE or not column.payable)
    )
