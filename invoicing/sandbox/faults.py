"""Faults by rule: the n-th matching request is dropped, delayed, refused, answered wrongly or answered late.

A rule: {"connection" or "mount", "method", "path" (glob below the mount), "times": how often (1 when absent, null for
ever), "after": how many matching requests pass first, "contains": a text that its path, query or body has (an id),
"armed_by": the id of a rule that must have struck before, "fault": a name of FAULTS, "apply": whether the request is
really carried out (each fault has its own default), and what the fault needs: "seconds", "status", "body", ...}
"""

import fnmatch
import gzip
import json
import threading
import time

from .core import Raw, Request, Response, Simulator

# name -> whether the request is carried out unless the rule says otherwise
FAULTS = {
    "drop_before": False,  # the connection closes, nothing happened
    "drop_after": True,  # it happened, then the connection closes without an answer
    "delay": True,  # "seconds" between doing and answering; with "late": true between hearing and doing
    "status": False,  # "status", "body" (text as it is, else JSON), "headers", "content_type", "remember" (idempotency)
    "truncated": True,  # half of the promised length, then closed; with "length": false no length was promised
    "malformed": True,  # JSON broken in the middle, of the right length
    "wrong_type": True,  # a page of HTML with status 200
    "empty": True,  # status 200 and no body
    "redirect": False,  # "to", "status" (302)
    "huge": True,  # a JSON body of "bytes" (30 million); "gzip": true sends it compressed
    "slow": True,  # the answer drips over "seconds"; with "where": "headers" the headers drip as well
    "stale": True,  # reads (GET, .../search; others when the rule names their method) do not know the last change
    "unknown_status": True,  # every record's status reads "value"
    "drop_field": True,  # "field" ("a.b" reaches inside) missing in every record, or in number "index" alone
    "set_field": True,  # "field" is "value" (or the number with the digits "raw") in every record, or in "index" alone
    # drop_field and set_field with "of": "answer" reach for the answer itself: has_more, a cursor, the list
    "repeat_page": True,  # the answer this path gave before, once more; "rows_only": true keeps the new cursor
    "repeat_request": True,  # the network delivers the request twice
}

KINDS = {  # what a rule's words may be, so that one that cannot work is refused when it is made
    "times": (int, type(None)),
    **dict.fromkeys(("after", "status", "bytes"), int),
    **dict.fromkeys(("connection", "mount", "method", "path"), (str, type(None))),
    **dict.fromkeys(("content_type", "to", "where", "field", "raw", "of", "message"), str),
    **dict.fromkeys(("apply", "late", "length", "gzip", "remember", "rows_only"), bool),
    "seconds": (int, float),
    "index": (int, type(None)),
    "headers": dict,
}
NEEDED = {"drop_field": "field", "set_field": "field"}

LOGIN_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>"


class Drop(Exception):
    """Close the connection without an answer."""


class Rule:
    """One rule and how often it hit."""

    def __init__(self, number: int, given: dict):
        if not isinstance(given, dict) or given.get("fault") not in FAULTS:
            raise ValueError(f"A rule names its fault, one of {', '.join(FAULTS)}.")
        for name, kind in KINDS.items():
            value = given.get(name) if name in given else None
            if name in given and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
                raise ValueError(f"{name} cannot be {value!r}.")
            if isinstance(value, int | float) and not 0 <= value < 10**9:
                raise ValueError(f"{name} cannot be {value}.")
        if NEEDED.get(given["fault"], "fault") not in given:
            raise ValueError(f"{given['fault']} needs a {NEEDED[given['fault']]}.")
        self.given = {"id": str(given.get("id") or f"fault-{number}"), **{k: v for k, v in given.items() if k != "id"}}
        self.fault = given["fault"]
        self.times = given.get("times", 1)
        self.apply = given.get("apply", FAULTS[self.fault])
        self.seen = self.hits = 0
        self.last_page: dict[tuple, bytes] = {}

    def concerns(self, simulator: Simulator, request: Request) -> bool:
        """Whether the rule speaks of such requests at all."""
        given = self.given
        return (
            given.get("connection") in (None, "*", simulator.name)
            and given.get("mount") in (None, "*", simulator.mount)
            and given.get("method") in (None, "*", request.method)
            and fnmatch.fnmatchcase("/" + request.path.strip("/"), "/" + str(given.get("path") or "*").strip("/"))
            and ("contains" not in given or mentions(request, str(given["contains"])))
        )

    def described(self) -> dict:
        return {**self.given, "seen": self.seen, "hits": self.hits}


def mentions(request: Request, text: str) -> bool:
    """Whether a request speaks of an id: in its path, its query or its body."""
    return (
        text in request.path
        or any(text in value for _, value in request.query)
        or text.encode() in (request.body or b"")
    )


class Faults:
    """The rules in force. The first rule that strikes decides."""

    def __init__(self):
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._made = 0

    def add(self, given: dict) -> dict:
        with self._lock:
            self._made += 1
            rule = Rule(self._made, given)
            self._rules = [kept for kept in self._rules if kept.given["id"] != rule.given["id"]] + [rule]
        return rule.described()

    def listed(self) -> list[dict]:
        return [rule.described() for rule in self._rules]

    def clear(self, identity: str | None = None) -> None:
        with self._lock:
            self._rules = [rule for rule in self._rules if identity and rule.given["id"] != identity]

    def concerning(self, simulator: Simulator, request: Request) -> tuple[Rule | None, list[Rule]]:
        """The rule that strikes this request, and the page-repeating ones that only take note of its answer."""
        if not self._rules:
            return None, []
        struck, noting = None, []
        with self._lock:
            for rule in self._rules:
                if not rule.concerns(simulator, request) or not self._armed(rule):
                    continue
                rule.seen += 1
                ready = rule.seen > rule.given.get("after", 0) and (rule.times is None or rule.hits < rule.times)
                if rule.fault == "repeat_page":
                    noting.append(rule)
                    ready = ready and (simulator.name, request.method, request.path) in rule.last_page
                if ready and struck is None:
                    rule.hits += 1
                    struck = rule
        return struck, noting

    def _armed(self, rule: Rule) -> bool:
        first = rule.given.get("armed_by")
        return first is None or any(other.given["id"] == first and other.hits for other in self._rules)

    def answer(self, simulator: Simulator, request: Request) -> tuple[Response, dict]:
        """The answer to a request, and how to send it: {} or "cut", "seconds", "where". Errors: Drop."""
        rule, noting = self.concerning(simulator, request)
        if rule is None:
            response, sending = simulator.handle(request), {}
        else:
            response, sending = self._strike(rule, simulator, request)
        for taking_note in noting:
            if response.status == 200 and taking_note is not rule:
                taking_note.last_page[simulator.name, request.method, request.path] = response.encoded()
        return response, sending

    def _strike(self, rule: Rule, simulator: Simulator, request: Request) -> tuple[Response, dict]:
        given = rule.given
        if rule.fault == "delay" and given.get("late"):
            time.sleep(given.get("seconds", 1))
        if rule.fault == "repeat_request":
            simulator.handle(request)
        if rule.fault == "stale" and (request.method == "GET" or request.path.endswith("/search") or "method" in given):
            with simulator.world.as_before_the_last_change(simulator.name):
                return simulator.handle(request), {}
        done = simulator.handle(request) if rule.apply else Response()
        if rule.fault in ("drop_before", "drop_after"):
            raise Drop
        if rule.fault == "delay" and not given.get("late"):
            time.sleep(given.get("seconds", 1))
        sending = {}
        if rule.fault == "truncated":
            sending = {"cut": True, "length": given.get("length", True)}
        elif rule.fault == "slow":
            sending = {"seconds": given.get("seconds", 5), "where": given.get("where", "body")}
        change = ANSWERS.get(rule.fault)
        answer = change(rule, simulator, request, done) if change else done
        if not rule.apply and given.get("remember"):
            with simulator.lock, simulator.world.transaction(simulator.name):
                simulator.remember(request, answer)
        if rule.apply and "X-Sandbox-Effect" in done.headers:
            answer.headers["X-Sandbox-Effect"] = done.headers["X-Sandbox-Effect"]
        return answer, sending


def _status(rule: Rule, simulator: Simulator, request: Request, done: Response) -> Response:
    given = rule.given
    answer = simulator.error(given.get("status", 500), given.get("message", "Injected by the sandbox"))
    if "body" in given:
        body = given["body"]
        answer = Response(answer.status, body.encode() if isinstance(body, str) else body)
    answer.content_type = given.get("content_type", answer.content_type)
    answer.headers.update({name: str(value) for name, value in given.get("headers", {}).items()})
    return answer


def _malformed(rule: Rule, simulator: Simulator, request: Request, done: Response) -> Response:
    body = done.encoded()
    return Response(done.status, body[: len(body) // 2] + b'\x00,"', done.headers, done.content_type)


def _huge(rule: Rule, simulator: Simulator, request: Request, done: Response) -> Response:
    body = b'{"data":["' + b"x" * rule.given.get("bytes", 30_000_000) + b'"]}'
    if rule.given.get("gzip"):
        return Response(200, gzip.compress(body), {"Content-Encoding": "gzip"})
    return Response(200, body)


def _records(body: object) -> list[dict]:
    """The invoices (or whatever is listed) in an answer."""
    if isinstance(body, dict):
        for name in ("data", "items", "invoices"):
            if isinstance(body.get(name), list):
                return [record for record in body[name] if isinstance(record, dict)]
        body = body["data"] if isinstance(body.get("data"), dict) else body
    return [body] if isinstance(body, dict) else []


def _edited(rule: Rule, done: Response, field: str, edit) -> Response:
    """The answer with `edit(holder, name)` done to a field of its records; numbers keep their digits."""
    if done.status >= 300 or not done.body or not done.content_type.startswith("application/json"):
        return done
    body = json.loads(done.encoded(), parse_float=Raw)
    records = [body] if rule.given.get("of") == "answer" and isinstance(body, dict) else _records(body)
    for index, record in enumerate(records):
        if rule.given.get("index") in (None, index):
            *inside, name = field.split(".")
            holder = record
            for step in inside:
                holder = holder.get(step) if isinstance(holder, dict) else None
            if isinstance(holder, dict):
                edit(holder, name)
    return Response(done.status, body, done.headers, done.content_type)


def _unknown_status(rule: Rule, simulator: Simulator, request: Request, done: Response) -> Response:
    value = rule.given.get("value", "quantum_limbo")
    field = rule.given.get("field", simulator.status_field)
    return _edited(rule, done, field, lambda holder, name: holder.__setitem__(name, value))


def _drop_field(rule: Rule, simulator: Simulator, request: Request, done: Response) -> Response:
    return _edited(rule, done, rule.given["field"], lambda holder, name: holder.pop(name, None))


def _set_field(rule: Rule, simulator: Simulator, request: Request, done: Response) -> Response:
    value = Raw(rule.given["raw"]) if "raw" in rule.given else rule.given.get("value")
    return _edited(rule, done, rule.given["field"], lambda holder, name: holder.__setitem__(name, value))


def _repeat_page(rule: Rule, simulator: Simulator, request: Request, done: Response) -> Response:
    before = rule.last_page[simulator.name, request.method, request.path]
    if not rule.given.get("rows_only"):
        return Response(200, before)
    body, old = (json.loads(text, parse_float=Raw) for text in (done.encoded(), before))
    for name in ("data", "items", "invoices"):
        if isinstance(body.get(name), list):
            body[name] = old.get(name, [])
    return Response(200, body)


ANSWERS = {
    "status": _status,
    "malformed": _malformed,
    "wrong_type": lambda rule, simulator, request, done: Response(200, LOGIN_PAGE, content_type="text/html"),
    "empty": lambda rule, simulator, request, done: Response(200, None),
    "redirect": lambda rule, simulator, request, done: Response(
        rule.given.get("status", 302), None, {"Location": rule.given.get("to", "http://elsewhere.example/")}
    ),
    "huge": _huge,
    "unknown_status": _unknown_status,
    "drop_field": _drop_field,
    "set_field": _set_field,
    "repeat_page": _repeat_page,
}
