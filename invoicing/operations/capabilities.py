"""Which verb each provider allows in which status, and why not: asked of the verbs themselves, with specimens."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from invoicing.models import Connection, Invoice
from invoicing.operations.registry import VERBS
from invoicing.operations.targets import Start
from invoicing.operations.verb import Call, Verb
from invoicing.providers.base import Provider
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import Payment, Status

SERVERS = {
    "flexprice": (
        ("B", "FlexPrice, server of August 2026"),
        ("A", "FlexPrice, server of January 2026"),
        ("", "FlexPrice, server not known"),
    )
}
"""Where one provider answers in several ways: what the connection's test call finds, and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A status an invoice can have at a provider: its own words and ours. Without words: what starts from no invoice."""

    words: str
    status: Status | None = None
    payment: Payment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One verb, at one provider's server, in one status."""

    provider: Provider
    server: str
    verb: Verb
    standing: Standing
    refusal: str
    call: Call | None

    @property
    def offered(self) -> bool:
        return not self.refusal

    @property
    def endpoint(self) -> str:
        """The call as the provider documents it; of steps, what they are."""
        if self.call is None:
            return ""
        if self.call.steps:
            return ", then ".join(VERBS[key].name for key in self.call.steps)
        found = self.provider.endpoints[self.call.endpoint]
        return f"{found.method} {found.path}"


def matrix() -> list[Capability]:
    """Every verb at every provider in every status, in the order of the registries."""
    return [
        found
        for provider in PROVIDERS.values()
        for generation, server in SERVERS.get(provider.key, (("", provider.name),))
        for verb in VERBS.values()
        for found in _of(provider, server, {"generation": generation} if generation else {}, verb)
    ]


def _of(provider: Provider, server: str, facts: dict[str, str], verb: Verb) -> Iterator[Capability]:
    connection = Connection(provider=provider.key, name=provider.name, direction=provider.direction, facts=facts)
    call = verb.call_at(connection)
    if verb.starts_from != "invoice":
        start = Start(kind=verb.starts_from, connection=connection, external_id="")
        found = [(Standing(words=""), verb.refusal(start))]
    else:
        found = [(standing, verb.refusal(specimen(connection, standing))) for standing in standings(provider)]
    for standing, refusal in found:
        yield Capability(provider=provider, server=server, verb=verb, standing=standing, refusal=refusal, call=call)


def standings(provider: Provider) -> Iterator[Standing]:
    """Where the provider has words of its own for payment, a final invoice can stand in each of them."""
    payments = [
        (word.removeprefix("payment "), Payment(payment))
        for word, _, payment in provider.statuses
        if word.startswith("payment ")
    ]
    for word, status, payment in provider.statuses:
        if not status:
            continue
        if payment or not payments:
            yield Standing(words=word, status=Status(status), payment=Payment(payment or Payment.NOT_TRACKED))
            continue
        for said, ours in payments if status == Status.FINALIZED else payments[:1]:
            yield Standing(words=f"{word} / {said}", status=Status(status), payment=ours)


def specimen(connection: Connection, standing: Standing) -> Invoice:
    """An invoice of that status that nothing else speaks against; it is stored nowhere."""
    facts: dict[str, Any] = {
        "status": standing.status,
        "payment_status": standing.payment,
        "provider_status": standing.words.partition(",")[0],  # "PENDING, something paid" is one word and an amount
        "kind": "SUBSCRIPTION",
        "handles": {"contract_id": "specimen"},
        "has_pdf": True,
        "currency": "USD",
        "total": Decimal(1),
        "amount_due": Decimal(1),
        "period_start": date(2026, 1, 1),
        "period_end": date(2026, 2, 1),
    }
    return Invoice(connection=connection, **facts)
