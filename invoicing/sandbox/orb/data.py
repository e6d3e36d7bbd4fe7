"""The account as generated: invoices, balances, credit notes and blocks, computed from the seed and a number."""

import hashlib
from base64 import b64encode
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from ..wire import Raw
from ..world import World
from .amounts import ZERO, closed_month, midnight, money, months_before, stamp, text
from .blueprint import Blueprint, Maker, Times, times
from .customers import FIRST, WITHOUT_INVOICES, Customers
from .identity import identifier
from .lines import discount_lines, totals
from .prices import FACTORS, PLANS, Catalog
from .specimens import SPECIMENS
from .writing import bare_head, discounts_of, write_invoice, write_note

MONTHS = 14
LEAST_ORDINARY = 24


class Row(NamedTuple):
    """What a list must know of an invoice without writing it out."""

    id: str
    date: str
    status: str
    customer: int
    source: str
    index: int


class Data:
    """Pure functions of the world's seed, count and anchor."""

    def __init__(self, world: World):
        self.world = world
        self.identify = identifier(world.seed)
        self.specimens = SPECIMENS
        self.catalog = Catalog(self.identify)
        ordinary = max(LEAST_ORDINARY, world.count - len(SPECIMENS))
        self.count = len(SPECIMENS) + ordinary
        self.billed = max(FIRST, -(-ordinary // 12))
        self.customers = Customers(world, self.identify, self.billed + WITHOUT_INVOICES, self.catalog)
        self.closed = closed_month(world.anchor)
        self.midnight = datetime.combine(world.anchor, time(), UTC)
        self.lines = lru_cache(maxsize=256)(self._lines)
        self.base = lru_cache(maxsize=256)(self._base)
        self.blueprint = lru_cache(maxsize=1024)(self._blueprint)
        self.rows = [self._row(index) for index in range(self.count)]
        self.index = {row.id: row.index for row in self.rows}
        self.specimens_of: dict[int, list[int]] = {}
        for index, blueprint in enumerate(SPECIMENS):
            self.specimens_of.setdefault(blueprint.customer, []).append(index)
        self.notes = {
            self.identify("note", index, place): (index, place)
            for index in self._noted()
            for place in range(len(self.blueprint(index).note_lines))
        }
        self.blocks = {self.identify("block", index): index for index, made in enumerate(SPECIMENS) if made.block}

    # ---- which invoice is what

    def _dice(self, index: int) -> bytes:
        return hashlib.sha256(f"{self.world.seed}:orb:invoice:{index}".encode()).digest()

    def _row(self, index: int) -> Row:
        dice = self._dice(index)
        identity = b64encode(dice[:12], b"xy").decode()
        if index < len(SPECIMENS):
            made = SPECIMENS[index]
            customer, status, source = made.customer, made.status, made.source
            day = self.period(made)[1]
        else:
            customer, age, status = self._ordinary(index, dice)
            source, day = "subscription", months_before(self.closed, age - 1)
        timezone = self.customers.get(customer).timezone
        return Row(identity, stamp(midnight(timezone, day)), status, customer, source, index)

    def _ordinary(self, index: int, dice: bytes) -> tuple[int, int, str]:
        """Customer, age and status: each customer has an invoice a month, in an order of its own."""
        ordinal = index - len(SPECIMENS)
        number = ordinal % self.billed
        age = (ordinal // self.billed + number % 13) % MONTHS
        customer, chance = self.customers.get(number), dice[12]
        if age == 0:
            return number, age, "draft"
        if chance < (60 if age == 1 else 0):
            return number, age, "draft"  # waiting for somebody to look at it
        if chance % 16 == 15:
            return number, age, "void"
        if customer.invoiced_elsewhere:
            return number, age, "synced" if chance % 5 else "paid"
        unpaid = {1: 150, 2: 90, 3: 40}.get(age, 14)
        return number, age, "issued" if dice[13] < unpaid else "paid"

    def period(self, blueprint: Blueprint) -> tuple[date, date]:
        """First and last local day; the last is the invoice date."""
        start = months_before(self.closed, blueprint.age)
        if blueprint.source == "subscription":
            return start, months_before(start, -1)
        if blueprint.source == "partial":
            return start, start.replace(day=blueprint.day)
        day = start.replace(day=blueprint.day)
        return day, day

    def _blueprint(self, index: int) -> Blueprint:
        if index < len(SPECIMENS):
            return SPECIMENS[index]
        dice = self._dice(index)
        number, age, status = self._ordinary(index, dice)
        customer = self.customers.get(number)
        failures, payment = 0, ""
        if not customer.charges or (customer.declines and status == "paid"):
            payment = "by_hand"
        elif status == "issued" and customer.collects:
            failures = 1 + dice[15] % 3 if age > 1 or dice[15] < 128 or customer.declines else 0
        elif status == "paid":
            failures = dice[15] % 2 if dice[15] < 40 else 0
        return Blueprint(
            number,
            status,
            age,
            lambda make: self._ordinary_lines(make, index),
            failures=failures,
            payment=payment,
            will_auto_issue=status == "draft" and age == 0 and number % 3 == 1,
            applied=self._story(index, number, status),
            days=1 + dice[16] % 12,
            memo=None if dice[17] % 4 == 0 else "Thank you for your business.",
            metadata={"cost_center": f"cc-{dice[18] % 40:02d}"} if dice[18] % 3 == 0 else {},
            note_lines=({"line": 0, "amount": None, "reason": "Order change"},) if self._has_note(status, dice) else (),
        )

    def _story(self, index: int, number: int, status: str) -> str | None:
        """Every sixth customer had some balance to use on its first ordinary invoice."""
        customer = self.customers.get(number)
        first = index - len(SPECIMENS) < self.billed
        if not first or number % 6 != 1 or customer.invoiced_elsewhere or status not in ("issued", "paid", "void"):
            return None
        return text(money(Decimal(20) * Decimal(FACTORS[customer.currency]), customer.currency))

    @staticmethod
    def _has_note(status: str, dice: bytes) -> bool:
        return status == "issued" and dice[20] < 12

    def _noted(self):
        for index in range(len(SPECIMENS)):
            if SPECIMENS[index].note_lines:
                yield index
        for row in self.rows[len(SPECIMENS) :]:
            if row.status == "issued" and self._has_note(row.status, self._dice(row.index)):
                yield row.index

    def _ordinary_lines(self, make: Maker, index: int) -> list[dict]:
        rng = self.world.rng("orb", "invoice", index)
        chance = rng.random()
        lines = []
        for key in PLANS[make.customer.plan]:
            if key == "platform":
                lines.append(make.sell(key, 1))
            elif key == "seats":
                lines.append(make.sell(key, rng.randint(2, 60)))
            elif key == "compute":
                cells = {("us-west", "large"): rng.randint(0, 700), ("eu-central", "large"): rng.randint(1, 400),
                         ("sa-east", None): rng.randint(1, 90)}  # fmt: skip
                lines.append(make.sell(key, 0, cells=cells))
            elif key == "tokens":
                cells = {group: rng.randint(1000, 5_000_000) for group in ("alpha", "beta", "gamma")}
                lines.append(make.sell(key, 0, cells=cells))
            elif key == "transfer":
                lines.append(make.sell(key, Decimal(rng.randint(1, 900_000)) / 100))
            else:
                top = {"api": 600_000, "storage": 3_000, "messages": 80_000, "builds": 9_000}[key]
                off = [("percentage_discount", Raw("0.1"), {"reason": "Launch partner"})] if chance < 0.2 else []
                lines.append(make.sell(key, rng.randint(1, top), adjustments=off if key == "api" else []))
        if chance > 0.93:
            lines.append(make.sell("setup", 1, period=(make.start, make.start)))
        elif chance > 0.85:
            price = Decimal(FACTORS[make.currency]) * -5
            lines.append(make.charge("Goodwill adjustment", 1, text(price), item="Goodwill", untaxed="product_exempt"))
        return lines

    # ---- written out

    def maker(self, blueprint: Blueprint, invoice_id: str) -> Maker:
        customer = self.customers.get(blueprint.customer)
        period = self.period(blueprint)

        def identify(*more) -> str:
            return self.identify("of", invoice_id, *more)

        return Maker(self.catalog, customer, identify, invoice_id, blueprint.currency or customer.currency, period)

    def _lines(self, index: int) -> list[dict]:
        blueprint = self.blueprint(index)
        make = self.maker(blueprint, self.rows[index].id)
        lines = blueprint.lines(make)
        if blueprint.discounts:
            discount_lines(lines, discounts_of(blueprint, lines), make.currency, make.identify)
        return lines

    def times(self, index: int) -> Times:
        blueprint, dice = self.blueprint(index), self._dice(index)
        jitter = int.from_bytes(dice[21:23]) % 3600
        customer = self.customers.get(blueprint.customer)
        return times(blueprint, customer, self.period(blueprint), self.midnight, jitter)

    def _base(self, index: int) -> dict:
        """An invoice as generated: `head` (all but its lines), `lines`, and `private`, which is not on the wire."""
        return write_invoice(self, index)

    def applied(self, index: int) -> Decimal:
        """The customer balance a generated invoice used; negative when it charged a negative one, or gave some."""
        blueprint = self.blueprint(index)
        total = Decimal(totals(self.lines(index), self.currency(index))["total"])
        if total < 0 or blueprint.payment == "carryover":
            return total
        return min(Decimal(blueprint.applied or 0), total)

    def currency(self, index: int) -> str:
        blueprint = self.blueprint(index)
        return blueprint.currency or self.customers.get(blueprint.customer).currency

    def note(self, index: int, place: int) -> dict:
        """A generated credit note."""
        return write_note(self, index, place)

    # ---- balances

    def ledger(self, number: int) -> list[dict]:
        """A customer's balance transactions as generated, oldest first, each starting where the last one ended."""
        events = []
        for index in self._with_stories(number):
            events += self._events(index)
        currency = self.customers.get(number).currency
        rows, balance = [], money(ZERO, currency)
        for at, action, change, invoice, note, description in sorted(events, key=lambda event: event[0]):
            ending = money(balance + change, currency)
            rows.append({
                "id": self.identify("transaction", number, len(rows)),
                "created_at": stamp(at),
                "starting_balance": text(balance),
                "ending_balance": text(ending),
                "amount": text(money(abs(change), currency)),
                "action": action,
                "description": description,
                "invoice": invoice and {"id": invoice},
                "type": "increment" if change > 0 else "decrement",
                "credit_note": note and {"id": note},
            })  # fmt: skip
            balance = ending
        return rows

    def _with_stories(self, number: int):
        for index in self.specimens_of.get(number, ()):
            made = SPECIMENS[index]
            refund = any(note.get("type") == "refund" for note in made.note_lines)
            if made.applied or refund or made.payment in ("at_issue", "carryover"):
                yield index
        ordinary = len(SPECIMENS) + number
        if number < self.billed and ordinary < self.count and self.blueprint(ordinary).applied:
            yield ordinary

    def _events(self, index: int):
        """(moment, action, change, invoice id, note id, description) of one invoice's story."""
        blueprint, when, identity = self.blueprint(index), self.times(index), self.rows[index].id
        applied = self.applied(index)
        if blueprint.applied:
            earlier = when.issued - timedelta(days=20)
            words = "Goodwill for the outage" if applied > 0 else "Chargeback"
            yield earlier, "manual_adjustment", Decimal(blueprint.applied), None, None, words
        if applied:
            action = "small_invoice_carryover" if blueprint.payment == "carryover" else "applied_to_invoice"
            yield when.issued, action, -applied, identity, None, None
            if blueprint.status == "void":
                yield when.settled, "return_from_voiding", applied, identity, None, None
        for place, noted in enumerate(blueprint.note_lines):
            if noted.get("type") == "refund":
                note = self.note(index, place)
                total = Decimal(note["total"])
                at = datetime.fromisoformat(note["created_at"])
                yield at, "credit_note_applied", total, identity, note["id"], None
                yield (
                    datetime.fromisoformat(note["voided_at"]),
                    "credit_note_voided",
                    -total,
                    identity,
                    note["id"],
                    None,
                )

    # ---- the running period

    def upcoming(self, number: int) -> dict:
        """The running period's invoice of a customer's subscription, as if it ended now. No draft: it has no row."""
        blueprint = Blueprint(number, "draft", 0, lambda make: self._ordinary_lines(make, -1 - number))
        customer, period = self.customers.get(number), self.period(blueprint)
        make = self.maker(blueprint, self.identify("upcoming", number))
        when = times(blueprint, customer, period, self.midnight, 0)
        lines = blueprint.lines(make)
        head = bare_head(self, blueprint, customer, make.currency, lines, when)
        head["id"] = make.invoice_id
        head["invoice_number"] = f"{self.customers.invoice_prefix(number)}-{40:05d}"
        return {"head": head, "lines": lines, "private": {}}
