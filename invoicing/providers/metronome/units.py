"""What a Metronome amount is counted in.

Units: US dollars arrive in cents, every other currency in whole units, pricing units ("AI credits") in themselves. All of
them are JSON numbers, with fractions also of a cent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from invoicing.money import EXACT
from invoicing.providers.normalizing import Part

US_DOLLAR = "2714e483-4ff1-48e4-9e25-ac732e8f24f2"  # the same id in every account
US_DOLLAR_NAME = "USD (cents)"
ISO = re.compile(r"[A-Z]{3}", re.ASCII)
ISO_AND_MORE = re.compile(r"[A-Z]{3}\s*\(.*\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unit:
    """`name` is what we call it; `places` is how far the point moves to get major units."""

    name: str
    places: int = 0

    def amount(self, raw: Part, field: str) -> Decimal | None:
        """The field in major units, every digit kept."""
        return self.major(raw.amount(field))

    def major(self, amount: Decimal | None) -> Decimal | None:
        return None if amount is None else amount.scaleb(-self.places, EXACT)


def unit_of(raw: Part, units: Mapping[str, Mapping[str, Any]]) -> Unit:
    """The unit a `credit_type` means. Its id decides; a name alone may be anyone's choice.

    Errors: PayloadNotUnderstood, rather than to guess between cents and whole units.
    """
    credit_type = raw.required_part("credit_type")
    unit_id = credit_type.identifier("id")
    if unit_id == US_DOLLAR:
        return Unit("USD", 2)
    known = units.get(unit_id)
    name = str(known["name"]).strip() if known else credit_type.required_text("name", 200)
    if known and not known["is_currency"]:
        return Unit(f"{name} (pricing unit)" if ISO.fullmatch(name) else name)  # never to be taken for money
    if name == US_DOLLAR_NAME:
        return Unit("USD", 2)
    if name == "USD" or ISO_AND_MORE.fullmatch(name) or (known and not ISO.fullmatch(name)):
        raise credit_type.wrong("name", f"does not tell whether {name[:40]!r} is counted in whole or smaller units")
    return Unit(name)
