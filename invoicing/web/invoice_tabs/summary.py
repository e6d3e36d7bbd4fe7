"""The summary of an invoice: how its subtotal leads to what is to be paid, and whether its figures agree.

Units: every amount stands beside its unit; only amounts of one unit are ever added.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.mirror.rows import line_difference
from invoicing.models import Constituent, Invoice
from invoicing.money import EXACT, total_of
from invoicing.providers.snapshots import Adjustment, InvoiceSnapshot
from invoicing.vocabulary import Status
from invoicing.web.formats import decimals, money_text, number_text, within
from invoicing.web.invoice_tabs.chain import Link, chain_of


@dataclass(frozen=True)
class SumRow:
    label: str
    amount: Decimal | None
    unit: str
    detail: str = ""
    weight: str = ""  # "final" for a total, "soft" for what is only told


@dataclass(frozen=True)
class Kind:
    """What lowers or raises a subtotal, in words."""

    word: str  # in a provider's own label
    one: str
    several: str
    together: str


DISCOUNT = Kind("discount", gettext_lazy("Discount"), gettext_lazy("Discounts"), gettext_lazy("Discounts together"))
CREDIT = Kind("credit", gettext_lazy("Credit"), gettext_lazy("Credits"), gettext_lazy("Credits together"))
TAX = Kind("tax", gettext_lazy("Tax"), gettext_lazy("Taxes"), gettext_lazy("Taxes together"))


def sums(snapshot: InvoiceSnapshot) -> list[SumRow]:
    """From the subtotal to the amount due, in the order the provider's own figures add up."""
    return list(_sums(snapshot))


def _sums(snapshot: InvoiceSnapshot) -> Iterator[SumRow]:
    unit = snapshot.currency
    if snapshot.subtotal is not None:
        yield SumRow(_("Subtotal"), snapshot.subtotal, unit)
    yield from _items(DISCOUNT, snapshot.discounts, snapshot.discount, unit, sign=-1)
    credits = list(_items(CREDIT, snapshot.credit_items, snapshot.credits, unit, sign=-1))
    lowered = credits_lower_the_total(snapshot)
    if lowered:
        yield from credits
    yield from _items(TAX, snapshot.taxes, snapshot.tax, unit, sign=1)
    yield SumRow(_("Total"), snapshot.total, unit, weight="final")
    for further in snapshot.further_totals:
        yield SumRow(_("Total in a further unit"), further.amount, further.unit, _("never added to the other"), "final")
    if not lowered:
        yield from credits
    if snapshot.amount_paid is not None:
        yield SumRow(_("Paid"), _less(snapshot.amount_paid), unit)
    if snapshot.amount_refunded:
        yield SumRow(_("Refunded"), snapshot.amount_refunded, unit)
    if snapshot.amount_due is not None and snapshot.status in (Status.VOID, Status.SKIPPED):
        yield SumRow(
            _("Amount due, as still stated"),
            snapshot.amount_due,
            unit,
            _("not owed: it is %(status)s") % {"status": within(Status(snapshot.status).label)},
            "soft",
        )
    elif snapshot.amount_due is not None:
        draft = snapshot.status in (Status.DRAFT, Status.FINALIZING)
        yield SumRow(
            _("Would be left to pay") if draft else _("Left to pay"), snapshot.amount_due, unit, weight="final"
        )
    for balance in snapshot.balances:
        yield SumRow(_("Left in the account"), balance.amount, balance.unit, weight="soft")


def _items(
    kind: Kind, items: tuple[Adjustment, ...], together: Decimal | None, unit: str, *, sign: int
) -> Iterator[SumRow]:
    """Each item, then their sum as the provider gives it, unless the items show it."""
    for item in items:
        says = kind.word in item.label.lower()
        label = (
            item.label if says else _("%(kind)s: %(name)s") % {"kind": kind.one, "name": item.label or _("not named")}
        )
        percentage = "" if item.percentage is None else f"{number_text(item.percentage)} %"
        detail = " · ".join(text for text in (percentage, item.detail) if text)
        yield SumRow(label, item.amount, item.unit, detail)
    if together is None or (not items and not together):
        return
    signed = together if sign > 0 else _less(together)
    given = [item.amount for item in items if item.amount is not None and item.unit == unit]
    if items and len(given) == len(items) and total_of(given) == signed:
        return
    label = kind.together if items else kind.several
    yield SumRow(label, signed, unit, weight="soft" if items else "")


def _less(amount: Decimal) -> Decimal:
    return amount.copy_negate() if amount else amount


def credits_lower_the_total(snapshot: InvoiceSnapshot) -> bool:
    """Whether the provider's total is after credits (FlexPrice) or before them (Orb), as its own figures show."""
    if snapshot.subtotal is None or snapshot.total is None or not snapshot.credits:
        return False
    return _expected_total(snapshot, with_credits=True) == snapshot.total


def _expected_total(snapshot: InvoiceSnapshot, *, with_credits: bool) -> Decimal:
    result = EXACT.add(snapshot.subtotal, snapshot.tax or Decimal(0))
    result = EXACT.subtract(result, snapshot.discount or Decimal(0))
    return EXACT.subtract(result, snapshot.credits or Decimal(0)) if with_credits else result


@dataclass(frozen=True)
class Check:
    """Two figures that should agree. `difference` is the first less the second; zero when they do."""

    name: str
    computed_label: str
    computed: Decimal
    stated_label: str
    stated: Decimal
    unit: str
    difference: Decimal
    otherwise: str  # the verdict where they do not agree: "differs", or "unexplained" where more may lie between them

    @property
    def verdict(self) -> str:
        """agrees, rounding (less than half of the unit's smallest coin), or what `otherwise` says."""
        if not self.difference:
            return "agrees"
        smallest = Decimal(1).scaleb(-decimals(self.unit))
        return "rounding" if abs(self.difference) * 2 < smallest else self.otherwise


def checks(snapshot: InvoiceSnapshot) -> list[Check]:
    """The arithmetic we can redo. What a provider leaves unsaid is not checked, and not called wrong."""
    found = []
    if snapshot.subtotal is not None and _lines_are_summable(snapshot):
        difference = line_difference(snapshot) or Decimal(0)
        found.append(
            Check(
                name=_("Lines and subtotal"),
                computed_label=_("The lines that count come to"),
                computed=EXACT.add(snapshot.subtotal, difference),
                stated_label=_("the subtotal says"),
                stated=snapshot.subtotal,
                unit=snapshot.currency,
                difference=difference,
                otherwise="differs",
            )
        )
    if snapshot.subtotal is not None and snapshot.total is not None:
        nearest = min(_ways_to_total(snapshot), key=lambda way: abs(EXACT.subtract(way, snapshot.total)))
        found.append(
            Check(
                name=_("Subtotal and total"),
                computed_label=_("Subtotal, discounts, credits and taxes lead to"),
                computed=nearest,
                stated_label=_("the total says"),
                stated=snapshot.total,
                unit=snapshot.currency,
                difference=EXACT.subtract(nearest, snapshot.total),
                otherwise="unexplained",
            )
        )
    return found


def _ways_to_total(snapshot: InvoiceSnapshot) -> list[Decimal]:
    """Providers differ in whether the total is after credits, and whether taxes are inside the prices already."""
    ways = [_expected_total(snapshot, with_credits=with_credits) for with_credits in (False, True)]
    return [*ways, *(EXACT.subtract(way, snapshot.tax) for way in ways)] if snapshot.tax else ways


def _lines_are_summable(snapshot: InvoiceSnapshot) -> bool:
    counted = [line for line in snapshot.lines if line.counts and line.unit == snapshot.currency]
    return bool(counted) and all(line.amount is not None for line in counted)


def contained_in(invoice: Invoice) -> list[Invoice]:
    """The invoices that contain this one; it stands in no total then."""
    rows = Constituent.objects.filter(connection_id=invoice.connection_id, external_id=invoice.external_id)
    return [row.container for row in rows.select_related("container__connection")]


def contents(invoice: Invoice, snapshot: InvoiceSnapshot) -> list[Link]:
    """The invoices that this one contains."""
    if not snapshot.constituents:
        return []
    rows = Invoice.objects.filter(connection_id=invoice.connection_id, external_id__in=snapshot.constituents)
    known = {row.external_id: row for row in rows.select_related("customer", "connection")}
    return [Link(external_id, known.get(external_id)) for external_id in snapshot.constituents]


def totals_of(links: list[Link]) -> list[str]:
    """The totals of mirrored invoices, one text a unit, never added across units."""
    totals: dict[str, list[Decimal]] = {}
    for link in links:
        if link.invoice is not None and link.invoice.total is not None:
            totals.setdefault(link.invoice.currency, []).append(link.invoice.total)
    return [money_text(total_of(amounts), unit) for unit, amounts in totals.items()]


EXPECTED = (  # what one looks for on an invoice, and would take for zero or forgotten where it is simply left out
    ("number", gettext_lazy("number")),
    ("subtotal", gettext_lazy("subtotal")),
    ("tax", gettext_lazy("tax")),
    ("discount", gettext_lazy("discounts")),
    ("amount_paid", gettext_lazy("amount paid")),
    ("amount_due", gettext_lazy("amount due")),
    ("issued_at", gettext_lazy("issue date")),
    ("due_date", gettext_lazy("due date")),
    ("period_start", gettext_lazy("billing period")),
    ("updated_at", gettext_lazy("last change")),
)


def not_given(snapshot: InvoiceSnapshot) -> list[str]:
    """What the provider leaves out of this invoice, in words."""
    return [str(words) for name, words in EXPECTED if getattr(snapshot, name) in (None, "")]


def of_tab(shown) -> dict:
    snapshot, invoice = shown.snapshot, shown.invoice
    held = contents(invoice, snapshot)
    return {
        "sums": sums(snapshot),
        "checks": checks(snapshot),
        "not_given": not_given(snapshot),
        "chain": chain_of(invoice),
        "contents": held,
        "contents_totals": totals_of(held),
        "containers": contained_in(invoice),
        "billed_to": snapshot.billed_to or snapshot.customer.address,
    }
