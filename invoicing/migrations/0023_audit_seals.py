"""Entries are sealed. SQLite makes the table anew for that, so its triggers are made anew after it."""

from importlib import import_module

from django.db import migrations, models


def append_only(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        import_module("invoicing.migrations.0022_audit_subjects").append_only(apps, schema_editor)


class Migration(migrations.Migration):

    dependencies = [
        ("invoicing", "0022_audit_subjects"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditentry",
            name="seal",
            field=models.CharField(db_default="", max_length=64),
        ),
        migrations.RunPython(append_only, migrations.RunPython.noop, elidable=False),
    ]
