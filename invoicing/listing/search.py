"""What a search text finds: customers, invoices by number or id, line texts. One meaning on both databases."""

from dataclasses import dataclass

from django.db import connection

from invoicing.models.search import fold

CAP = 2000
SHORTEST_TRIGRAM = 3


@dataclass(frozen=True, slots=True)
class Found:
    """Ids in each of the three worlds; a `*_many` means that there are more than CAP, so the condition asks in SQL."""

    needle: str
    customers: tuple[int, ...]
    invoices: tuple[int, ...]
    texts: tuple[int, ...]
    customers_many: bool = False
    invoices_many: bool = False
    texts_many: bool = False

    @property
    def many(self) -> bool:
        return self.customers_many or self.invoices_many or self.texts_many

    def __bool__(self) -> bool:
        return bool(self.customers or self.invoices or self.texts)


def find(text: str) -> Found:
    """Case-insensitive substring search; at most three index look-ups."""
    needle = fold(text.strip())
    ids: dict[str, tuple[tuple[int, ...], bool]] = {}
    with connection.cursor() as cursor:
        for table in ("customer", "invoice", "linetext"):
            sql, parameters = matching(f"invoicing_{table}", needle)
            cursor.execute(f"{sql} LIMIT {CAP + 1}", parameters)
            rows = tuple(row[0] for row in cursor.fetchall())
            ids[table] = rows[:CAP], len(rows) > CAP
    return Found(
        needle,
        customers=ids["customer"][0],
        invoices=ids["invoice"][0],
        texts=ids["linetext"][0],
        customers_many=ids["customer"][1],
        invoices_many=ids["invoice"][1],
        texts_many=ids["linetext"][1],
    )


def matching(table: str, needle: str) -> tuple[str, list]:
    """SELECT of the ids, named `candidate`, whose search_text contains the needle."""
    if connection.vendor == "sqlite" and len(needle) >= SHORTEST_TRIGRAM:
        quoted = '"' + needle.replace('"', '""') + '"'
        return f"SELECT rowid AS candidate FROM {table}_find WHERE {table}_find MATCH %s", [quoted]
    sql, given = containing(needle)
    return f"SELECT id AS candidate FROM {table} WHERE {sql}", given


def containing(needle: str) -> tuple[str, list]:
    """That a row's own search_text contains the needle."""
    return "search_text LIKE %s ESCAPE '!'", [f"%{escaped(needle)}%"]


def escaped(needle: str) -> str:
    return needle.replace("!", "!!").replace("%", "!%").replace("_", "!_")
