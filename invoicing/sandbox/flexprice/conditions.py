"""FlexPrice's generic conditions and sorting: `{"field", "operator", "data_type", "value"}` on any column.

With its faults: `gte` is accepted and ignored, a missing value crashes the handler, an unknown field answers 400 or
500 as it happens.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from .units import instant, number

OPERATORS = ("eq", "contains", "not_contains", "gt", "lt", "gte", "in", "not_in", "before", "after")


class Crash(Exception):
    """The server's handler panics."""


class Unfit(Exception):
    """The condition is refused; carries the code and the message."""


class Table:
    """The columns of one kind of record. `cheap` columns are read without the whole record."""

    def __init__(self, columns: dict[str, str], read: Callable):
        self.columns = columns  # name -> text, number, date or flag
        self.read = read  # (row, name) -> the column's value
        self._asked = 0

    def known(self, field) -> str:
        """The type of a column. Errors: Unfit, with either of two codes, as the server's map has it."""
        if isinstance(field, str) and field in self.columns:
            return self.columns[field]
        self._asked += 1
        code = ("validation_error", "database_error")[self._asked % 2]
        raise Unfit(code, f"invalid field name: {field}")

    def test(self, condition: dict) -> Callable | None:
        """The condition as a question about a row; None for one that is ignored. Errors: Unfit, Crash."""
        field, operator, kind = (condition.get(name) for name in ("field", "operator", "data_type"))
        if operator == "gte":
            return None
        if operator not in OPERATORS:
            raise Unfit("validation_error", f"unsupported operator: {operator}")
        column = self.known(field)
        value = condition.get("value")
        if not isinstance(value, dict) or not isinstance(kind, str):
            raise Crash
        given = value.get(kind, value.get("boolean"))
        if given is None:
            raise Crash
        wanted = self._wanted(operator, column, given)
        question, read = QUESTIONS[operator], self.read

        def holds(row) -> bool:
            found = read(row, field)
            return found is not None and question(found, wanted)

        return holds

    @staticmethod
    def _wanted(operator: str, column: str, value):
        """The value in the column's own type."""
        if (operator in ("before", "after")) != (column == "date") and operator not in ("eq", "in", "not_in"):
            raise Unfit("database_error", "operator does not fit the field")
        if operator in ("gt", "lt") and column != "number":
            raise Unfit("validation_error", f"operator {operator} works on numbers only")
        if (operator in ("in", "not_in")) != isinstance(value, list):
            raise Unfit("validation_error", "invalid filter value")
        try:
            convert = {"date": instant, "number": number}.get(column, lambda given: given)
            return [convert(one) for one in value] if isinstance(value, list) else convert(value)
        except ValueError:
            raise Unfit("validation_error", "invalid filter value") from None

    def sorted(self, rows: list, orders: list[tuple[str, bool]]) -> list:
        """Rows in order of (field, descending); equal ones stay as they lie. Missing values count as the largest."""
        for field, descending in reversed(orders):
            self.known(field)
            rows = sorted(rows, key=lambda row, field=field: _placed(self.read(row, field)), reverse=descending)
        return rows


def _placed(value: str | datetime | Decimal | None) -> tuple:
    return (1, 0) if value is None else (0, value)


def _lower(value) -> str:
    return str(value).lower()


QUESTIONS = {
    "eq": lambda found, wanted: found == wanted,
    "contains": lambda found, wanted: _lower(wanted) in _lower(found),
    "not_contains": lambda found, wanted: _lower(wanted) not in _lower(found),
    "gt": lambda found, wanted: found > wanted,
    "lt": lambda found, wanted: found < wanted,
    "in": lambda found, wanted: found in wanted,
    "not_in": lambda found, wanted: found not in wanted,
    "before": lambda found, wanted: found < wanted,
    "after": lambda found, wanted: found > wanted,
}
