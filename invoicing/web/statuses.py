"""What providers' words mean here, and what each provider can be asked for. Drawn from the adapters and the verbs."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from invoicing.operations.registry import VERBS
from invoicing.operations.verb import Call, Verb
from invoicing.providers.base import Provider
from invoicing.providers.registry import PROVIDERS
from invoicing.web.finding import must_see
from invoicing.web.operation_standing import CLASSES


@dataclass(frozen=True)
class Cell:
    """One verb at one provider: the call and what makes it safe, or why there is none."""

    provider: Provider
    call: Call | None
    words: str  # what the class of the call means, or why it is not offered
    endpoint: str = ""


@dataclass(frozen=True)
class Row:
    verb: Verb
    cells: list[Cell]


@dataclass(frozen=True)
class Left:
    """What a provider does not offer and no verb of ours asks for: verbs that share a reason, and the reason."""

    provider: Provider
    reasons: list[tuple[str, str]]


def capabilities() -> list[Row]:
    return [Row(verb, [_cell(verb, provider) for provider in PROVIDERS.values()]) for verb in VERBS.values()]


def _cell(verb: Verb, provider: Provider) -> Cell:
    call = verb.calls.get(provider.key)
    if call is None:
        return Cell(
            provider,
            None,
            provider.not_offered.get(verb.key) or _("%(name)s has no such call.") % {"name": provider.name},
        )
    endpoint = provider.endpoints.get(call.endpoint)
    return Cell(provider, call, CLASSES[call.call_class], f"{endpoint.method} {endpoint.path}" if endpoint else "")


def left_out() -> list[Left]:
    found = []
    for provider in PROVIDERS.values():
        by_reason: dict[str, list[str]] = {}
        for key, why in provider.not_offered.items():
            if key not in VERBS:
                by_reason.setdefault(why, []).append(key.replace("_", " "))
        if by_reason:
            found.append(Left(provider, [(_listed(keys), why) for why, keys in by_reason.items()]))
    return found


def _listed(words: list[str]) -> str:
    text = ", ".join(words)
    return text[:1].upper() + text[1:]


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    must_see(request)
    context = {"providers": PROVIDERS.values(), "capabilities": capabilities(), "left_out": left_out()}
    return render(request, "statuses/page.html", context)
