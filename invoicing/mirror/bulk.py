"""Rows by the page, one statement a table: below the ORM, because a page of invoices is a thousand rows.

The ORM builds an object and runs forty conversions for each of them, which costs more than reading, checking and
storing together. Here a field converts only what its database cannot take as it is. SQLite repeats a prepared
statement, PostgreSQL takes a COPY. A test reads every kind of row back through the ORM.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

import msgspec
from django.db import connection, models

from invoicing.models.fields import ExactAmountField
from invoicing.models.search import SEARCHED

CHUNK = 500
SEARCHED_CHUNK = 50


def insert(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows that are known not to be there. Values stand in the order of `names` (attribute names: "invoice_id")."""
    if not rows:
        return
    columns, convert = _columns(connection.vendor, model, tuple(names))
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            copying = cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN")
            with connection.wrap_database_errors, copying as copy:  # its errors come at the end, past Django
                for row in convert(rows):
                    copy.write_row(row)
            return
        head, marks = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ", f"({', '.join(['%s'] * len(columns))})"
        if model._meta.db_table not in SEARCHED:
            cursor.executemany(head + marks, convert(rows))
            return
        # A trigger feeds the trigram index, which writes itself out at the end of every statement.
        for part in in_chunks(convert(rows), SEARCHED_CHUNK):
            cursor.execute(head + ", ".join([marks] * len(part)), [value for row in part for value in row])


def insert_new(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert those that are not there; somebody else may be inserting the same now."""
    if not rows:
        return
    columns, convert = _columns(connection.vendor, model, tuple(names))
    table = connection.ops.quote_name(model._meta.db_table)
    marks = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING", convert(rows)
        )


def update(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Set the columns `names` of existing rows; the last value of each row is its primary key."""
    if not rows:
        return
    key = model._meta.pk.attname
    columns, convert = _columns(connection.vendor, model, (*names, key))
    settings = ", ".join(f"{column} = %s" for column in columns[:-1])
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {settings} WHERE {columns[-1]} = %s", convert(rows))


@models.Field.register_lookup
class Among(models.Lookup):
    """`external_id__among=[...]`: as `in`, without compiling each value on its own."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler, connection):
        column, parameters = self.process_lhs(compiler, connection)
        values = list(self.rhs)
        if values and isinstance(values[0], bytes):  # which JSON does not know
            return f"{column} IN ({', '.join(['%s'] * len(values))})", [*parameters, *values]
        return f"{column} IN (SELECT value FROM json_each(%s))", [*parameters, msgspec.json.encode(values).decode()]

    def as_postgresql(self, compiler, connection):
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*parameters, list(self.rhs)]


def in_chunks(values: Iterable[Any], size: int = CHUNK) -> Iterable[list[Any]]:
    """The values in lists that fit one IN (...)."""
    values = list(values)
    return (values[start : start + size] for start in range(0, len(values), size))


@cache
def _columns(vendor: str, model: type[models.Model], names: tuple[str, ...]):
    """The quoted columns, and what turns rows of Python values into rows for the driver."""
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name in names]
    converters = [(position, _converter(vendor, field)) for position, field in enumerate(fields)]
    wanted = [(position, function) for position, function in converters if function is not None]

    def convert(rows: Iterable[Sequence[Any]]) -> Iterable[list[Any]]:
        for row in rows:
            row = list(row)
            for position, function in wanted:
                if row[position] is not None:
                    row[position] = function(row[position])
            yield row

    return [connection.ops.quote_name(field.column) for field in fields], convert


def _converter(vendor: str, field: models.Field) -> Callable[[Any], Any] | None:
    if isinstance(field, ExactAmountField):
        return field.get_prep_value
    if isinstance(field, models.JSONField):
        return lambda value: msgspec.json.encode(value).decode()
    if isinstance(field, models.UUIDField) and vendor == "sqlite":
        return lambda value: value.hex
    if isinstance(field, models.DateTimeField) and vendor == "sqlite":
        return lru_cache(maxsize=4096)(connection.ops.adapt_datetimefield_value)  # lines share their periods
    if isinstance(field, models.DateField) and vendor == "sqlite":
        return connection.ops.adapt_datefield_value
    return None
