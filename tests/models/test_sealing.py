import pytest

from invoicing.models.sealing import CannotUnseal, new_key, seal, unseal


@pytest.fixture(autouse=True)
def one_key(settings):
    settings.DESK_FIELD_KEYS = [new_key()]


def test_a_sealed_key_opens_where_it_was_entered():
    sealed = seal("sk_live_secret", bound_to="key|1|orb|https://api.withorb.com")
    assert "secret" not in sealed
    assert unseal(sealed, bound_to="key|1|orb|https://api.withorb.com") == "sk_live_secret"


def test_it_does_not_open_on_another_row_or_host():
    sealed = seal("sk_live_secret", bound_to="key|1|orb|https://api.withorb.com")
    with pytest.raises(CannotUnseal):
        unseal(sealed, bound_to="key|2|orb|https://api.withorb.com")


def test_keys_rotate_one_value_at_a_time(settings):
    old = settings.DESK_FIELD_KEYS[0]
    sealed = seal("sk_live_secret", bound_to="x")
    settings.DESK_FIELD_KEYS = [new_key(), old]
    assert unseal(sealed, bound_to="x") == "sk_live_secret"
    settings.DESK_FIELD_KEYS = [new_key()]
    with pytest.raises(CannotUnseal):
        unseal(sealed, bound_to="x")


@pytest.mark.django_db
def test_a_connection_whose_host_changed_has_no_key(connection_to):
    connection = connection_to("orb", base_url="https://api.withorb.com/v1", api_key="sk_live_secret_1234")
    assert connection.api_key() == "sk_live_secret_1234"
    assert connection.key_ending == "1234"
    connection.base_url = "https://elsewhere.example/v1"
    with pytest.raises(CannotUnseal):
        connection.api_key()
