"""dj-stripe's side of `benchmark sync`: its own command, on a fresh database, against the provider of pages made beforehand.

Runs in the peers' environment, by path, and knows nothing of the desk:

    .venv-benchmark/bin/python djstripe_sync.py URL DATABASE     (a file for SQLite, or postgres://user@host:port/name)

`prepare` in place of the URL only makes the tables.

Same settings as the desk has: WAL and synchronous=FULL on SQLite. Prints one line of JSON.
"""

import json
import sys
import time
from decimal import Decimal
from io import StringIO
from urllib.parse import urlsplit

import django
from django.conf import settings

KEY = "sk_test_000000000000000000000000"


def database(place: str) -> dict:
    if not place.startswith("postgres"):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": place,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
                "PRAGMA cache_size=-64000;PRAGMA mmap_size=1073741824;PRAGMA temp_store=MEMORY;",
            },
        }
    parts = urlsplit(place)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.strip("/"),
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname,
        "PORT": parts.port or 5432,
        "CONN_MAX_AGE": None,
    }


def main(url: str, place: str) -> None:
    settings.configure(
        DATABASES={"default": database(place)},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "djstripe"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SECRET_KEY="only for measurements",
        USE_TZ=True,
        STRIPE_TEST_SECRET_KEY=KEY,
        STRIPE_LIVE_MODE=False,
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    )
    django.setup()
    import stripe
    from django.core.management import call_command
    from djstripe.models import Customer, Invoice, LineItem

    stripe.max_network_retries = 0
    call_command("migrate", verbosity=0)
    if url == "prepare":
        return

    def sync(moment: str) -> dict[str, float]:
        stripe.api_base = f"{url}/{moment}"
        errors, began, worked = StringIO(), time.perf_counter(), time.process_time()
        call_command("djstripe_sync_models", "Invoice", stdout=StringIO(), stderr=errors)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        if errors.getvalue():
            raise SystemExit(errors.getvalue()[:2000])
        return {"seconds": seconds, "cpu": cpu}

    def answer() -> dict:
        totals: dict[str, Decimal] = {}
        digits = {"JPY": 0, "BHD": 3}
        for data in Invoice.objects.values_list("stripe_data", flat=True):
            unit = data["currency"].upper()
            totals[unit] = totals.get(unit, Decimal(0)) + Decimal(data["total"]).scaleb(-digits.get(unit, 2))
        return {
            "invoices": Invoice.objects.count(),
            "lines": LineItem.objects.count(),
            "customers": Customer.objects.count(),
            "paid": sum(data["status"] == "paid" for data in Invoice.objects.values_list("stripe_data", flat=True)),
            "totals": {unit: str(total) for unit, total in sorted(totals.items())},
        }

    phases = {"first": sync("before")}
    before = answer()
    phases["unchanged"] = sync("before")
    phases["changed"] = sync("after")
    print(json.dumps({"phases": phases, "before": before, "after": answer()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
