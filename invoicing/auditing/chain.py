"""Walking the audit trail's hash chain, entry by entry, from the table as it is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from invoicing.models import audit_key
from invoicing.models.audit import GENESIS, SEALED, content_digest, linked

CHUNK = 5000
TABLE = "invoicing_auditentry"
FACTS = 10  # where the facts stand among the columns
COLUMNS = (
    "sequence", "at", "actor_id", "actor_name", "ip", "action", "target", "reason", "correlation", "scheme", "facts",
    "outcome", "of_connection", "of_customer", "of_invoice", "previous_hash", "hash", "seal",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as the chain knows it. `content` is the digest of what it says; the first scheme's is its hash."""

    sequence: int
    scheme: int
    previous_hash: str
    content: str
    hash: str


class Broken(Exception):
    """The first entry that does not hold, and why."""

    def __init__(self, at: int, problem: str):
        super().__init__(problem)
        self.at, self.problem = at, problem


def walk(after: tuple[int, str] | None = None, *, until: int | None = None) -> Iterator[Link]:
    """Every entry that holds, in order: from the first, or from the one after (sequence, hash). Errors: Broken."""
    expected, previous, must_be_sealed = (after[0] + 1, after[1], False) if after else (1, GENESIS, False)
    for row in _rows(None if after is None else after[0], until):
        sequence = row[0]
        if sequence != expected:
            if isinstance(sequence, int) and sequence < expected:
                raise Broken(sequence, "it was put in before the first entry")
            raise Broken(expected, "it is missing")
        link = _link(row)
        if link.previous_hash != previous:
            raise Broken(sequence, "it does not follow the entry before it")
        if link.hash != linked(link.scheme, previous, link.content):
            raise Broken(sequence, "its content is not what was written")
        if link.scheme == SEALED:
            must_be_sealed = True
            if not audit_key.is_sealed(link.hash, row[-1]):
                raise Broken(sequence, "its seal was not made by this desk")
        elif must_be_sealed or row[-1]:
            raise Broken(sequence, "it is not sealed as this desk seals")
        yield link
        previous, expected = link.hash, expected + 1


def _link(row: tuple) -> Link:
    """Errors: Broken, where what is stored cannot even be read."""
    sequence, at, *said = row[: FACTS - 1]
    scheme, facts, *further, previous_hash, stored, _seal = row[FACTS - 1 :]
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        content = content_digest(scheme, sequence, moment, *said, json.loads(facts), *further, previous_hash)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Broken(sequence, "its content is not what was written") from error
    return Link(sequence, scheme, previous_hash, content, stored)


def _rows(after: int | None, until: int | None) -> Iterator[tuple]:
    """Raw rows in order, a chunk at a time, from the very lowest number: nothing may stand before the first."""
    shown = ", ".join(COLUMNS)
    if connection.vendor == "sqlite":  # as text: what was tampered with may not convert
        shown = shown.replace("at,", "CAST(at AS TEXT),", 1).replace("facts,", "CAST(facts AS TEXT),", 1)
    while True:
        conditions, given = [], []
        if after is not None:
            conditions.append("sequence > %s")
            given.append(after)
        if until is not None:
            conditions.append("sequence <= %s")
            given.append(until)
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        with connection.cursor() as cursor:
            statement = f"SELECT {shown} FROM {TABLE} {where}ORDER BY sequence LIMIT {CHUNK}"  # noqa: S608 - names of ours
            cursor.execute(statement, given)
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < CHUNK:
            return
        after = rows[-1][0]
