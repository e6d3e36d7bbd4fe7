"""What is committed survives a power cut: the desk's own settings say so, whatever the tests run with."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import json, django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    print(json.dumps([cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]))
"""


def test_sqlite_waits_for_the_disk_at_every_commit(tmp_path):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "invoicing.settings",
        "DATABASE_URL": "",
        "DESK_DATA": str(tmp_path),
    }
    told = subprocess.check_output([sys.executable, "-c", ASK], cwd=ROOT, env=environment, text=True)
    assert json.loads(told) == ["wal", 2, 1]
