"""The lines of generated invoices: what a plan charges for a period, and what single invoices show."""

import random
from decimal import Decimal

from ..names import HOSTILE
from .catalog import PLANS
from .people import People
from .scenarios import Facts
from .units import first_of_month, index_in, indexed_id, mix, rounded, stamp, text

LINES_OF_ONE = 4096  # room in the ids for each invoice's lines


class Rates(People):
    """Turns plans into line items."""

    def line(self, invoice: dict, number: int, name: str, amount: Decimal, quantity: Decimal, **more) -> dict:
        """One line item; `number` makes its id, so two lines of one invoice have two numbers."""
        owner = index_in(invoice["id"], "inv") or 0
        line = {
            "id": indexed_id("inv_line", self.opened, mix(self.salt, owner), owner * LINES_OF_ONE + number),
            "invoice_id": invoice["id"],
            "customer_id": invoice["customer_id"],
            "subscription_id": invoice["subscription_id"],
            "entity_id": None, "entity_type": None, "plan_display_name": None, "price_id": None, "price_type": None,
            "price_unit_id": None, "price_unit": None, "price_unit_amount": None,
            "display_name": name,
            "amount": text(rounded(amount, invoice["currency"])),
            "quantity": text(quantity),
            "currency": invoice["currency"],
            "period_start": invoice["period_start"],
            "period_end": invoice["period_end"],
            "metadata": None,
            "environment_id": invoice["environment_id"],
            "prepaid_credits_applied": "0", "line_item_discount": "0", "invoice_level_discount": "0",
            "subscription_line_item_id": None, "parent_line_item_id": None,
            **self.base(invoice["created_at"], invoice["updated_at"]),
            "adjusted_entitlement_quantity": None, "meter_id": None, "meter_display_name": None,
            "commitment_info": None,
        }  # fmt: skip
        line.update(more)
        return line

    def subscription_line_id(self, subscription: int, position: int) -> str:
        return indexed_id("subs_line", self.opened, self.salt, subscription * 20 + position)

    def rate(self, invoice: dict, subscription: int, quiet: bool = False) -> list[dict]:
        """A subscription's lines for an invoice's period, always the same for the same period.

        With `quiet`, nothing was used and nothing is charged.
        """
        rng = random.Random(f"{self.salt}:{invoice['subscription_id']}:{invoice['period_start']}")
        number = subscription % len(PLANS)
        plan = PLANS[number]
        lines = []
        for position, charge in enumerate(plan.charges):
            quantity = rng.randint(charge.least, charge.most)
            unit = self.unit_price(charge, invoice["currency"])
            billed = max(0, quantity - charge.free) if charge.type == "USAGE" else quantity
            if quiet:
                quantity = billed = 0
            lines.append(self.line(
                invoice, position, charge.name, unit * billed, Decimal(quantity),
                entity_id=self.plan_id(number), entity_type="plan", plan_display_name=plan.name,
                price_id=self.price_id(subscription, position), price_type=charge.type,
                subscription_line_item_id=self.subscription_line_id(subscription, position),
                metadata={"gl_code": "4400"} if position == 0 else None,
                adjusted_entitlement_quantity=str(min(charge.free, quantity)) if charge.type == "USAGE" else None,
                meter_id=self.meter_id(number, position) if charge.meter else None,
                meter_display_name=charge.meter or None,
            ))  # fmt: skip
        return lines


# ---- what single invoices show


def _many(count: int):
    def show(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
        usage = next(line for line in lines if line["price_type"] == "USAGE")
        rng = random.Random(f"{book.salt}:many:{facts.index}")
        for number in range(len(lines), count):
            region = ("eu-central-1", "us-east-2", "ap-south-1", "sa-east-1")[number % 4]
            quantity = rng.randint(1, 5000)
            lines.append(usage | book.line(
                invoice, number, f"{usage['display_name']} · project {number:04d} · {region}",
                Decimal(quantity) / 1000, Decimal(quantity), price_type="USAGE", price_id=usage["price_id"],
                entity_id=usage["entity_id"], entity_type="plan", plan_display_name=usage["plan_display_name"],
                meter_id=usage["meter_id"], meter_display_name=usage["meter_display_name"],
                subscription_line_item_id=usage["subscription_line_item_id"], metadata={"region": region},
            ))  # fmt: skip

    return show


def _price_units(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
    for line in lines:
        line.update(book.price_unit(Decimal(line["amount"]), facts.currency))


def _commitment(used: str, over: str, short: str):
    """A line whose cost is a commitment's: what was used of it, what went over, what fell short."""

    def show(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
        line = next(line for line in lines if line["price_type"] == "USAGE")
        line["amount"] = text(Decimal(used) + Decimal(over) + Decimal(short))
        line["commitment_info"] = {
            "type": "amount", "amount": text(Decimal(used) + Decimal(short)), "quantity": "0", "duration": "MONTHLY",
            "overage_factor": "1.25", "true_up_enabled": short != "0", "is_windowed": False,
            "computed_true_up_amount": short, "computed_overage_amount": over,
            "computed_commitment_utilized_amount": used,
        }  # fmt: skip
        if book.first_generation:
            del line["commitment_info"]["duration"]

    return show


def _negative_line(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
    half = -Decimal(lines[0]["amount"]) / 2
    lines.append(book.line(invoice, len(lines), "Unused time on the former plan", half, Decimal(1),
                           price_type="FIXED", entity_type="plan", entity_id=lines[0]["entity_id"]))  # fmt: skip


def _hostile(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
    for line, name in zip(lines, HOSTILE, strict=False):
        line["display_name"] = name
        line["metadata"] = {name: name}


def _edited(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
    lines[0]["parent_line_item_id"] = indexed_id("inv_line", book.opened, book.salt, facts.index * LINES_OF_ONE + 4000)
    lines[0]["amount"] = text(Decimal(lines[0]["amount"]) + 10)


def _stored_pdf(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
    invoice["invoice_pdf_url"] = f"https://files.example.com/invoices/{facts.number}.pdf"


def _grouped(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
    lines[-1]["subscription_id"] = book.subscription_id(facts.customer)  # another subscription on the same invoice


def _tiny(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
    lines[-1].update(quantity="0.00012345", amount="0.00012345", display_name="Fractions of a unit")


def _huge(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
    lines[0].update(quantity="9007199254740993", amount="90071992547409.93")  # a float cannot hold it


def _advance(book: Rates, invoice: dict, lines: list[dict], facts: Facts) -> None:
    """Not every line is of the invoice's own period: fees are charged ahead."""
    lines[0].update(period_start=stamp(facts.end), period_end=stamp(first_of_month(facts.end, 1)))


SHOWN = {
    "400 lines": _many(400), "2400 lines": _many(2400), "price units": _price_units,
    "commitment": _commitment("120", "0", "80"), "over commitment": _commitment("200", "31", "0"),
    "negative line": _negative_line, "hostile names": _hostile, "edited": _edited, "stored pdf": _stored_pdf,
    "grouped": _grouped, "tiny": _tiny, "huge": _huge, "advance": _advance,
}  # fmt: skip
