"""CockroachDB Cloud's invoices, computed from (seed, index); index 0 is the oldest month.

Units: major units, JSON numbers whose digits we choose. Totals of a cluster are the sums of its lines, totals of an
invoice are those of its clusters and its adjustments, each unit by itself. Deliberate oddities, by position in any
twelve months (`ODD`): credits alone, nothing at all, a cluster without lines,
float noise (0.1 + 0.2), more given back than used, optional fields left out.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from ..core import Raw, World
from .clusters import NAMES, cluster, dedicated, folders, moment

MONTHS = 120  # with more invoices than months, a month has several
CREDITS = "CRDB_CLOUD_CREDITS"
ODD = {1: "credits", 2: "nothing", 3: "no lines", 4: "noise", 5: "negative", 6: "no adjustments",
       7: "every field"}  # fmt: skip
LINES = (  # description, unit, unit cost, full month's quantity
    ("m6i.xlarge (us-east-1)", "HOURS", "0.512", "2232"), ("Storage", "GIB_HOURS", "0.00050766", "111600"),
    ("Backup storage", "GIB_HOURS", "0.00012345678", "88000.5"), ("Egress, cross region", "GIB", "0.045", "1204.75"),
)  # fmt: skip
SHARED_LINES = (
    ("Provisioned compute", "VCPU_HOURS", "0.07", "2976"), ("Egress", "GIB", "0.1", "416.8"),
    ("Request units", "REQUEST_UNITS", "2e-7", "41000000"), ("Request units, included", "REQUEST_UNITS", "0", "0"),
)  # fmt: skip


def number(amount: Decimal) -> Raw:
    """A double as JSON shows it: its shortest digits, at least one decimal, an exponent below a millionth."""
    amount = Decimal(repr(float(amount)))
    text = format(amount.normalize() if amount else Decimal(0), "f")
    if amount and abs(amount) < Decimal("0.000001"):
        digits, exponent = f"{amount.normalize():e}".split("e")
        return Raw(f"{digits}e-{abs(int(exponent))}")
    return Raw(text if "." in text else text + ".0")


def amounts(totals: dict[str, Decimal]) -> list[dict]:
    """One entry a unit, dollars first."""
    return [{"amount": number(totals[unit]), "currency": unit} for unit in ("USD", CREDITS) if unit in totals]


def add(totals: dict[str, Decimal], more: dict[str, Decimal]) -> None:
    for unit, amount in more.items():
        totals[unit] = totals.get(unit, Decimal(0)) + amount


def month_start(month: int) -> datetime:
    """The first instant of a month, counted from the year 0."""
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def month_of(at: datetime) -> int:
    return at.year * 12 + at.month - 1


class Bills:
    """The organization's invoices before anybody touched them."""

    def __init__(self, world: World, name: str):
        self.world, self.name, self.count = world, name, max(world.count, 1)
        self.last_month = month_of(datetime(world.anchor.year, world.anchor.month, 1, tzinfo=UTC))
        self.cluster = lru_cache(4096)(lambda position: cluster(world, name, position))
        self.finished = lru_cache(256)(self._finished)

    def total(self) -> int:
        """Invoices so far: the generated ones, and one for each month that began since."""
        return self.count + max(0, month_of(self.world.now()) - self.last_month)

    def month(self, index: int) -> int:
        """The month an invoice bills; the last generated one is the anchor's, the running month at the beginning."""
        if index >= self.count - 1:
            return self.last_month + index - (self.count - 1)
        if self.count <= MONTHS:
            return self.last_month - (self.count - 1 - index)
        return self.last_month - MONTHS + index * MONTHS // (self.count - 1)

    def id(self, index: int) -> str:
        """A UUID; the last 12 digits lead back to the index."""
        return f"{self.world.uuid(self.name, 'invoice', index)[:24]}{index:012x}"

    def index(self, identity: str) -> int | None:
        try:
            index = int(identity[24:], 16)
        except ValueError:
            return None
        return index if 0 <= index < self.total() and self.id(index) == identity else None

    def running(self, index: int) -> bool:
        """Whether the month is not over yet."""
        return self.world.now() < month_start(self.month(index) + 1)

    def share(self, index: int) -> Decimal:
        """How much of the month is over, by the hour."""
        start, end = month_start(self.month(index)), month_start(self.month(index) + 1)
        hours = max(0, int((self.world.now() - start).total_seconds() // 3600))
        return Decimal(hours) / Decimal(int((end - start).total_seconds() // 3600))

    def invoice(self, index: int, share: Decimal | None = None) -> dict:
        """An invoice; of a running or early closed month, only what `share` of the month has used."""
        return self.finished(index) if share is None else self._made(index, share)

    def _finished(self, index: int) -> dict:
        return self._made(index, Decimal(1))

    def _made(self, index: int, share: Decimal) -> dict:
        odd = self._odd(index)
        rng = self.world.rng(self.name, "invoice", index)
        items = (
            []
            if odd == "nothing"
            else [self._item(position, lines, odd, rng, share) for position, lines in self._billed(index, rng)]
        )
        items = sorted(items, key=lambda item: item[0]["cluster"]["name"])
        totals: dict[str, Decimal] = {}
        for _, sums in items:
            add(totals, sums)
        adjustments = self._adjustments(odd, totals)
        for _, amount, unit in adjustments:
            add(totals, {unit: amount})
        if odd == "nothing":
            totals = {"USD": Decimal(0)}
        month = self.month(index)
        shown = [item["cluster"] for item, _ in items]
        made = {
            "invoice_id": self.id(index),
            "status": "FINALIZED",
            "period_start": moment(month_start(month)),
            "period_end": moment(month_start(month + 1)),
            "totals": amounts(totals),
            "balances": amounts({"USD": Decimal(0), CREDITS: Decimal(4750 - 7 * (index % 500))}),
            "adjustments": [
                {"name": name, "amount": {"amount": number(amount), "currency": unit}}
                for name, amount, unit in adjustments
            ],
            "invoice_items": [item for item, _ in items],
            "folder_resources": folders(self.world, self.name, shown),
        }
        if odd == "no adjustments":
            del made["adjustments"], made["folder_resources"]
        return made

    def _odd(self, index: int) -> str | None:
        """What is odd about an invoice; nothing is in a month among several."""
        return ODD.get((self.last_month - self.month(index)) % 12) if self.count <= MONTHS else None

    def _billed(self, index: int, rng) -> list[tuple[int, int]]:
        """The clusters of an invoice, with how many lines each."""
        if index == 5:
            return [(position, 10) for position in range(40)]  # 400 lines
        if index == 11:
            return [(position, 50) for position in range(60)]  # 3,000 lines
        if self.count > 2 * MONTHS:
            return [(rng.randrange(len(NAMES)), 2)]
        if self._odd(index) == "every field":
            return [(8, 4), (12, 4)]  # one with machines, one shared: every field there is
        return [(position, 3 + position % 2) for position in rng.sample(range(len(NAMES)), rng.randrange(2, 5))]

    def _item(self, position: int, count: int, odd: str | None, rng, share: Decimal) -> tuple[dict, dict[str, Decimal]]:
        unit = CREDITS if odd == "credits" or not dedicated(position) else "USD"
        if odd == "negative":
            unit = "USD"
        kinds = LINES if dedicated(position) else SHARED_LINES
        lines, sums = [], {unit: Decimal(0)}
        for row in range(0 if odd == "no lines" and position % 2 else count):
            description, quantity_unit, cost, whole = kinds[row % len(kinds)]
            description = description if row < len(kinds) else f"{description} #{row // len(kinds) + 1}"
            factor = Decimal(rng.randrange(50, 151)) / 100
            quantity = (Decimal(whole) * share * factor).quantize(Decimal("0.0001"))
            total = (quantity * Decimal(cost)).quantize(
                Decimal("0.0001")
            )  # may differ from the product, as theirs does
            if odd == "noise" and row < 2:
                quantity, cost, total = Decimal(1 + row), "0.1", Decimal("0.1") * (1 + row)
            if odd == "noise" and row == 2:  # what adding the two as doubles gives
                quantity, cost, total = Decimal(1), "0.30000000000000004", Decimal("0.30000000000000004")
            sums[unit] += total
            lines.append({"description": description, "quantity": number(quantity), "quantity_unit": quantity_unit,
                          "unit_cost": number(Decimal(cost)), "total": {"amount": number(total), "currency": unit}})  # fmt: skip
        return {"cluster": self.cluster(position), "totals": amounts(sums), "line_items": lines}, sums

    @staticmethod
    def _adjustments(odd: str | None, totals: dict[str, Decimal]) -> list[tuple[str, Decimal, str]]:
        if odd in ("credits", "nothing", "no adjustments"):
            return []
        found = [("Premium Support", Decimal(120), "USD"), ("Promotional credit", Decimal(-30), "USD")]
        if odd == "negative":  # more given back than used
            found.append(("Service credit", -totals.get("USD", Decimal(0)) - Decimal("140.25"), "USD"))
        return found
