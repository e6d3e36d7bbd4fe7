"""Fields that keep provider facts exact on both databases."""

from decimal import Decimal

from django.db import models

from invoicing.money import exact_text, parse_amount


class ExactAmountField(models.TextField):
    """A Decimal kept as text with every digit. It neither sorts nor adds in SQL: an integer column beside it does.

    SQLite would store a decimal column as a float.
    """

    description = "Exact amount"
    _pyi_private_set_type: Decimal | str  # type: ignore[assignment]  # what its rows hold, for the type checker
    _pyi_private_get_type: Decimal  # type: ignore[assignment]

    def from_db_value(self, value, expression, connection):
        return None if value is None else Decimal(value)

    def to_python(self, value):
        return value if value is None or isinstance(value, Decimal) else parse_amount(value)

    def get_prep_value(self, value):
        return None if value is None else exact_text(value if isinstance(value, Decimal) else parse_amount(str(value)))

    def value_to_string(self, obj):
        return self.get_prep_value(self.value_from_object(obj)) or ""
