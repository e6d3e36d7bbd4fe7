"""The house keeps its shape: imports point down."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "invoicing"

FLOORS = [  # from the top; a module may import from its own room and from floors below, never from above or beside
    {"urls", "wsgi", "web", "management", "templatetags", "benchmarks"},
    {"bulk", "auditing"},
    {"operations", "exports"},
    {"mirror", "documents", "listing", "reviews", "approvals"},
    {"jobs"},
    {"access"},
    {"models", "providers"},
    {"vocabulary", "money", "logs", "settings", "apps", "migrations"},
    {"own_keys"},
]
BESIDE = {  # the few rooms of one floor that may know a neighbour, and why
    ("urls", "web"),  # addresses name views
    ("templatetags", "web"),
    ("management", "benchmarks"),  # the command runs them
    ("management", "web"),
    ("benchmarks", "web"),  # they measure whole requests
    ("documents", "mirror"),  # a drawing is of what was mirrored
    ("reviews", "mirror"),  # a review is of what was mirrored
    ("reviews", "approvals"),  # business days, and who stands in for whom
    ("models", "migrations"),
}
ALONE = {"sandbox", "starting"}  # they import nothing of ours, and nothing of ours imports them


def imports():
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ("__init__", "migrations"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                parts = name.split(".")
                if parts[0] == "invoicing" and len(parts) > 1:
                    yield path.relative_to(PACKAGE), room, parts[1]


def floor_of(room):
    for number, floor in enumerate(FLOORS):
        if room in floor:
            return number
    return None


def test_every_room_stands_on_a_floor():
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    unknown = {room for room in rooms if floor_of(room) is None} - ALONE - {"__init__", "__pycache__"}
    assert not unknown


def test_imports_point_down():
    climbing = []
    for path, room, target in imports():
        if room in ALONE or target in ALONE or target == room or (room, target) in BESIDE:
            continue
        if floor_of(target) is None or floor_of(target) <= floor_of(room):
            climbing.append(f"{path} imports {target}")
    assert not climbing


def test_the_sandbox_and_the_product_share_nothing():
    crossings = [f"{path} imports {target}" for path, room, target in imports() if (room in ALONE) != (target in ALONE)]
    assert not crossings


def test_files_stay_small():
    long = {
        str(path.relative_to(PACKAGE)): count
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "migrations" and (count := len(path.read_text().splitlines())) > 400
    }
    assert not long
