"""What can be asked of an invoice and for its customer now, what cannot and why, for one person."""

from dataclasses import dataclass, field
from functools import cached_property

from django.http import HttpRequest
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.models import Brake, Invoice, Operation
from invoicing.operations import brakes
from invoicing.operations.registry import VERBS, availability, open_operation, why_not
from invoicing.operations.targets import Start
from invoicing.operations.verb import Availability, Verb

OF_NO_SUBSCRIPTION = ("", "one_off", "credit")
MOST_BUTTONS = 3
"""So many possible actions stand beside the menu; all stand in it."""


@dataclass
class Refused:
    """Verbs that share a reason."""

    why: str
    verbs: list[Verb] = field(default_factory=list)


@dataclass(frozen=True)
class Actions:
    """The menu. `running` is the one operation under way, if there is one."""

    offered: list[Availability]
    unavailable: list[Availability]
    running: Operation | None

    @property
    def buttons(self) -> list[Availability]:
        return [each for each in self.offered if each.verb.starts_from == "invoice"][:MOST_BUTTONS]

    @cached_property
    def refused(self) -> list[Refused]:
        """By reason, so that a provider that offers nothing says so once."""
        found: dict[str, Refused] = {}
        for each in self.unavailable:
            found.setdefault(each.refusal, Refused(each.refusal)).verbs.append(each.verb)
        return list(found.values())


def actions_of(request: HttpRequest, invoice: Invoice) -> Actions:
    """Every verb for this person: one they have no right to is refused with what is missing."""
    found = [_for(request, invoice, each) for each in [*availability(invoice), *_for_its_customer(invoice)]]
    there = [each for each in found if each.verb.call_at(invoice.connection) is not None]
    nowhere = [each for each in found if each.verb.call_at(invoice.connection) is None]
    return Actions(
        offered=[each for each in there if each.offered],
        unavailable=[each for each in [*there, *nowhere] if not each.offered],
        running=open_operation(invoice),
    )


def _for(request: HttpRequest, invoice: Invoice, each: Availability) -> Availability:
    try:
        rights.require(request.user, each.verb.right, invoice)
    except rights.NotAllowed as missing:
        return Availability(verb=each.verb, refusal=each.refusal or str(missing))
    return each


def _for_its_customer(invoice: Invoice) -> list[Availability]:
    """What can be asked for its customer, and of its subscription if it belongs to one."""
    verbs = [verb for verb in VERBS.values() if verb.starts_from != "invoice"]
    holding = brakes.active() if any(verb.call_at(invoice.connection) for verb in verbs) else []
    return [Availability(verb=verb, refusal=_why_not(verb, invoice, holding)) for verb in verbs]


def _why_not(verb: Verb, invoice: Invoice, holding: list[Brake]) -> str:
    """Whether it belongs to a subscription is told by its kind here: to read which one, its page reads the whole record."""
    if not verb.call_at(invoice.connection):
        return verb.refusal(invoice)
    if verb.starts_from == "subscription" and invoice.kind.lower() in OF_NO_SUBSCRIPTION:
        return _("This invoice belongs to no subscription.")
    return why_not(verb, Start(kind=verb.starts_from, connection=invoice.connection, external_id=""), holding)
