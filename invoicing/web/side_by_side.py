"""What a provider would bill beside the invoice as it stands: line by line, and the sums. Nothing is added over units."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.money import EXACT
from invoicing.providers.snapshots import InvoiceSnapshot, LineSnapshot
from invoicing.web.formats import number_text

SUMS = (
    (gettext_lazy("Subtotal"), "subtotal"),
    (gettext_lazy("Discounts"), "discount"),
    (gettext_lazy("Credits and balance applied"), "credits"),
    (gettext_lazy("Tax"), "tax"),
    (gettext_lazy("Total"), "total"),
)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One line, or one sum, in both. An amount that one of them does not have is None."""

    text: str
    unit: str
    note: str = ""
    now: Decimal | None = None
    then: Decimal | None = None
    in_now: bool = True
    in_then: bool = True

    @property
    def differs(self) -> bool:
        return self.in_now != self.in_then or self.now != self.then

    @property
    def difference(self) -> Decimal | None:
        """By how much the answer is higher, where both have an amount."""
        if self.now is None or self.then is None or self.now == self.then:
            return None
        return EXACT.subtract(self.then, self.now)


def lines(now: InvoiceSnapshot, then: InvoiceSnapshot) -> list[Pair]:
    """Every line of both, in the order of the answer, then those that it no longer has."""
    old, new = _by_words(now), _by_words(then)
    met = [_pair(old.get(key), line) for key, line in new.items()]
    return met + [_pair(line, None) for key, line in old.items() if key not in new]


def sums(now: InvoiceSnapshot, then: InvoiceSnapshot) -> list[Pair]:
    """The sums, where both are in one currency; of two currencies nothing can be compared."""
    if now.currency != then.currency:
        return []
    both = [(label, getattr(now, name), getattr(then, name)) for label, name in SUMS]
    return [
        Pair(text=str(label), unit=then.currency, now=before, then=after)
        for label, before, after in both
        if before is not None or after is not None
    ]


def _pair(old: LineSnapshot | None, new: LineSnapshot | None) -> Pair:
    line = new or old
    assert line is not None
    return Pair(
        text=line.text,
        unit=line.unit,
        note=_quantities(old, new),
        now=old.amount if old else None,
        then=new.amount if new else None,
        in_now=old is not None,
        in_then=new is not None,
    )


def _quantities(old: LineSnapshot | None, new: LineSnapshot | None) -> str:
    if old is None or new is None or old.quantity == new.quantity:
        return ""
    return _("quantity %(before)s → %(after)s") % {"before": _text(old.quantity), "after": _text(new.quantity)}


def _text(quantity: Decimal | None) -> str:
    return _("none") if quantity is None else number_text(quantity)


def _by_words(snapshot: InvoiceSnapshot) -> dict[tuple, LineSnapshot]:
    """By text, group and unit: an answer that is stored nowhere has no ids in common with the invoice."""
    return dict(_keyed(snapshot))


def _keyed(snapshot: InvoiceSnapshot) -> Iterator[tuple[tuple, LineSnapshot]]:
    met: Counter = Counter()
    for line in snapshot.lines:
        key = (line.text, line.group, line.unit)
        yield (*key, met[key]), line
        met[key] += 1
