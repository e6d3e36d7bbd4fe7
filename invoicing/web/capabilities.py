"""Which verb each provider's server allows in which status, and why not: drawn from the verbs that do the work."""

from dataclasses import dataclass, field
from functools import lru_cache

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from invoicing.operations import brakes
from invoicing.operations.capabilities import Capability, matrix
from invoicing.operations.registry import VERBS
from invoicing.operations.verb import Verb
from invoicing.providers.base import Provider
from invoicing.web.finding import must_see
from invoicing.web.operation_standing import CLASSES
from invoicing.web.sentences import said
from invoicing.web.statuses import left_out


@dataclass
class Refusal:
    """Statuses that share a reason."""

    why: str
    words: list[str] = field(default_factory=list)


@dataclass
class Row:
    """One verb at one server: where it is offered, where not and why."""

    verb: Verb
    endpoint: str
    call_class: str
    class_words: str
    offered: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    @property
    def everywhere(self) -> bool:
        return bool(self.offered) and not self.refused


@dataclass
class Server:
    slug: str
    name: str
    provider: Provider
    words: list[str]
    rows: list[Row] = field(default_factory=list)  # verbs it has a call for, offered or refused by status
    absent: list[tuple[str, str]] = field(default_factory=list)  # verbs it has no call for, and why

    @property
    def cells(self) -> int:
        return sum(len(row.offered) + sum(len(each.words) for each in row.refused) for row in self.rows)


@lru_cache(maxsize=8)
def servers(language: str) -> tuple[Server, ...]:
    """Every server of every provider. It follows from the code alone, so it is worked out once a language."""
    by_server: dict[str, list[Capability]] = {}
    for each in matrix():
        by_server.setdefault(each.server, []).append(each)
    return tuple(_server(name, found) for name, found in by_server.items())


def _server(name: str, found: list[Capability]) -> Server:
    words = list(dict.fromkeys(each.standing.words for each in found if each.standing.words))
    server = Server(slugify(name), name, found[0].provider, words)
    absent: dict[str, list[str]] = {}
    for verb in VERBS.values():
        cells = [each for each in found if each.verb is verb]
        if all(each.call is None for each in cells) and len({each.refusal for each in cells}) == 1:
            absent.setdefault(cells[0].refusal, []).append(str(said(verb.name)))
        else:
            server.rows.append(_row(verb, cells))
    for each in left_out():
        if each.provider is server.provider:
            for names, why in each.reasons:
                absent.setdefault(why, []).append(names)
    server.absent = [(", ".join(names), why) for why, names in absent.items()]
    return server


def _row(verb: Verb, cells: list[Capability]) -> Row:
    call = next((each.call for each in cells if each.call), None)
    endpoint = next((each.endpoint for each in cells if each.endpoint), "")
    row = Row(verb, endpoint, call.call_class if call else "", CLASSES[call.call_class] if call else "")
    refused: dict[str, Refusal] = {}
    for each in cells:
        words = each.standing.words
        if each.offered:
            row.offered.append(words)
        else:
            refused.setdefault(each.refusal, Refusal(each.refusal)).words.append(words)
    row.refused = list(refused.values())
    return row


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """One server's verbs in every status; the others a click away."""
    must_see(request)
    every = servers(get_language() or "")
    wanted = request.GET.get("server", every[0].slug)
    shown = next((each for each in every if each.slug == wanted), None)
    if shown is None:
        raise Http404
    off = brakes.active()
    stopped = {
        row.verb.key: why for row in shown.rows if (why := brakes.stopped(shown.provider.key, row.verb.key, off))
    }
    return render(request, "capabilities/page.html", {"servers": every, "server": shown, "stopped": stopped})
