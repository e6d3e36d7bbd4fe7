"""What a reviewer has to have looked at, by provider and kind of invoice: data of the rulebook, edited by people."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from invoicing.models import Invoice, Rulebook
from invoicing.reviews.rules import NotRules

MOST_LISTS, MOST_POINTS, LONGEST = 40, 12, 200
Point = dict[str, str]  # {"key", "text"}


@dataclass(frozen=True, slots=True)
class Checklist:
    """`provider` and `kind` empty hold for all; `kind` is the provider's own word."""

    provider: str
    kind: str
    points: tuple[tuple[str, str], ...]  # key and text

    def as_json(self) -> dict[str, Any]:
        return {"provider": self.provider, "kind": self.kind, "points": [list(each) for each in self.points]}


def checklists_in(stored: Iterable[Mapping[str, Any]]) -> list[Checklist]:
    """Errors: NotRules."""
    found = [
        Checklist(
            provider=str(each.get("provider") or ""),
            kind=str(each.get("kind") or "").strip()[:64],
            points=tuple((str(key), str(text)) for key, text in each.get("points", ())),
        )
        for each in stored
    ]
    places = [(each.provider, each.kind) for each in found]
    for number, each in enumerate(found, 1):
        if places.index((each.provider, each.kind)) != number - 1:
            raise NotRules(_("Another checklist is for the same invoices."), rule=number, field="kind")
        if not each.points or len(each.points) > MOST_POINTS:
            raise NotRules(
                _("Between 1 and %(most)d points, one a line.") % {"most": MOST_POINTS}, rule=number, field="points"
            )
        if any(not text.strip() or len(text) > LONGEST for _key, text in each.points):
            raise NotRules(_("A point has at most %(most)d letters.") % {"most": LONGEST}, rule=number, field="points")
    if len(found) > MOST_LISTS:
        raise NotRules(_("There can be at most %(most)d checklists.") % {"most": MOST_LISTS})
    return found


def points_from(text: str) -> tuple[tuple[str, str], ...]:
    """One point a line, each with a key made from its words."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        base = re.sub(r"[^a-z0-9]+", "-", line.casefold()).strip("-")[:32] or "point"
        key, number = base, 2
        while key in found:
            key, number = f"{base}-{number}", number + 1
        found[key] = line.strip()
    return tuple(found.items())


def points_for(invoice: Invoice, book: Rulebook | None) -> list[Point]:
    """The points that this invoice's review has to tick: of the list that fits best; none without a list."""
    best: tuple[int, Checklist] | None = None
    for each in checklists_in(book.checklists) if book else ():
        if each.provider not in ("", invoice.connection.provider) or each.kind not in ("", invoice.kind):
            continue
        fit = 2 * bool(each.provider) + bool(each.kind)
        if best is None or fit > best[0]:
            best = (fit, each)
    return [{"key": key, "text": text} for key, text in best[1].points] if best else []


def starters() -> list[Checklist]:
    """Lists that come with the starter rules."""
    return [
        Checklist("", "", points_from(_("The amounts are what the contract says\nCustomer and period are right"))),
        Checklist(
            "cockroachdb",
            "",
            points_from(
                _("The clusters are ours and still needed\nCredits were used before money\nThe month is right")
            ),
        ),
    ]
