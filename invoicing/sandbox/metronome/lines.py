"""The lines of one invoice, one method a kind of line.

Units: quantities and prices are exact decimals; a total is in the line's own unit, which may differ from the invoice's.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .figures import EXACT

PRODUCTS = (  # name, type of product, tags
    ("API calls", "UsageProductListItem", ("metered",)),
    ("Compute hours", "UsageProductListItem", ("metered",)),
    ("Support seats", "SubscriptionProductListItem", ()),
    ("Prepaid commit", "FixedProductListItem", ()),
    ("AI inference", "UsageProductListItem", ("metered",)),
    ("Data transfer (GB)", "UsageProductListItem", ("metered", "network")),
    ("Object storage", "CompositeProductListItem", ()),
    ("Onboarding package", "FixedProductListItem", ()),
    ("Tokens processed", "UsageProductListItem", ("metered",)),
)
API, COMPUTE, SEATS, COMMIT, INFERENCE, TRANSFER, STORAGE, ONBOARDING, TOKENS = range(len(PRODUCTS))


@dataclass(frozen=True)
class Commit:
    """A prepaid or postpaid commit, or a credit, as lines refer to it."""

    id: str
    segment_id: str
    kind: str  # PREPAID, POSTPAID, CREDIT
    name: str
    access_type: str = "SPEND"

    def bought(self) -> dict:
        """The keys of a line that pays for it."""
        kind = "PostpaidCommit" if self.kind == "POSTPAID" else "PrepaidCommit"
        return {"commit_id": self.id, "commit_type": kind, "commit_custom_fields": {}}

    def reference(self) -> dict:
        """The keys a covered line and its application share."""
        return {
            **self.bought(),
            "commit_segment_id": self.segment_id,
            "applied_commit_or_credit": {"id": self.id, "type": self.kind, "access_type": self.access_type},
        }


class Sheet:
    """Collects lines. `unit` is the invoice's own; a scheduled invoice has no period."""

    def __init__(self, ids, unit: dict, start: datetime | None = None, end: datetime | None = None):
        self.ids = ids
        self.unit = unit
        self.period = {} if start is None else {"starting_at": start, "ending_before": end}
        self.lines: list[dict] = []

    def _add(self, kind: str, name: str, total: Decimal, *, unit=None, quantity=None, price=None, **more) -> dict:
        line = {"credit_type": unit or self.unit, "name": name, "type": kind}
        if quantity is not None:
            line["quantity"] = quantity
        if price is not None:
            line["unit_price"] = price
        line["total"] = total
        line.update(more)
        self.lines.append(line)
        return line

    def product(self, number: int) -> dict:
        """The keys that say what was sold."""
        _, kind, tags = PRODUCTS[number]
        return {
            "product_id": self.ids.of("product", number),
            "product_type": kind,
            "product_tags": list(tags),
            "product_custom_fields": {},
        }

    def usage(self, product: int, quantity, price, *, unit=None, name: str = "", **more) -> dict:
        """Metered usage; composite products too."""
        quantity, price = Decimal(quantity), Decimal(price)
        keys = {**self.product(product), **self.period, **more}
        total = EXACT.multiply(quantity, price)
        name = name or PRODUCTS[product][0]
        return self._add("usage", name, total, unit=unit, quantity=quantity, price=price, **keys)

    def tiers(self, product: int, quantity: int, prices: list[tuple[int | None, str]], **more) -> None:
        """One line per tier that has usage; sizes are texts, and the last tier has none."""
        begun = 0
        for level, (size, price) in enumerate(prices, 1):
            inside = quantity - begun if size is None else min(quantity - begun, size)
            tier = {"level": level, "starting_at": str(begun)} | ({} if size is None else {"size": str(size)})
            self.usage(product, inside, price, tier=tier, **more)
            begun += inside
            if begun >= quantity:
                return

    def covered(self, product: int, quantity, price, commit: Commit, *, unit=None, **more) -> None:
        """Usage a commit or credit pays for: the line, and its application just below, which takes it away again."""
        line = self.usage(product, quantity, price, unit=unit, **more, **commit.reference())
        used = {"quantity_consumed": line["quantity"]} if commit.access_type == "QUANTITY" else {}
        keys = self.product(product) | more | commit.reference() | self.period
        self._add("applied_commit_or_credit", f"{commit.name} applied", -line["total"], unit=unit, **used, **keys)

    def conversion(self, units: int, price: str, custom: dict) -> None:
        """What a custom pricing unit's uncovered usage costs in the invoice's currency."""
        total = Decimal(units) * Decimal(price)
        name = f"{custom['name']} converted to {self.unit['name'].split()[0]}"
        self._add("cpu_conversion", name, total, quantity=Decimal(units), price=Decimal(price), **self.period)

    def subscription(self, seats, price, subscription_id: str, *, prorated: bool = False) -> None:
        """Seats, paid in advance."""
        seats, price = Decimal(seats), Decimal(price)
        keys = self.product(SEATS) | {"subscription_id": subscription_id, "subscription_custom_fields": {}}
        keys |= {"is_prorated": prorated, **self.period}
        self._add("subscription", PRODUCTS[SEATS][0], seats * price, quantity=seats, price=price, **keys)

    def scheduled(self, name: str, quantity, price, charge_id: str, product: int = ONBOARDING) -> None:
        """A charge set by hand on the contract; below zero when it gives money back."""
        quantity, price = Decimal(quantity), Decimal(price)
        keys = self.product(product) | {"scheduled_charge_id": charge_id, "scheduled_charge_custom_fields": {}}
        self._add("scheduled", name, quantity * price, quantity=quantity, price=price, **keys)

    def charge(self, name: str, quantity, price, charge_id: str) -> None:
        """A legacy plan's one-time charge: a line whose sub-line says what it is for."""
        quantity, price = Decimal(quantity), Decimal(price)
        part = {"custom_fields": {}, "name": name, "quantity": quantity, "price": price, "subtotal": quantity * price}
        keys = self.product(ONBOARDING) | self.period | {"custom_fields": {}}
        keys["sub_line_items"] = [part | {"charge_id": charge_id}]
        self._add("usage", name, quantity * price, quantity=quantity, price=price, **keys)

    def purchase(self, commit: Commit, amount) -> None:
        """Paying for a prepaid commit."""
        keys = self.product(COMMIT) | commit.bought()
        self._add("commit_purchase", commit.name, Decimal(amount), quantity=Decimal(1), price=Decimal(amount), **keys)

    def trueup(self, commit: Commit, amount) -> None:
        """Paying for what a postpaid commit was short of."""
        keys = self.product(COMMIT) | commit.bought() | {"postpaid_commit": {"id": commit.id}}
        name = f"{commit.name} true-up"
        self._add("scheduled", name, Decimal(amount), quantity=Decimal(1), price=Decimal(amount), **keys)

    def copied(self, invoice: dict, first_line: int) -> None:
        """Another invoice's lines, as a consolidated invoice repeats them."""
        for position, line in enumerate(invoice["line_items"]):
            origin = {
                "contract_id": invoice["contract_id"],
                "customer_id": invoice["customer_id"],
                "invoice_id": invoice["id"],
                "line_item_id": self.ids.of("line", first_line + position),
            }
            self.lines.append(line | {"origin": origin})


def counts(line: dict, unit_id: str) -> bool:
    """Whether a line is part of the invoice's total: its own unit, and not an applied postpaid commit."""
    if line["credit_type"]["id"] != unit_id:
        return False
    applied = line.get("applied_commit_or_credit", {})
    return not (line["type"] == "applied_commit_or_credit" and applied.get("type") == "POSTPAID")


def total(invoice: dict) -> tuple[Decimal, Decimal]:
    """Subtotal (the lines) and total (the adjustments of legacy plans too)."""
    unit_id = invoice["credit_type"]["id"]
    subtotal = sum((line["total"] for line in invoice["line_items"] if counts(line, unit_id)), Decimal(0))
    adjusted = sum((a["total"] for a in invoice.get("invoice_adjustments", ())), Decimal(0))
    return subtotal, subtotal + adjusted


def recalculated(lines: list[dict], factor: Decimal) -> list[dict]:
    """The lines at today's rates: what was metered costs `factor` times as much, everything else stays."""
    new = []
    for line in lines:
        line = dict(line)
        if line["type"] in ("usage", "applied_commit_or_credit", "cpu_conversion"):
            line["total"] = EXACT.multiply(line["total"], factor)
            scaled = "quantity" if line["type"] == "cpu_conversion" else "unit_price"
            if scaled in line:
                line[scaled] = EXACT.multiply(line[scaled], factor)
        new.append(line)
    return new
