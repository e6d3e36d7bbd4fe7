"""The trail can be asked for by outcome and by what it is about; more of what is evidence refuses to be changed."""

from django.db import migrations, models

AUDIT, VERSIONS, ATTEMPTS, SIGNATURES = (
    "invoicing_auditentry",
    "invoicing_invoiceversion",
    "invoicing_attempt",
    "invoicing_approval",
)
REFUSED = {  # table -> the verbs it refuses, and for which rows
    AUDIT: (("UPDATE", "DELETE"), ""),
    VERSIONS: (("UPDATE",), ""),
    ATTEMPTS: (("UPDATE", "DELETE"), "OLD.ended_at IS NOT NULL"),
    SIGNATURES: (("UPDATE", "DELETE"), ""),
}
WORDS = {
    AUDIT: "The audit trail is append-only.",
    VERSIONS: "A version is append-only.",
    ATTEMPTS: "An attempt that has ended is append-only.",
    SIGNATURES: "A decision is append-only.",
}


def append_only(apps, schema_editor):
    """What is evidence cannot be changed, by whatever door. Rows of the audit trail cannot be replaced either."""
    sqlite = schema_editor.connection.vendor == "sqlite"
    if not sqlite:
        schema_editor.execute(
            "CREATE OR REPLACE FUNCTION desk_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$",
            params=None,
        )
    for table, (verbs, when) in REFUSED.items():
        guard = f"WHEN ({when}) " if when else ""
        if sqlite:
            for verb in verbs:
                name = f"{table}_no_{verb.lower()}"
                schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}")
                schema_editor.execute(
                    f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {guard}"
                    f"BEGIN SELECT RAISE(ABORT, '{WORDS[table]}'); END"
                )
        elif table != AUDIT:
            schema_editor.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE {' OR '.join(verbs)} ON {table} "
                f"FOR EACH ROW {guard}EXECUTE FUNCTION desk_refuse('{WORDS[table]}')"
            )
            schema_editor.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION desk_refuse('{WORDS[table]}')"
            )
    if sqlite:  # INSERT OR REPLACE deletes without asking the triggers on DELETE
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {AUDIT}_no_replace")
        schema_editor.execute(
            f"CREATE TRIGGER {AUDIT}_no_replace BEFORE INSERT ON {AUDIT} "
            f"WHEN EXISTS (SELECT 1 FROM {AUDIT} e WHERE e.sequence = NEW.sequence OR e.hash = NEW.hash) "
            f"BEGIN SELECT RAISE(ABORT, '{WORDS[AUDIT]}'); END"
        )


def changeable(apps, schema_editor):
    for table, (verbs, _) in REFUSED.items():
        if table == AUDIT:
            if schema_editor.connection.vendor == "sqlite":
                schema_editor.execute(f"DROP TRIGGER {AUDIT}_no_replace")
        elif schema_editor.connection.vendor == "sqlite":
            for verb in verbs:
                schema_editor.execute(f"DROP TRIGGER {table}_no_{verb.lower()}")
        else:
            schema_editor.execute(f"DROP TRIGGER {table}_append_only ON {table}")
            schema_editor.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
    if schema_editor.connection.vendor != "sqlite":
        schema_editor.execute("DROP FUNCTION desk_refuse()")


class Migration(migrations.Migration):

    dependencies = [
        ('invoicing', '0021_reviews'),
    ]

    operations = [
        migrations.AddField(
            model_name='auditentry',
            name='of_connection',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='of_customer',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='of_invoice',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='outcome',
            field=models.CharField(choices=[('refused', 'Refused'), ('failed', 'Failed'), ('unknown', 'Outcome unknown')], db_default='', max_length=10),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='scheme',
            field=models.SmallIntegerField(db_default=1),
        ),
        migrations.AlterField(
            model_name='export',
            name='format',
            field=models.CharField(choices=[('csv', 'CSV'), ('xlsx', 'Excel'), ('jsonl', 'JSON lines'), ('pdf_zip', 'PDFs in a zip'), ('pdf_merged', 'One PDF'), ('evidence', 'Evidence pack')], max_length=12),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['actor', 'sequence'], name='audit_actor'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['action', 'sequence'], name='audit_action'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['at'], name='audit_at'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['of_connection', 'sequence'], name='audit_connection'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(condition=models.Q(('of_customer__isnull', False)), fields=['of_customer', 'sequence'], name='audit_customer'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(condition=models.Q(('of_invoice__isnull', False)), fields=['of_invoice', 'sequence'], name='audit_invoice'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(condition=models.Q(('outcome', ''), _negated=True), fields=['outcome', 'sequence'], name='audit_outcome'),
        ),
        migrations.RunPython(append_only, changeable, elidable=False),
    ]
