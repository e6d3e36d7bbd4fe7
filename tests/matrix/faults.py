"""The rows of the matrix for changes: what goes wrong, and how an operation must end for each class of call.

Each fault is data; `strikes` gives the sandbox's rules for one cell. Rows that stop processes, databases or disks are in
processes.py, rows for syncs in sync_faults.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

from invoicing.vocabulary import CallClass
from tests.matrix.place import DEADLINE

K, G, S, U, V = (CallClass.KEYED, CallClass.GUARDED, CallClass.SETTING, CallClass.UNGUARDED, CallClass.INVISIBLE)
Rules = list[dict]


# ---- how it must end


def done(case) -> set[str]:
    return {"succeeded"}


def applied(case) -> set[str]:
    """It happened, and nobody told us: reading back finds it; where nothing can be read back, a person decides."""
    return {"needs_person"} if case.call_class == V else {"succeeded"}


def by_answer_or_reading(case) -> set[str]:
    """It happened; whether the answer still says so depends on what it is made of."""
    return done(case) | applied(case)


def done_or_not_begun(case) -> set[str]:
    """The strike comes when most are done: what it finds unsent is then called absent, and must be."""
    return by_answer_or_reading(case) | silent(case)


def silent(case) -> set[str]:
    """It did not happen, and no answer came: sent again where that cannot double."""
    if case.call_class == V or case.call.patience and case.call_class == U:
        return {"needs_person"}  # nothing is to be seen, and it may still come
    return {"not_done"} if case.call_class == U else {"succeeded"}


def answered(case) -> set[str]:
    """It did not happen, and an answer came that proves nothing: the same, but no key whose errors are kept."""
    return {"not_done"} if case.call.replays_errors else silent(case)


def refused(case) -> set[str]:
    return {"refused"}


# ---- one fault


def change(**rule) -> Callable:
    """A rule for the changing call."""

    def rules(cell) -> Rules:
        case = cell.case
        return [{"method": case.endpoint.method, "path": case.path, "contains": cell.target.external_id, **rule}]

    return rules


def reads(**rule) -> Callable:
    """A rule for everything that is read of the cell's invoice, however it is looked for."""

    def rules(cell) -> Rules:
        ways = ({"method": "GET"}, {"method": "POST", "path": "*/search"})
        return [{**way, "times": None, "contains": mark, **rule} for mark in cell.target.marks for way in ways]

    return rules


def after_the_change(first: Callable, then: Callable) -> Callable:
    """`then` is armed by `first`."""

    def rules(cell) -> Rules:
        [begin] = first(cell)
        begin["id"] = f"first-{cell.target.connection.pk}"
        return [begin, *({**rule, "armed_by": begin["id"]} for rule in then(cell))]

    return rules


def nothing(cell) -> Rules:
    return []


@dataclass(frozen=True)
class Fault:
    row: str
    variant: str
    strikes: Callable = nothing
    ends: Callable = done
    asks: Callable = lambda cell: cell.ask()
    lasts: bool = False  # until it is healed; else it strikes once and is over
    prepare: Callable = lambda cell: None
    heal: Callable = lambda cell: None
    felt: Callable = lambda cell: waits(cell)  # for those that last: it has had its effect
    meanwhile: Callable = lambda cell: []  # what is wrong while it lasts
    over: Callable = lambda cell: False  # for those that end otherwise than with the operation
    still: Callable = lambda cell: False  # for those that go on though the operation has ended
    also: Callable = lambda cell: []  # what else is wrong in the end
    applies: Callable = lambda case: ""  # why not, if not
    alone: str = ""  # "connection" or "everything": what it cannot share with other cells
    doubles_by_itself: bool = False  # the network delivers twice
    done_by_others: bool = False  # effects at the provider that are not ours

    @property
    def name(self) -> str:
        return f"{self.row} {self.variant}".strip()


def waits(cell) -> bool:
    """The operation has tried and waits to try again."""
    now = cell.current
    return now.state == "approved" and bool(now.outcome.get("waits") or now.attempt or now.outcome.get("message"))


def nothing_was_sent(cell) -> list[str]:
    told = cell.current.outcome.get("message", "")
    problems = [] if told else ["it waits and does not say why"]
    return problems + (["SENT while it should wait"] if cell.written() else [])


# ---- the rows


def rate_limited(value: str | None, *, apply: bool = False) -> Callable:
    headers = {} if value is None else {"Retry-After": value}
    return change(fault="status", status=429, headers=headers, apply=apply)


LATE = DEADLINE + 0.5
WIRE_FAULTS = [
    Fault("F0", "no fault"),
    Fault("F2", "answer late, effect in time", change(fault="delay", seconds=LATE), applied),
    Fault("F3", "effect late", change(fault="delay", seconds=LATE, late=True), applied),
    Fault("F4", "429, Retry-After seconds", rate_limited("1"), answered),
    Fault("F4", "429, Retry-After date", rate_limited("Wed, 21 Oct 2015 07:28:00 GMT"), answered),
    Fault("F5", "429 without Retry-After", rate_limited(None), answered),
    Fault("F5", "429, -5", rate_limited("-5"), answered),
    Fault("F5", "429, soon", rate_limited("soon"), answered),
    Fault(
        "F5", "429, year 2099", rate_limited("Fri, 31 Jul 2099 07:28:00 GMT"), answered, lasts=True,
        felt=lambda cell: cell.current.state in ("approved", "unknown", "needs_person") and cell.current.attempt > 0,
    ),
    Fault("F6", "429 after the effect", rate_limited("1", apply=True), applied),
    *(Fault("F7", str(code), change(fault="status", status=code), answered) for code in (500, 502, 503, 504)),
    *(Fault("F8", f"{code} after the effect", change(fault="status", status=code, apply=True), applied) for code in (500, 502, 503)),
    Fault("F9", "malformed JSON", change(fault="malformed"), applied),
    Fault("F10", "short of its length", change(fault="truncated"), applied),
    Fault("F10", "cut, no length", change(fault="truncated", length=False), applied),
    Fault("F11", "empty 200", change(fault="empty"), applied),
    Fault("F11", "text/plain", change(fault="status", status=200, apply=True, body="done", content_type="text/plain"), applied),
    Fault("F12", "login page with 200", change(fault="wrong_type"), applied),
    Fault("F12", "login page with 200, nothing done", change(fault="wrong_type", apply=False), answered),
    *(Fault("F13", str(code), change(fault="redirect", status=code, to="{stranger}"), answered) for code in (301, 302, 307, 308)),
    Fault("F14", "200 with an error body", change(fault="status", status=200, body={"error": "no", "status": 500, "message": "no"}), answered),
    Fault("F14", "200 with an error body, done", change(fault="status", status=200, apply=True, body={"error": {"message": "no"}}), applied),
    Fault("F15", "status unknown in the answer", change(fault="unknown_status"), by_answer_or_reading),
    Fault("F17", "fields nobody knows", lambda cell: [
        *change(fault="set_field", field="brand_new", value={"deep": [1, None, "x" * 3000]})(cell),
        *reads(fault="set_field", field="brand_new", value={"deep": [1, None, "x" * 3000]})(cell)], done),
    Fault("F24", "slow body", change(fault="slow", seconds=3 * DEADLINE), applied),
    Fault("F24", "slow headers", change(fault="slow", seconds=3 * DEADLINE, where="headers"), applied),
    Fault("F25", "30 MB", change(fault="huge"), applied),
    Fault("F25", "30 MB in 30 kB", change(fault="huge", gzip=True), applied),
    Fault("F25", "nested 100,000 deep", change(fault="status", status=200, apply=True, body="[" * 100_000 + "]" * 100_000), applied),
    Fault("F27", "reset before the request arrives", change(fault="drop_before"), silent),
    Fault("F28", "reset after the effect", change(fault="drop_after"), applied),
]  # fmt: skip
