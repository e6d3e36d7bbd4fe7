"""Counts and totals by customer, made from the invoices there are."""

from collections import defaultdict
from decimal import Decimal

import django.db.models.deletion
from django.db import migrations, models

import invoicing.models.fields
from invoicing.money import EXACT, split

BOOKS = [
    (1, "Receivables"),
    (2, "Receivables, test data"),
    (3, "Payables"),
    (4, "Payables, test data"),
    (5, "Receivables gone at the provider"),
    (6, "Payables gone at the provider"),
]
KEY = ("customer_id", "book", "status", "payment_status", "currency", "in_totals")


class CreateClustered(migrations.CreateModel):
    """On SQLite without a rowid, so that the table is its primary key's index."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.sql_create_table += " WITHOUT ROWID"
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        schema_editor.__dict__.pop("sql_create_table", None)


def count(apps, schema_editor):
    cells = defaultdict(lambda: [0, 0, Decimal(0), Decimal(0)])
    rows = apps.get_model("invoicing", "Invoice").objects.values_list(*KEY, "total", "amount_due", "outstanding")
    for *key, total, due, outstanding in rows.iterator(chunk_size=5000):
        cell = cells[tuple(key)]
        cell[0] += 1
        cell[1] += total is not None
        cell[2] = EXACT.add(cell[2], total or Decimal(0))
        cell[3] = EXACT.add(cell[3], due if outstanding and due is not None else Decimal(0))
    further = apps.get_model("invoicing", "InvoiceTotal").objects.values_list(
        *(f"invoice__{name}" for name in KEY[:4]), "unit", "invoice__in_totals", "total"
    )
    for *key, total in further.iterator(chunk_size=5000):
        cell = cells[tuple(key)]
        cell[1] += 1
        cell[2] = EXACT.add(cell[2], total)
    model = apps.get_model("invoicing", "CustomerCell")
    made = []
    for key in sorted(cells):
        invoices, amounts, total, due = cells[key]
        parts = zip(("total_units", "total_millionths", "total_rest"), split(total), strict=True)
        parts = [*parts, *zip(("due_units", "due_millionths", "due_rest"), split(due), strict=True)]
        parts = {name: value or 0 for name, value in parts}  # a rest of nothing is "0", not "0.000000"
        made.append(model(**dict(zip(KEY, key, strict=True)), invoices=invoices, amounts=amounts, **parts))
    model.objects.bulk_create(made, batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0005_search")]

    operations = [
        CreateClustered(
            name="CustomerCell",
            fields=[
                ("pk", models.CompositePrimaryKey(*KEY, blank=True, editable=False, primary_key=True, serialize=False)),
                ("book", models.SmallIntegerField(choices=BOOKS)),
                ("status", models.CharField(max_length=16)),
                ("payment_status", models.CharField(max_length=16)),
                ("currency", models.CharField(max_length=64)),
                ("in_totals", models.BooleanField()),
                ("invoices", models.IntegerField(default=0)),
                ("amounts", models.IntegerField(default=0)),
                ("total_units", models.BigIntegerField(default=0)),
                ("total_millionths", models.BigIntegerField(default=0)),
                ("total_rest", invoicing.models.fields.ExactAmountField(default="0")),
                ("due_units", models.BigIntegerField(default=0)),
                ("due_millionths", models.BigIntegerField(default=0)),
                ("due_rest", invoicing.models.fields.ExactAmountField(default="0")),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="invoicing.customer"
                    ),
                ),
            ],
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
