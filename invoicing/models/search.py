"""Substring search over three small worlds: customers, invoice numbers and ids, distinct line texts.

SQLite keeps a trigram index (FTS5) beside each table, fed by triggers; PostgreSQL a pg_trgm index on the column. Both
look into `search_text`, which the mirror folds here, so that both find the same.
"""

import unicodedata

SEARCHED = ("invoicing_customer", "invoicing_invoice", "invoicing_linetext")


def fold(*texts: str) -> str:
    """Case and compatibility forms removed, parts kept apart: fold("INV-1", "ÄB") is "inv-1\\näb"."""
    return "\n".join(unicodedata.normalize("NFKC", text).casefold() for text in texts if text)


def index_statements(vendor: str) -> list[str]:
    """The DDL of the search indexes."""
    statements = ["CREATE EXTENSION IF NOT EXISTS pg_trgm"] if vendor == "postgresql" else []
    for table in SEARCHED:
        name = f"{table}_find"
        if vendor == "postgresql":
            statements.append(f"CREATE INDEX {name} ON {table} USING gin (search_text gin_trgm_ops)")
            continue
        statements += [
            f"CREATE VIRTUAL TABLE {name} USING fts5(search_text, content='{table}', content_rowid='id', tokenize='trigram')",
            f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table} BEGIN "
            f"INSERT INTO {name}(rowid, search_text) VALUES (new.id, new.search_text); END",
            f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table} BEGIN "
            f"INSERT INTO {name}({name}, rowid, search_text) VALUES ('delete', old.id, old.search_text); END",
            f"CREATE TRIGGER {name}_update AFTER UPDATE OF search_text ON {table} "
            f"WHEN old.search_text IS NOT new.search_text BEGIN "
            f"INSERT INTO {name}({name}, rowid, search_text) VALUES ('delete', old.id, old.search_text); "
            f"INSERT INTO {name}(rowid, search_text) VALUES (new.id, new.search_text); END",
        ]
    return statements


def drop_statements(vendor: str) -> list[str]:
    statements = []
    for table in SEARCHED:
        name = f"{table}_find"
        if vendor == "postgresql":
            statements.append(f"DROP INDEX {name}")
        else:
            statements += [f"DROP TRIGGER {name}_{event}" for event in ("insert", "delete", "update")]
            statements.append(f"DROP TABLE {name}")
    return statements
