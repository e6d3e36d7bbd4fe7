"""Sealing keys change while everything goes on."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.management import CommandError, call_command

from invoicing.models import AuditEntry, Connection
from invoicing.models.sealing import CannotUnseal, new_key

SECRET = "JBSWY3DPEHPK3PXP"  # noqa: S105


@pytest.fixture
def old(settings):
    settings.DESK_FIELD_KEYS = [new_key()]
    return settings.DESK_FIELD_KEYS[0]


def test_after_a_rotation_nothing_needs_the_old_key(old, connection_to, person, settings, capsys):
    connection = connection_to("orb", api_key="sk_live_secret_1234")
    connection.set_write_key("sk_live_writer_5678")
    connection.set_webhook_secret("whsec_1")
    connection.save()
    totp.TOTP.activate(person("operator"), SECRET)
    settings.DESK_FIELD_KEYS = [new_key(), old]

    call_command("rotate_keys")

    settings.DESK_FIELD_KEYS = settings.DESK_FIELD_KEYS[:1]
    after = Connection.objects.get()
    assert (after.api_key(), after.write_key(), after.webhook_secret()) == (
        "sk_live_secret_1234",
        "sk_live_writer_5678",
        "whsec_1",
    )
    assert Authenticator.objects.get().wrap().validate_code("000000") is False, "its secret opens"
    assert "1 connections, 1 second factors" in capsys.readouterr().out
    assert AuditEntry.objects.get(action="keys.rotated").facts["connections"] == 1


def test_a_second_rotation_has_nothing_to_do(old, connection_to, settings, capsys):
    connection_to("orb")
    settings.DESK_FIELD_KEYS = [new_key(), old]
    call_command("rotate_keys")
    sealed = Connection.objects.get().sealed_key
    call_command("rotate_keys")

    assert Connection.objects.get().sealed_key == sealed
    assert "0 connections" in capsys.readouterr().out


def test_what_no_key_opens_is_named_and_the_rest_goes_on(old, connection_to, settings):
    connection_to("orb", name="lost")
    settings.DESK_FIELD_KEYS = [new_key()]
    connection_to("flexprice", name="kept")
    settings.DESK_FIELD_KEYS = [new_key(), *settings.DESK_FIELD_KEYS]

    with pytest.raises(CommandError, match="lost"):
        call_command("rotate_keys")

    settings.DESK_FIELD_KEYS = settings.DESK_FIELD_KEYS[:1]
    assert Connection.objects.get(name="kept").api_key() == "sk_test_key_0000"
    with pytest.raises(CannotUnseal):
        Connection.objects.get(name="lost").api_key()
