"""The desk's side of `benchmark sync`: a fresh database, three syncs through our Orb adapter, then what it holds.

    python -m invoicing.benchmarks.sync_side URL     (the database is that of DATABASE_URL)

Prints one line of JSON. Units: seconds, of the clock and of the processor; memory in KiB, what the process kept of the first sync.
"""

import json
import sys
import time
from decimal import Decimal

import django


def main(url: str) -> None:
    django.setup()
    from django.core.management import call_command

    from invoicing.mirror import drift, wires
    from invoicing.mirror.sync import sync_connection
    from invoicing.models import Connection, Customer, Invoice, LineItem, SyncRun
    from invoicing.money import total_of
    from invoicing.providers.http import NoPacing

    call_command("migrate", verbosity=0)
    connection = Connection(provider="orb", name="orb", base_url=f"{url}/before/orb/v1", direction="receivable")
    connection.set_api_key("sk_benchmark_000000000000")
    connection.save()

    def sync(moment: str) -> dict[str, float]:
        Connection.objects.update(base_url=f"{url}/{moment}/orb/v1")
        connection.refresh_from_db()
        began, worked = time.perf_counter(), time.process_time()
        run = sync_connection(connection, full=True, wire=lambda: wires.wire_for(connection, pacer=NoPacing()))
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        if run.state != SyncRun.State.COMPLETE or run.quarantined:
            raise SystemExit(f"The sync did not finish: {run.errors}, {run.quarantined} unreadable")
        return {"seconds": seconds, "cpu": cpu}

    def answer() -> dict:
        units: dict[str, list[Decimal]] = {}
        for unit, total in Invoice.objects.values_list("currency", "total"):
            units.setdefault(unit, []).append(total)
        return {
            "invoices": Invoice.objects.count(),
            "lines": LineItem.objects.count(),
            "customers": Customer.objects.count(),
            "paid": Invoice.objects.filter(payment_status="paid").count(),
            "totals": {unit: str(total_of(totals)) for unit, totals in sorted(units.items())},
        }

    size = own_memory()
    phases = {"first": sync("before")}
    growth = own_memory() - size
    before = answer()
    phases["unchanged"] = sync("before")
    phases["changed"] = sync("after")
    found = {"phases": phases, "before": before, "after": answer(), "growth": growth}
    print(json.dumps(found | {"drift": len(drift.recount(connection))}))


def own_memory() -> int:
    """KiB that are this process's alone: without the pages of the database file, which SQLite maps."""
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("RssAnon")).split()[1])


if __name__ == "__main__":
    main(sys.argv[1])
