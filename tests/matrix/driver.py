"""Runs cells side by side: several at once, none beside one that must be alone."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.test import Client

from tests.matrix.cases import Case, NotYet, Supply, UsedUp
from tests.matrix.cells import PATIENCE, Cell
from tests.matrix.faults import Fault
from tests.matrix.place import Workers

log = logging.getLogger(__name__)
BESIDE = 20  # cells under way at once; most of them wait


@dataclass
class Result:
    cells: list[Cell] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)  # (fault, case, why)
    seconds: float = 0.0

    @property
    def failed(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.problems]


def plan(faults: Iterable[Fault], cases: list[Case], result: Result, supply: Supply) -> list[Cell]:
    cells = []
    for fault in faults:
        for case in cases:
            why = supply.never.get(case.name) or fault.applies(case)
            if why:
                result.left_out.append((fault.name, case.name, why))
            else:
                cells.append(Cell(supply.place, fault, case))
    return cells


def run(cells: list[Cell], result: Result, supply: Supply, tell: Callable[[Cell], object] = lambda cell: None) -> None:
    """Carry every cell through. The result holds them all, each with its problems."""
    begun = time.monotonic()
    client = Client(SERVER_NAME="localhost")
    client.force_login(supply.place.operator)
    waiting, under_way = list(cells), []
    workers, late = Workers(threads=BESIDE), []
    try:
        while waiting or under_way or late:
            if not waiting and not under_way:
                supply.place.begin_anew()
                supply.refill()
                waiting, late = late, []
            for cell in startable(waiting, under_way):
                waiting.remove(cell)
                try:
                    cell.begin(supply)
                    under_way.append(cell)
                except NotYet:
                    waiting.insert(min(BESIDE, len(waiting)), cell)
                except UsedUp:
                    late.append(cell)
                except Exception as error:
                    log.exception("%s could not begin", cell.name)
                    cell.problems.append(f"could not begin: {type(error).__name__}: {error}")
                    finish(cell, result, tell)
            for cell in list(under_way):
                if cell.poll():
                    under_way.remove(cell)
                    cell.judge(client.get)
                    supply.give_back(cell.target)
                    finish(cell, result, tell)
            time.sleep(0.1)
    finally:
        workers.stop()
    result.seconds += time.monotonic() - begun


def run_strokes(
    cells: list[Cell], result: Result, supply: Supply, tell: Callable[[Cell], object] = lambda cell: None
) -> None:
    """The rows that strike us: for each, all its cells are begun without a worker, struck, and then left to others."""
    begun = time.monotonic()
    client = Client(SERVER_NAME="localhost")
    client.force_login(supply.place.operator)
    waiting = list(cells)
    while waiting:
        fault = waiting[0].fault
        beside, waiting = (
            [cell for cell in waiting if cell.fault is fault],
            [c for c in waiting if c.fault is not fault],
        )
        under_way, later = _begun(beside, supply)
        if not under_way:
            supply.place.begin_anew()
            supply.refill()
        waiting = later + waiting
        if under_way:
            fault.happens(under_way)
            _left_to_others(under_way, result, supply, client, tell)
    result.seconds += time.monotonic() - begun


def _begun(cells: list[Cell], supply: Supply) -> tuple[list[Cell], list[Cell]]:
    under_way, later = [], []
    for cell in cells:
        try:
            cell.begin(supply)
            under_way.append(cell)
        except (NotYet, UsedUp):
            later.append(cell)
    return under_way, later


def _left_to_others(under_way: list[Cell], result: Result, supply: Supply, client: Client, tell) -> None:
    for cell in under_way:
        cell.until = time.monotonic() + PATIENCE
        for rule in cell.rules:
            cell.place.sandbox.delete(f"/_sandbox/faults?id={rule}")
        cell.rules.clear()
    workers = Workers(threads=8)
    try:
        while under_way:
            for cell in list(under_way):
                if cell.poll():
                    under_way.remove(cell)
                    cell.judge(client.get)
                    supply.give_back(cell.target)
                    finish(cell, result, tell)
            time.sleep(0.2)
    finally:
        workers.stop()


def finish(cell: Cell, result: Result, tell) -> None:
    for rule in cell.rules:
        cell.place.sandbox.delete(f"/_sandbox/faults?id={rule}")
    result.cells.append(cell)
    tell(cell)


def startable(waiting: list[Cell], under_way: list[Cell]) -> list[Cell]:
    """What may begin now. A cell that must be alone waits until it is, and nothing begins beside it."""
    found = list(under_way)
    for cell in waiting[:50]:
        if len(found) >= BESIDE:
            break
        if any(_in_the_way(cell, other) or _in_the_way(other, cell) for other in found):
            if cell.fault.alone == "everything":
                break
            continue
        found.append(cell)
    return found[len(under_way) :]


def _in_the_way(cell: Cell, other: Cell) -> bool:
    alone = cell.fault.alone
    return alone == "everything" or (alone == "connection" and cell.case.connection == other.case.connection)
