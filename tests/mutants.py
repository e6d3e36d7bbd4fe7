"""`python -m tests.mutants [--modules classify,looks] [--json] [--show]`: spoil the ledger in every small way, one at a time,
and see whether a test notices. The score is the share that is noticed.

A mutant is one change in one module: a comparison turned, a condition negated, a statement left out, a condition of an
UPDATE dropped. Each runs in a fork of this process, in memory; no file is changed.
"""

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import io
import json
import os
import platform
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
MODULES = ["classify", "looks", "preimage", "recording", "requesting", "sending", "settling", "spool"]
TESTS = [
    f"tests/operations/test_{name}.py" for name in ("rules", "outcomes", "read_backs", "dispatch", "state_machine")
]
FURTHER = {
    "requesting": ["tests/access/test_limits.py", "tests/approvals/test_approving.py", "tests/bulk/test_approval.py"],
    "sending": ["tests/access/test_limits.py", "tests/operations/test_void_and_replace.py"],
}
"""What else holds a module to its word, and is run on its mutants alone."""
WALKS = "25"  # of the state machine for each mutant
CPU_SECONDS, SECONDS = 90, 900  # a mutant that computes or waits longer than this hangs, and is noticed by that
QUIET_CALLS = ("log", "logging")  # what is only told to a log is left alone

TURNED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}  # fmt: skip
hung: Counter = Counter()  # by module: those that were noticed by their time alone
NARROWING = ("filter", "exclude", "update", "get")


class Spoiler(ast.NodeTransformer):
    """Makes the change with one number; counts the changes there are."""

    def __init__(self, wanted: int = -1):
        self.wanted, self.count, self.told = wanted, 0, ("", 0)

    def _is_it(self, node: ast.AST, what: str) -> bool:
        number, self.count = self.count, self.count + 1
        if number == self.wanted:
            self.told = (what, getattr(node, "lineno", 0))
        return number == self.wanted

    def visit_Compare(self, node):
        self.generic_visit(node)
        for place, operator in enumerate(node.ops):
            if type(operator) in TURNED and self._is_it(node, f"{type(operator).__name__} turned"):
                node.ops[place] = TURNED[type(operator)]()
        return node

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        if self._is_it(node, f"{type(node.op).__name__} turned"):
            node.op = TURNED[type(node.op)]()
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if type(node.op) in TURNED and self._is_it(node, f"{type(node.op).__name__} turned"):
            node.op = TURNED[type(node.op)]()
        elif isinstance(node.op, ast.BitOr) and not _is_type(node) and self._is_it(node, "right side of | dropped"):
            return node.left
        return node

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return node.operand if isinstance(node.op, ast.Not) and self._is_it(node, "not dropped") else node

    def _condition(self, node):
        self.generic_visit(node)
        if self._is_it(node, "condition negated"):
            node.test = ast.UnaryOp(ast.Not(), node.test)
        return node

    visit_If = visit_IfExp = visit_While = _condition

    def visit_match_case(self, node):
        self.generic_visit(node)
        if node.guard is not None and self._is_it(node.guard, "guard negated"):
            node.guard = ast.UnaryOp(ast.Not(), node.guard)
        return node

    def visit_Constant(self, node):
        if isinstance(node.value, bool) and self._is_it(node, f"{node.value} turned"):
            return ast.Constant(not node.value)
        if type(node.value) in (int, float) and self._is_it(node, f"{node.value} + 1"):
            return ast.Constant(node.value + 1)
        return node

    def visit_Return(self, node):
        self.generic_visit(node)
        worth = node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None)
        if worth and self._is_it(node, "returns nothing"):
            return ast.Return(ast.Constant(None))
        return node

    def visit_Expr(self, node):
        self.generic_visit(node)
        call = node.value
        if isinstance(call, ast.Call) and not _logs(call) and self._is_it(node, "call left out"):
            return ast.Pass()
        return node

    def visit_Raise(self, node):
        self.generic_visit(node)
        return ast.Pass() if self._is_it(node, "raise left out") else node

    def visit_Continue(self, node):
        return ast.Pass() if self._is_it(node, "continue left out") else node

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in NARROWING:
            for keyword in list(node.keywords):
                if keyword.arg and self._is_it(node, f"{node.func.attr} without {keyword.arg}"):
                    node.keywords.remove(keyword)
        return node

    def visit_FunctionDef(self, node):
        node.body = [self.visit(each) for each in node.body]  # not its annotations, defaults and decorators
        return node

    def visit_ClassDef(self, node):
        node.body = [self.visit(each) for each in node.body]
        return node

    def visit_AnnAssign(self, node):
        if node.value is not None:
            node.value = self.visit(node.value)
        return node


def _is_type(node: ast.BinOp) -> bool:
    """`int | None`: a type, not two dictionaries."""
    return any(isinstance(side, ast.Constant) and side.value is None for side in (node.left, node.right))


def _logs(call: ast.Call) -> bool:
    target = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    return isinstance(target, ast.Name) and target.id in QUIET_CALLS


def source_of(module: str) -> str:
    return (HERE / "invoicing/operations" / f"{module}.py").read_text()


def mutants(module: str) -> Iterator[tuple[int, str, int]]:
    """(number, what, line) of each change that can be made."""
    counting = Spoiler()
    tree = ast.parse(source_of(module))
    counting.visit(copy.deepcopy(tree))
    for number in range(counting.count):
        one = Spoiler(number)
        one.visit(copy.deepcopy(tree))
        yield number, *one.told


def spoiled(module: str, number: int):
    tree = ast.fix_missing_locations(Spoiler(number).visit(ast.parse(source_of(module))))
    return compile(tree, f"invoicing/operations/{module}.py", "exec")


class Spoilt(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from its spoiled code."""

    def __init__(self, module: str, number: int):
        self.name, self.code = f"invoicing.operations.{module}", spoiled(module, number)

    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def exec_module(self, module):
        exec(self.code, module.__dict__)


def prepared(folder: Path) -> Path:
    """Everything that every mutant needs, once: Django, what tests import, a migrated database. Nothing of the ledger."""
    os.environ |= {"PYTEST_VERSION": "mutants", "DESK_WALKS": WALKS, "DESK_WALKS_QUICKLY": "1", "DATABASE_URL": ""}
    from tests import environment  # noqa: F401

    os.environ["DESK_DATA"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "invoicing.settings"
    import django
    import hypothesis.stateful  # noqa: F401
    import pytest  # noqa: F401
    import time_machine  # noqa: F401

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    connections.close_all()
    assert not any(name.startswith("invoicing.operations") for name in sys.modules)
    return folder / "desk.sqlite3"


def survives(module: str, number: int, template: Path, tests: list[str]) -> bool:
    """Whether no test notices. In a fork, killed after a while: a mutant that hangs is noticed too."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            code = _run(module, number, template, tests)
        finally:
            os._exit(code)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            hung[module] += os.WIFSIGNALED(status)
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    hung[module] += 1
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def _run(module: str, number: int, template: Path, tests: list[str]) -> int:
    import pytest
    from django.conf import settings

    folder = Path(tempfile.mkdtemp(prefix="desk-mutant-"))
    try:
        shutil.copy(template, folder / "test.sqlite3")
        settings.DATA = folder
        settings.DATABASES["default"]["TEST"]["NAME"] = str(folder / "test.sqlite3")
        if number >= 0:
            sys.meta_path.insert(0, Spoilt(module, number))
        quiet = io.StringIO()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            options = ["-x", "-q", "-p", "no:cacheprovider", "--reuse-db", "--no-migrations", "--no-header", "--tb=no"]
            code = pytest.main([*options, *tests])
        if number < 0 and code:
            print(quiet.getvalue()[-3000:], flush=True)
        return int(code)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.mutants", description=__doc__)
    parser.add_argument("--modules", default=",".join(MODULES))
    parser.add_argument("--only", default="", help="numbers of mutants of one module, as 3,17")
    parser.add_argument("--tests", default=",".join(TESTS))
    parser.add_argument(
        "--share", default="1/1", help="every n-th mutant alone, as 1/2: for two processes side by side"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", action="store_true", help="each one as it ends")
    options = parser.parse_args()
    os.chdir(HERE)
    begun, found, noticed, survivors = time.monotonic(), Counter(), Counter(), []
    part, parts = map(int, options.share.split("/"))
    with tempfile.TemporaryDirectory(prefix="desk-mutants-") as folder:
        template, tests = prepared(Path(folder)), options.tests.split(",")
        if not survives("classify", -1, template, tests):
            print("The tests fail on what is not spoiled.", file=sys.stderr)
            return 2
        for module in options.modules.split(","):
            for number, what, line in mutants(module):
                chosen = not options.only or str(number) in options.only.split(",")
                if not chosen or number % parts != part - 1:
                    continue
                found[module] += 1
                began = time.monotonic()
                alive = survives(module, number, template, [*tests, *FURTHER.get(module, [])])
                if options.show:
                    print(
                        f"{module} {number} {what} {'survives' if alive else 'noticed'} {time.monotonic() - began:.0f} s",
                        flush=True,
                    )
                if alive:
                    survivors.append(f"{module}.py:{line} {what} (number {number})")
                    if not options.json:
                        print(f"survives  {survivors[-1]}", flush=True)
                else:
                    noticed[module] += 1
    score = sum(noticed.values()) / max(1, sum(found.values()))
    figures = {
        "mutants": sum(found.values()),
        "noticed": sum(noticed.values()),
        "score": round(score, 3),
        "by_module": {module: f"{noticed[module]} of {found[module]}" for module in found},
        "noticed_by_their_time": sum(hung.values()),
        "share": options.share,
        "survivors": survivors,
        "tests": tests,
        "walks": int(WALKS),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "seconds": round(time.monotonic() - begun, 1),
    }
    print(json.dumps(figures, indent=None if options.json else 2), flush=True)
    return 0 if score >= 0.85 else 1


if __name__ == "__main__":
    sys.exit(main())
