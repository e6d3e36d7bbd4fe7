"""The list of invoices, whole requests, against what others would build: `manage.py benchmark list`.

All sides answer the same questions from the same database in one run, in turns, each in a process of its own; rows and
counts are compared before anything is timed. Units: milliseconds.
"""

import json
import os
import platform
import re
import sqlite3
import sys
from argparse import ArgumentParser
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from statistics import median, quantiles

import django
from django.http import QueryDict
from django.utils import timezone

from invoicing.benchmarks.asking import ROOT, Side
from invoicing.benchmarks.peers import addresses
from invoicing.benchmarks.places import Place
from invoicing.listing.criteria import SORTS

FACETED_GOAL = 50
"""How many times faster than Django's admin with facet counts: the middle of all scenarios, each by its median request."""
FLAT_GOAL = 1.3
"""How much longer a request may take with the largest number of invoices than with the smallest: the middle likewise."""
GOAL_ROWS = 1_000_000
"""How many invoices the goals are meant for."""
STEADY = 0.25
"""A median is marked as unsteady where the inner quartiles lie further apart than this share of it."""
PEER_PYTHON = ROOT / ".venv-benchmark" / "bin" / "python"
SLOW = 250
PEERS = ("admin+facets", "admin", "tables2")


@dataclass(frozen=True)
class Scenario:
    name: str
    filters: dict[str, str] = field(default_factory=dict, hash=False)
    sort: str = "listed"
    order: str = "desc"
    deep: bool = False  # the 1000th page, or the middle one where there are fewer
    capped: bool = False  # our counts may stop at 10,000


SCENARIOS = (
    Scenario("newest"),
    Scenario("three filters", {"status": "finalized", "payment": "paid", "connection": "flexprice-cloud"}),
    Scenario("search, dense", {"q": "nord"}),
    Scenario("search, medium", {"q": "nordbridge"}),
    Scenario("amount range", {"currency": "USD", "amount_min": "100", "amount_max": "1000"}, capped=True),
    Scenario("overdue", {"overdue": "on"}, sort="due", order="asc"),
)
PAGES = tuple(
    Scenario(f"{sort.label.lower()} {order}, {'page 1000' if deep else 'first'}", sort=sort.key, order=order, deep=deep)
    for sort in SORTS.values()
    for order in ("desc", "asc")
    for deep in (False, True)
)


class Bench:
    """One database and the processes that ask it."""

    def __init__(self, place: Place, peers: bool, stack: ExitStack):
        self.place, self.today = place, timezone.localdate()
        environment = place.environment
        self.sides = {"desk": stack.enter_context(Side(sys.executable, "invoicing.settings", environment))}
        if peers:
            settings = "invoicing.benchmarks.peers.settings"
            self.sides |= {name: stack.enter_context(Side(str(PEER_PYTHON), settings, environment)) for name in PEERS}
        self.connections = self.sides["desk"].call("invoicing.benchmarks.lists.connections")
        self.paths: dict[str, dict[str, str]] = {}
        self.samples: dict[tuple[str, str], list[dict]] = {}
        self.problems: list[str] = []

    def prepare(self, scenario: Scenario) -> None:
        """Work out the addresses, and look whether all sides answer alike. Warms every side as well."""
        paths = self.paths[scenario.name] = self._addresses(scenario)
        seen = {side: self.sides[side].look(path) for side, path in paths.items()}
        for side, answer in seen.items():
            if answer["status"] != 200:
                self.problems.append(f"{scenario.name}: {side} answered {answer['status']} to {paths[side]}")
                return
        rows = {side: _rows(side, answer["body"]) for side, answer in seen.items()}
        ours = rows["desk"]
        if not ours:
            self.problems.append(f"{scenario.name}: the desk lists nothing")
        self.problems += [f"{scenario.name}: {side} lists other rows" for side, found in rows.items() if found != ours]
        if "admin+facets" in seen and not scenario.capped:
            self.problems += [
                f"{scenario.name}: {told}"
                for told in _differences(_facets(seen["desk"]["body"]), _admin_facets(seen["admin+facets"]["body"]))
            ]

    def _addresses(self, scenario: Scenario) -> dict[str, str]:
        filters = {**scenario.filters, "sort": scenario.sort, "order": scenario.order}
        query = QueryDict(mutable=True)
        query.update(filters)
        page = 1
        if scenario.deep:
            page = min(1000, self.place.rows // 100)
            query["after"] = self.sides["desk"].call(
                "invoicing.benchmarks.lists.mark_of", query=query.urlencode(), page=page
            )
        asked = {"sort": scenario.sort, "order": scenario.order, "page": page}
        asked |= {"connections": self.connections, "today": self.today}
        paths = {
            "desk": f"/receivables/?{query.urlencode()}",
            "admin+facets": addresses.admin("admin-facets", scenario.filters, **asked),
            "admin": addresses.admin("admin", scenario.filters, **asked),
            "tables2": addresses.tables(scenario.filters, **asked),
        }
        return {side: paths[side] for side in self.sides}

    def measure(self, scenario: Scenario, side: str, number: int) -> None:
        samples = self.samples.setdefault((scenario.name, side), [])
        if number >= 7 and side in PEERS and median(s["ms"] for s in samples) > SLOW:
            return  # enough to know
        samples.append(self.sides[side].page(self.paths[scenario.name][side]))

    def figures(self, scenario: Scenario, side: str) -> dict:
        samples = self.samples[scenario.name, side]
        times = sorted(sample["ms"] for sample in samples)
        low, middle, high = quantiles(times, n=4, method="inclusive")
        return {
            "median": round(middle, 2),
            "quartiles": [round(low, 2), round(high, 2)],
            "cpu": round(median(sample["cpu_ms"] for sample in samples), 2),
            "samples": len(times),
            "bytes": samples[0]["bytes"],
        }


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--rows", default="10k,1m", help="sizes, e.g. 10k,100k,1m")
    parser.add_argument("--db", default="sqlite,postgresql")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="names of scenarios, comma-separated, as far as they begin so")
    parser.add_argument("--no-peers", action="store_true", help="the desk alone")
    parser.add_argument("--combinations", type=int, default=200, help="random filters compared with the ORM's answer")
    parser.add_argument("--fresh", action="store_true", help="make the databases anew")


def run(
    *, rows: str, db: str, rounds: int, only: str, no_peers: bool, combinations: int, fresh: bool, tell=print, **_
) -> dict:
    """Everything measured, and what misses a goal under "misses"."""
    if not no_peers and not PEER_PYTHON.exists():
        raise RuntimeError("The peers need an environment of their own: make benchmark-env")
    sizes = sorted(_size(text) for text in rows.split(","))
    scenarios = [
        scenario
        for scenario in (*SCENARIOS, *PAGES)
        if not only or any(scenario.name.startswith(name.strip()) for name in only.split(","))
    ]
    report: dict = {"rounds": rounds, "machine": _machine(), "databases": {}, "misses": []}
    for vendor in db.split(","):
        found = report["databases"][vendor] = _of_database(vendor, sizes, scenarios, rounds, not no_peers, fresh, tell)
        if combinations:
            found["combinations"] = _combinations(vendor, sizes[-1], combinations)
            found["misses"] += [f"the ORM answers otherwise: {each}" for each in found["combinations"]["differing"]]
        report["misses"] += [f"{vendor}: {miss}" for miss in found["misses"]]
    return report


def _machine() -> dict:
    return {
        "cores": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],  # of everybody: other work makes all times longer
        "python": platform.python_version(),
        "django": django.__version__,
        "sqlite": sqlite3.sqlite_version,
    }


def _of_database(vendor, sizes, scenarios, rounds, peers, fresh, tell) -> dict:
    with ExitStack() as stack:
        benches = []
        for size in sizes:
            place = Place(vendor, size)
            place.prepare(tell, fresh=fresh)
            benches.append(Bench(place, peers and size == sizes[-1], stack))
        for bench in benches:
            for scenario in scenarios:
                tell(f"{vendor} {bench.place.rows:,}: looking at {scenario.name}")
                bench.prepare(scenario)
        for number in range(rounds):
            tell(f"{vendor}: round {number + 1} of {rounds}")
            for scenario in scenarios:
                for bench in benches:
                    for side in bench.sides:
                        bench.measure(scenario, side, number)
        return _report(benches, scenarios)


def _report(benches: list[Bench], scenarios: list[Scenario]) -> dict:
    largest = benches[-1]
    misses = [f"{bench.place.rows:,}: {problem}" for bench in benches for problem in bench.problems]
    found: dict = {"scenarios": {}, "misses": misses}
    for scenario in scenarios:
        sizes = {bench.place.rows: bench.figures(scenario, "desk") for bench in benches}
        ours = sizes[largest.place.rows]
        entry = found["scenarios"][scenario.name] = {"desk": sizes, "peers": {}}
        entry["growth"] = round(ours["median"] / sizes[benches[0].place.rows]["median"], 2)
        for side in largest.sides:
            if side != "desk":
                figures = largest.figures(scenario, side)
                entry["peers"][side] = figures | {"times": round(figures["median"] / ours["median"], 1)}
    entries = found["scenarios"].values()
    times = [entry["peers"]["admin+facets"]["times"] for entry in entries if "admin+facets" in entry["peers"]]
    if times:
        found["times"] = round(median(times), 1)
        if found["times"] < FACETED_GOAL and largest.place.rows >= GOAL_ROWS:
            misses.append(f"{found['times']} times faster than admin+facets in the middle scenario, not {FACETED_GOAL}")
    if len(benches) > 1:
        found["growth"] = round(median(entry["growth"] for entry in entries), 2)
        if found["growth"] > FLAT_GOAL:
            misses.append(
                f"{found['growth']} times slower at {largest.place.rows:,} than at {benches[0].place.rows:,} "
                f"in the middle scenario, not {FLAT_GOAL}"
            )
    return found


def _combinations(vendor: str, size: int, number: int) -> dict:
    with Side(sys.executable, "invoicing.settings", Place(vendor, size).environment) as side:
        return side.call("invoicing.benchmarks.combinations.compare", number=number)


def table(report: dict) -> str:
    """For a person: medians with their quartiles, and how many times slower each peer is."""
    lines = [" ".join(f"{name} {value}" for name, value in report["machine"].items())]
    for vendor, found in report["databases"].items():
        lines.append(f"\n{vendor}, median [quartiles] in ms; ~ where the quartiles lie far apart")
        for name, entry in found["scenarios"].items():
            desk = "  ".join(f"{size:>9,}: {_spread(figures)}" for size, figures in entry["desk"].items())
            peers = "  ".join(f"{side} {_spread(each)} {each['times']}×" for side, each in entry["peers"].items())
            lines.append(f"{name:24} {desk}  growth {entry['growth']:.2f}  {peers}")
        lines += [f"middle: {name} {found[name]}" for name in ("times", "growth") if name in found]
        if combinations := found.get("combinations"):
            lines += [f"{name}: {json.dumps(each)}" for name, each in combinations.items()]
    lines += ["", *(f"MISSED {miss}" for miss in report["misses"])]
    return "\n".join(lines)


def _spread(figures: dict) -> str:
    low, high = figures["quartiles"]
    unsteady = "~" if high - low > STEADY * figures["median"] else ""
    return f"{unsteady}{figures['median']:.1f} [{low:.1f}–{high:.1f}]"


def _size(text: str) -> int:
    text = text.strip().lower()
    return int(text.rstrip("km")) * {"k": 1_000, "m": 1_000_000}.get(text[-1], 1)


def _rows(side: str, body: str) -> list[str]:
    pattern = r"/invoicing/invoice/(\d+)/change/" if side.startswith("admin") else r'data-invoice="(\d+)"'
    return list(dict.fromkeys(re.findall(pattern, body)))


def _facets(body: str) -> dict[str, dict[str, int]]:
    """Our menus' counts by what the boxes stand for."""
    found: dict[str, dict[str, int]] = {}
    boxes = r'<input type="checkbox"[^>]* name="(\w+)" value="([^"]*)"[^>]*>(.*?)</label>'
    for name, value, rest in re.findall(boxes, body, re.S):
        if count := re.search(r"tabular\">([\d,]+)<", rest):
            found.setdefault(name, {})[value] = int(count[1].replace(",", ""))
    return found


def _admin_facets(body: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for title, block in re.findall(r'<details data-filter-title="([^"]*)"(.*?)</details>', body, re.S):
        found[title] = {label.strip(): int(count) for label, count in re.findall(r">([^<>]*?) \((\d+)\)</a>", block)}
    return found


def _differences(ours: dict, theirs: dict) -> list[str]:
    """Where a count of ours is not the admin's. Values we leave out must be none of theirs."""
    from invoicing.vocabulary import Payment, Status

    labels = {"status": dict(Status.choices), "payment": dict(Payment.choices)}
    told = []
    for name, title in (
        ("status", "status"),
        ("payment", "payment status"),
        ("connection", "connection"),
        ("currency", "currency"),
    ):
        mine = {labels.get(name, {}).get(value, value): n for value, n in ours.get(name, {}).items() if n}
        other = {label: n for label, n in theirs.get(title, {}).items() if n}
        if mine != other or not mine:
            told.append(f"counts by {name} differ: {mine} and {other}")
    return told


def connections() -> dict[str, int]:
    from invoicing.models import Connection

    return dict(Connection.objects.values_list("name", "pk"))


def mark_of(*, query: str, page: int) -> str:
    """The mark after which a page of 50 begins."""
    from invoicing.listing.filters import InvoiceFilters
    from invoicing.listing.invoice_list import InvoiceList
    from invoicing.listing.page import Mark
    from invoicing.models import Connection, Invoice
    from invoicing.vocabulary import Direction

    filters = InvoiceFilters(
        QueryDict(query), direction=Direction.RECEIVABLE, connections=list(Connection.objects.all()), reach=None
    )
    found = InvoiceList(filters.criteria())
    pk = next(islice(found.ids(), 50 * (page - 1) - 1, None))
    row = Invoice.objects.get(pk=pk)
    return Mark(tuple(getattr(row, column) for column in SORTS[found.criteria.sort].columns), pk).text()
