"""Writes made-up invoices into an empty desk, as fast as its database takes them.

Indexes, triggers and (where allowed) foreign key checks are set aside while rows come in and are made again from their
own definitions; the summary is written at the end. What stands there afterwards is what a sync would have left.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import blake2b
from itertools import islice

from django.db import connection as database
from django.db import transaction

from invoicing.benchmarks import data, shapes
from invoicing.mirror import bulk, customers, lines, rows, storing
from invoicing.mirror.summary import Cells, Counted, change
from invoicing.models import Book, Connection, Customer, Invoice, InvoiceVersion, LineItem, LineText
from invoicing.models.search import fold
from invoicing.models.version import packed
from invoicing.providers.cockroachdb.normalize import ORGANIZATION
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import Environment, Status

BATCH = 5000
FILLED = (Customer, LineText, Invoice, LineItem, InvoiceVersion)
INVOICE = ("id", *rows.NEW)


class NotEmpty(Exception):
    """There are invoices already; made-up ones do not go beside real ones."""


def fill(
    total: int, *, seed: int = 1, today: date | None = None, tell: Callable[[str], object] = lambda _: None
) -> float:
    """Fill the desk with `total` invoices; how many seconds it took. Errors: NotEmpty."""
    if Invoice.objects.exists() or LineText.objects.exists():
        raise NotEmpty("There are invoices already. Made-up data goes into an empty database only.")
    began, today = time.monotonic(), today or datetime.now(UTC).date()
    with transaction.atomic():
        made = _connections()
        people = [_customers(connection, place, total) for place, connection in enumerate(made)]
        texts = _texts()
    tell("customers and line texts are there")
    cells, source, stored = Cells(), data.drawn(total, seed=seed, today=today), 0
    with set_aside():
        while batch := list(islice(source, BATCH)):
            with transaction.atomic():
                _store(batch, stored + 1, made, people, texts, cells)
            stored += len(batch)
            tell(f"{stored:,} of {total:,} invoices, {time.monotonic() - began:.0f} s")
        tell("building indexes")
    with transaction.atomic():
        change(cells)
    _settle()
    return time.monotonic() - began


def _store(batch: list[data.Drawn], first: int, made, people, texts, cells: Cells) -> None:
    invoices, items, versions = [], [], []
    read_at = datetime.now(UTC)
    names = data.line_texts()
    for pk, drawn in enumerate(batch, first):
        connection, shape = made[drawn.connection], shapes.SHAPES[made[drawn.connection].provider]
        customer_pk, customer, sort = people[drawn.connection][drawn.customer % len(people[drawn.connection])]
        external_id = shapes.identity(drawn)
        said = shape.columns(drawn, external_id)
        text = shape.fill(drawn, external_id, customer, names, said).encode()
        said["book"] = Book.of(connection.direction, live=connection.environment == Environment.LIVE).value
        digest = blake2b(text, digest_size=16).digest()
        issued = said["issued_at"].date() if said["issued_at"] else None
        voided = said["listed_on"] if said["status"] == Status.VOID else None
        kept = (customer_pk, sort, True, 1, b"", digest, read_at, None, issued, False, voided, voided is not None)
        invoices.append((pk, connection.pk, external_id, *(said[name] for name in rows.SAID), *kept))
        versions.append((pk, 1, packed(text), digest, "sync", read_at, []))
        unit = shapes.line_unit(drawn, connection.provider)
        items += [
            (pk, place, texts[text], "", unit, "1", None, amount, None, None, True, {})
            for place, (text, amount) in enumerate(shapes.lines_of(drawn, connection.provider, names))
        ]
        due = None if said["amount_due"] is None else Decimal(said["amount_due"])
        cells.add(
            Counted(
                *(said["book"], connection.pk, customer_pk),
                *(said["status"], said["payment_status"], said["currency"], True),
                *(said["listed_on"], said["due_sort"], said["outstanding"], Decimal(said["total"]), due),
            )
        )
    bulk.insert(Invoice, INVOICE, invoices)
    bulk.insert(LineItem, lines.COLUMNS, items)
    bulk.insert(InvoiceVersion, storing.VERSION, versions)


def _connections() -> list[Connection]:
    made = []
    for provider, name, _, live in data.CONNECTIONS:
        connection = Connection(
            provider=provider,
            name=name,
            base_url=PROVIDERS[provider].base_url,
            environment=Environment.LIVE if live else Environment.TEST,
            direction=PROVIDERS[provider].direction,
            enabled=False,  # there is nobody behind it
        )
        connection.save()
        made.append(connection)
    return made


def _customers(connection: Connection, place: int, total: int) -> list[tuple[int, str, str]]:
    """(our id, theirs, sort name) of a connection's customers."""
    names = data.customers_of(place, total)
    if connection.provider == "cockroachdb":
        names = ["Acme Payments"]
    read_at = datetime.now(UTC)
    found = []
    for number, name in enumerate(names):
        identity = ORGANIZATION if connection.provider == "cockroachdb" else f"cus_{place:02d}{number:06d}"
        email = f"billing{number}@{name.split(' ', 1)[0].lower()}.example"
        found.append(
            (connection.pk, identity, name, email, "", "", False, "", fold(name, email, identity), b"", b"", read_at)
        )
    bulk.insert(Customer, customers.COLUMNS, found)
    stored = Customer.objects.filter(connection=connection).order_by("pk").values_list("pk", "external_id", "name")
    return [(pk, identity, rows.sort_name(name)) for pk, identity, name in stored]


def _texts() -> list[int]:
    """Our ids of the line texts, in their order."""
    found = data.line_texts()
    bulk.insert(LineText, ("digest", "text", "search_text"), [(lines.digest(t), t, fold(t)) for t in found])
    ids = dict(LineText.objects.values_list("text", "pk"))
    return [ids[text] for text in found]


@contextmanager
def set_aside() -> Iterator[None]:
    """Without indexes and triggers inside; they are made again from their own definitions."""
    tables = [model._meta.db_table for model in FILLED]
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            marks = ", ".join(["%s"] * len(tables))
            cursor.execute(
                f"SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN ({marks}) AND sql IS NOT NULL "
                f"AND type IN ('index', 'trigger')",
                tables,
            )
            found = cursor.fetchall()
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA foreign_keys=OFF")
        else:
            cursor.execute(
                "SELECT 'index', c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i "
                "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid "
                "WHERE t.relname = ANY(%s) AND NOT EXISTS "
                "(SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)",
                [tables],
            )
            found = cursor.fetchall()
        for kind, name, _ in found:
            cursor.execute(f"DROP {kind} {database.ops.quote_name(name)}")
        try:
            yield
        finally:
            for kind, _, sql in found:
                if kind == "index":
                    cursor.execute(sql)
            if database.vendor == "sqlite":
                for table in tables:
                    cursor.execute("SELECT 1 FROM sqlite_master WHERE name = %s", [f"{table}_find"])
                    if cursor.fetchone():
                        cursor.execute(f"INSERT INTO {table}_find({table}_find) VALUES ('rebuild')")
                for kind, _, sql in found:
                    if kind == "trigger":
                        cursor.execute(sql)
                cursor.execute("PRAGMA foreign_keys=ON")
                cursor.execute("PRAGMA synchronous=FULL")


def _settle() -> None:
    """What a database wants to know after so much is new: statistics, and where its numbering stands."""
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            table = Invoice._meta.db_table
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
        cursor.execute("ANALYZE")
