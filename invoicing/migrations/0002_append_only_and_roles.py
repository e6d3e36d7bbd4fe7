"""The audit trail refuses update and delete from its first row; the roles exist from the first sign-in."""

from django.db import migrations

ROLES = ("viewer", "operator", "reviewer", "controller", "auditor", "sync admin", "access admin")
TABLES = ("invoicing_auditentry",)


def append_only(apps, schema_editor):
    for table in TABLES:
        if schema_editor.connection.vendor == "sqlite":
            for verb in ("UPDATE", "DELETE"):
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END"
                )
        else:
            schema_editor.execute(
                "CREATE FUNCTION desk_append_only() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'The audit trail is append-only.'; END $$"
            )
            schema_editor.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only()"
            )


def changeable(apps, schema_editor):
    for table in TABLES:
        if schema_editor.connection.vendor == "sqlite":
            for verb in ("update", "delete"):
                schema_editor.execute(f"DROP TRIGGER {table}_no_{verb}")
        else:
            schema_editor.execute(f"DROP TRIGGER {table}_append_only ON {table}")
            schema_editor.execute("DROP FUNCTION desk_append_only()")


def make_roles(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    for name in ROLES:
        Group.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0001_the_desk"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.RunPython(append_only, changeable, elidable=False),
        migrations.RunPython(make_roles, migrations.RunPython.noop, elidable=False),
    ]
