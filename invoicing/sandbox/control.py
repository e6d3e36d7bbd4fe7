"""The control plane, `/_sandbox/...`: how a test or a person looks behind the providers and moves their world."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qs

from .core import Simulator
from .faults import Faults
from .wire import to_json
from .world import World

KNOWN = (
    *("GET connections", "GET effects", "GET requests", "GET faults", "POST faults", "DELETE faults", "POST act"),
    *("GET clock", "POST clock", "GET options", "POST options", "GET invoices?connection=NAME"),
)


def alike(value: object, default: object) -> bool:
    """Whether a switch can be set to a value, by what it is at first: nothing may become a number, and back."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if default is None or isinstance(default, int | float):
        return (value is None and default is None) or (isinstance(value, int | float) and 0 <= value < 10**9)
    if isinstance(default, list):
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(value, str)


class Wrong(Exception):
    """A control request that cannot be done; carries its HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


@dataclass
class Control:
    """The same for every connection; no key, for it listens where the sandbox listens: on this machine."""

    world: World
    simulators: dict[str, Simulator]
    faults: Faults
    heard: deque[dict]  # the last requests to providers, oldest first

    def answer(self, method: str, path: str, query: str, body: bytes, origin: str) -> object:
        """The answer as JSON data, or an iterator of lines. Errors: Wrong."""
        arguments = {name: values[0] for name, values in parse_qs(query).items()}
        given = {}
        if body:
            try:
                given = json.loads(body)
            except (ValueError, RecursionError) as error:
                raise Wrong(400, f"Not JSON: {error}") from None
            if not isinstance(given, dict):
                raise Wrong(400, "The body is a JSON object")
        handler = getattr(self, f"{method.lower()}_{path.strip('/').replace('/', '_') or 'index'}", None)
        if handler is None:
            raise Wrong(404, f"Known: {', '.join(KNOWN)}")
        try:
            return handler(given, arguments, origin)
        except LookupError as error:
            raise Wrong(404, str(error)) from None
        except (ValueError, TypeError, OverflowError) as error:
            raise Wrong(400, str(error)) from None

    def _named(self, given: dict) -> Simulator:
        wanted = given.get("connection") or given.get("provider")
        for simulator in self.simulators.values():
            if wanted in (simulator.name, simulator.mount):
                return simulator
        for simulator in self.simulators.values():
            if wanted == simulator.provider:
                return simulator
        raise Wrong(404, f"No connection {wanted!r}; there are {', '.join(self.simulators)}")

    def get_index(self, given, arguments, origin):
        return {"seed": self.world.seed, "invoices": self.world.count, "anchor": self.world.anchor.isoformat(),
                "now": self.world.now().isoformat(), "connections": list(self.simulators)}  # fmt: skip

    def get_connections(self, given, arguments, origin):
        return [simulator.connection(origin) for simulator in self.simulators.values()]

    def get_effects(self, given, arguments, origin):
        return [
            effect
            for effect in list(self.world.view("", "effect").values())
            if all(effect.get(name) == value for name, value in arguments.items())
        ]

    def get_requests(self, given, arguments, origin):
        """What was asked of the providers: ?connection=&method=&contains=TEXT&after=NUMBER narrows it."""
        after, text = int(arguments.pop("after", 0)), arguments.pop("contains", "")
        return [
            each
            for each in list(self.heard)
            if each["number"] > after
            and (text in each["path"] or text in each["body"])
            and all(each.get(name) == value for name, value in arguments.items())
        ]

    def get_faults(self, given, arguments, origin):
        return self.faults.listed()

    def post_faults(self, given, arguments, origin):
        return [self.faults.add(rule) for rule in given] if isinstance(given, list) else self.faults.add(given)

    def delete_faults(self, given, arguments, origin):
        self.faults.clear(arguments.get("id"))
        return self.faults.listed()

    def post_act(self, given, arguments, origin):
        simulator = self._named(given)
        rest = {k: v for k, v in given.items() if k not in ("connection", "provider", "what", "external_id")}
        with simulator.lock, self.world.transaction(simulator.name):
            return simulator.act(given.get("what", ""), str(given.get("external_id") or ""), **rest)

    def get_clock(self, given, arguments, origin):
        return {"now": self.world.now().isoformat()}

    def post_clock(self, given, arguments, origin):
        return {"now": self.world.advance(float(given.get("advance_seconds", 0))).isoformat()}

    def get_options(self, given, arguments, origin):
        return {s.name: {name: s.option(name) for name in s.options} for s in self.simulators.values()}

    def post_options(self, given, arguments, origin):
        simulator = self._named(given)
        wanted = {name: value for name, value in given.items() if name not in ("connection", "provider")}
        for name, value in wanted.items():
            if name not in simulator.options:
                raise Wrong(400, f"{simulator.name} has the options {', '.join(simulator.options) or '(none)'}")
            if not alike(value, simulator.options[name]):
                raise Wrong(400, f"{name} is {simulator.options[name]!r} at first; it cannot be {value!r}")
        with simulator.lock:
            for name, value in wanted.items():
                self.world.put(simulator.name, "option", name, {"value": value})
        return {name: simulator.option(name) for name in simulator.options}

    def get_invoices(self, given, arguments, origin) -> Iterator[bytes]:
        """One line of JSON an invoice, read piece by piece so that the simulator goes on answering."""
        simulator = self._named(arguments)

        def lines():
            invoices = simulator.invoices()
            while True:
                with simulator.lock:
                    batch = [to_json(invoice).encode() + b"\n" for invoice in islice(invoices, 100)]
                if not batch:
                    return
                yield b"".join(batch)

        return lines()
