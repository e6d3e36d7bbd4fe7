from django.db import models

from invoicing.models.connection import Connection
from invoicing.models.customer import Customer
from invoicing.models.fields import ExactAmountField
from invoicing.models.invoice import Book


class SummaryCell(models.Model):
    """Counts and totals of the invoices that share these words, kept with the rows, so that a list never counts them.

    Three grains: all time, month, day. Two axes: by `listed_on`, and by `due_date` (outstanding invoices only).
    A total is total_units + total_millionths/10^6 + total_rest: integers a database adds exactly, and a rest that is
    nearly always zero. `invoices` counts by the invoice's first unit; a further unit's cell has only amounts.
    """

    class Axis(models.IntegerChoices):
        LISTED = 1
        DUE = 2

    class Grain(models.IntegerChoices):
        ALL = 1
        MONTH = 2
        DAY = 3

    axis = models.SmallIntegerField(choices=Axis)
    grain = models.SmallIntegerField(choices=Grain)
    period = models.DateField()  # first day of the month, the day, or 0001-01-01 for all time
    book = models.SmallIntegerField(choices=Book)
    connection = models.ForeignKey(Connection, models.CASCADE, db_index=False)
    status = models.CharField(max_length=16)
    payment_status = models.CharField(max_length=16)
    currency = models.CharField(max_length=64)
    in_totals = models.BooleanField()
    invoices = models.IntegerField(default=0)
    amounts = models.IntegerField(default=0)  # totals in this unit, first or further
    total_units = models.BigIntegerField(default=0)
    total_millionths = models.BigIntegerField(default=0)
    total_rest = ExactAmountField(default="0")
    due_units = models.BigIntegerField(default=0)  # outstanding only
    due_millionths = models.BigIntegerField(default=0)
    due_rest = ExactAmountField(default="0")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "book",
                    "axis",
                    "grain",
                    "period",
                    "connection",
                    "status",
                    "payment_status",
                    "currency",
                    "in_totals",
                ],
                name="one_cell_per_key",
            )
        ]


class CustomerCell(models.Model):
    """The same by customer, so that a search for a name counts what it finds without reading it. Of all time, by the
    listed axis. On SQLite the rows of a customer lie side by side (WITHOUT ROWID).
    """

    pk = models.CompositePrimaryKey("customer_id", "book", "status", "payment_status", "currency", "in_totals")
    customer = models.ForeignKey(Customer, models.CASCADE, db_index=False)
    book = models.SmallIntegerField(choices=Book)
    status = models.CharField(max_length=16)
    payment_status = models.CharField(max_length=16)
    currency = models.CharField(max_length=64)
    in_totals = models.BooleanField()
    invoices = models.IntegerField(default=0)
    amounts = models.IntegerField(default=0)
    total_units = models.BigIntegerField(default=0)
    total_millionths = models.BigIntegerField(default=0)
    total_rest = ExactAmountField(default="0")
    due_units = models.BigIntegerField(default=0)
    due_millionths = models.BigIntegerField(default=0)
    due_rest = ExactAmountField(default="0")
