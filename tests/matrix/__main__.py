"""`python -m tests.matrix [--only F8,F28] [--verbs void,pay] [--crashes 5] [--json] [--seed 1]`: the fault matrix, and what
it found."""

import argparse
import json
import platform
import sys
from collections import Counter


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.matrix", description=__doc__)
    parser.add_argument("--only", default="", help="rows, as F8,F28")
    parser.add_argument("--verbs", default="", help="as void,finalize")
    parser.add_argument("--connections", default="", help="of the sandbox, as orb,metronome")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--invoices", type=int, default=600)
    parser.add_argument("--crashes", type=int, default=0, help="so many crash runs at the same desk afterwards")
    parser.add_argument("--plan", action="store_true", help="only count the cells there are, and why others are none")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from tests.matrix.place import own_desk

    with own_desk() as folder:
        return prove(options, folder)


def prove(options, folder) -> int:
    from tests.crash_runs import Counts, crash
    from tests.matrix import driver
    from tests.matrix.cases import Supply, all_cases
    from tests.matrix.place import DEADLINE, QUIET, Place, whichever_database
    from tests.matrix.processes import Stroke
    from tests.matrix.rows import FAULTS

    def chosen(text, value):
        return not text or value in text.split(",")

    place, result, crashes = Place(invoices=options.invoices, seed=options.seed), driver.Result(), Counts()
    try:
        place.sync()
        cases = [
            case
            for case in all_cases(place)
            if chosen(options.verbs, case.verb.key) and chosen(options.connections, case.connection)
        ]
        faults = [fault for fault in FAULTS if chosen(options.only, fault.row)]
        supply = Supply(place, cases)
        cells = driver.plan(faults, cases, result, supply)
        if options.plan:
            why = Counter(reason for *_, reason in result.left_out)
            print(json.dumps({"cells": len(cells), "left_out": dict(why.most_common())}, indent=2))
            return 0
        tell = (lambda cell: None) if options.json else say
        driver.run([cell for cell in cells if not isinstance(cell.fault, Stroke)], result, supply, tell)
        driver.run_strokes([cell for cell in cells if isinstance(cell.fault, Stroke)], result, supply, tell)
        if options.crashes:
            place.begin_anew()
            crash(place, range(options.crashes), options.seed, crashes, options.verbs)
        secrets = place.leaks(folder)
    finally:
        place.close()
    figures = {
        "seed": options.seed,
        "database": whichever_database(),
        "quiet_seconds": QUIET,
        "deadline_seconds": DEADLINE,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "rows": len({cell.fault.row for cell in result.cells}),
        "cells": len(result.cells),
        "passed": len(result.cells) - len(result.failed),
        "failed": [{"cell": cell.name, "problems": cell.problems} for cell in result.failed],
        "ends": dict(Counter(cell.state for cell in result.cells)),
        "left_out": dict(Counter(why for *_, why in result.left_out)),
        "strangers_heard": place.stranger.heard,
        "keys_found": secrets,
        "crashes": crashes.runs,
        "killed": crashes.killed,
        "wrong_after_a_crash": crashes.wrong,
        "seconds": round(result.seconds, 1),
    }
    print(json.dumps(figures, indent=None if options.json else 2), flush=True)
    return 1 if result.failed or crashes.wrong or secrets or place.stranger.heard else 0


def say(cell) -> None:
    mark = "ok  " if not cell.problems else "FAIL"
    print(f"{mark} {cell.name:<60} {cell.state} {'; '.join(cell.problems)}", flush=True)
    if cell.problems:
        print(cell.story(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
