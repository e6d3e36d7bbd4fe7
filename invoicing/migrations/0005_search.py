"""Trigram search over customers, numbers and line texts."""

from django.db import migrations

from invoicing.models.search import drop_statements, index_statements


def build(apps, schema_editor):
    for statement in index_statements(schema_editor.connection.vendor):
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    for statement in drop_statements(schema_editor.connection.vendor):
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0004_listing")]
    operations = [migrations.RunPython(build, drop)]
