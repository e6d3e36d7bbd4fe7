"""How much one batch may do: counts and amounts set by the desk, each refusal naming its setting."""

from collections.abc import Mapping
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _

from invoicing.money import exact_text, parse_amount


def most_rows() -> int:
    return settings.DESK_BATCH_MOST


def too_many(count: int) -> str:
    """Why so many are not taken into one batch; empty when they are."""
    if count <= most_rows():
        return ""
    return _(
        "These are %(count)s invoices; one batch may hold %(most)s (setting DESK_BATCH_MOST). Narrow the list, or take "
        "them in several batches."
    ) % {"count": f"{count:,}", "most": f"{most_rows():,}"}


def most_amounts() -> dict[str, Decimal]:
    """Unit → the most that one batch may come to. A unit that is not named is not limited."""
    pairs = (part.partition("=") for part in settings.DESK_BATCH_MOST_AMOUNT)
    return {unit.strip(): parse_amount(text) for unit, _found, text in pairs}


def too_much(totals: Mapping[str, Decimal]) -> list[str]:
    """A sentence for each unit in which a batch comes to more than it may."""
    return [
        _(
            "It comes to %(total)s %(unit)s; one batch may come to %(most)s %(unit)s (setting DESK_BATCH_MOST_AMOUNT). "
            "Remove rows, or take them in several batches."
        )
        % {"total": exact_text(totals[unit]), "most": exact_text(most), "unit": unit}
        for unit, most in most_amounts().items()
        if abs(totals.get(unit, Decimal(0))) > most
    ]


def count_to_type(count: int) -> str:
    """The count that must be typed to confirm; empty for small batches."""
    return str(count) if count >= settings.DESK_BATCH_TYPED else ""
