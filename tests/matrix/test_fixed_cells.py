"""A fixed part of the matrix and of the crash runs, small enough for every run of the tests: a verb of each class of call.

All of it: `python -m tests.matrix` and `python -m tests.crash_runs`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = "F3,F6,F28,F31,F37"
VERBS = "void,attempt_payment,trigger_communication,regenerate_pdf"


@pytest.mark.slow
def test_the_fixed_cells_end_as_promised_and_a_few_kills_cost_nothing():
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DESK_", "PYTEST_"))}
    chosen = ["--only", ROWS, "--verbs", VERBS, "--connections", "orb,flexprice", "--invoices", "120"]
    command = [sys.executable, "-m", "tests.matrix", *chosen, "--crashes", "4", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["failed"] == [] and figures["passed"] == figures["cells"] >= 30
    assert figures["crashes"] == 4 and figures["killed"] >= 2 and figures["wrong_after_a_crash"] == []
    assert figures["strangers_heard"] == [] and figures["keys_found"] == []
