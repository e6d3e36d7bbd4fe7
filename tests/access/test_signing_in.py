"""Signing in, staying in, being asked again, and being put out."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.test import Client, RequestFactory

from invoicing import settings as own_settings
from invoicing.access import people
from invoicing.models import User
from invoicing.web import stepping_up

PASSWORD = "a long enough password"  # noqa: S105


def sign_in(client, email, password=PASSWORD, **extra):
    return client.post("/accounts/login/", {"login": email, "password": password}, **extra)


def signed_in(client):
    return client.get("/operations/").status_code == 200


@pytest.fixture(autouse=True)
def fresh_cache():
    from django.core.cache import cache

    cache.clear()


def test_wrong_passwords_lock_that_address_out_and_not_the_owner(person):
    operator = person("operator")
    guesser, owner = Client(REMOTE_ADDR="203.0.113.9"), Client(REMOTE_ADDR="198.51.100.4")
    for _ in range(6):
        sign_in(guesser, operator.email, "not the password")

    assert sign_in(guesser, operator.email).status_code == 200, "also the right one, from there"
    assert not signed_in(guesser)
    assert sign_in(owner, operator.email).status_code == 302
    assert signed_in(owner)


def test_nobody_learns_who_is_known(person, client):
    known = sign_in(client, person("viewer").email, "not the password")
    unknown = sign_in(client, "nobody@else.example", "not the password")

    words = [answer.context["form"].non_field_errors() for answer in (known, unknown)]
    assert words[0] == words[1] and known.status_code == unknown.status_code


def test_passwords_are_stored_slowly_with_argon2():
    assert own_settings.PASSWORD_HASHERS[0].endswith(".Argon2PasswordHasher"), "tests alone use a quick one"


def test_nobody_signs_up(client, db):
    answer = client.post("/accounts/signup/", {"email": "me@else.example", "password1": PASSWORD})

    assert not User.objects.filter(email="me@else.example").exists()
    assert "closed" in answer.content.decode().lower()


@pytest.mark.parametrize("change", ["roles", "scope", "lock", "password", "sign_out"])
def test_a_change_of_access_ends_what_was_open(person, client, change):
    admin, operator = person("access admin"), person("operator")
    client.force_login(operator)
    assert signed_in(client)

    if change == "roles":
        people.set_roles(operator, ["operator", "viewer"], by=admin, reason="More")
    elif change == "scope":
        people.set_scope(operator, people.Reach(directions=frozenset({"payable"})), by=admin, reason="Less")
    elif change == "lock":
        people.set_active(operator, False, by=admin, reason="Left")
    elif change == "password":
        changed = User.objects.get(pk=operator.pk)
        changed.set_password("another long password")
        changed.save()
    else:
        people.sign_out(operator, by=admin, reason="Lost laptop")

    assert not signed_in(client)


def posted(user, session, **data):
    request = RequestFactory().post("/somewhere/?x=1", data)
    request.user, request.session = user, session
    return request


@pytest.fixture
def session(client, person):
    operator = person("operator")
    client.force_login(operator)
    held = client.session
    return operator, held


def test_who_signed_in_lately_is_not_asked(session):
    operator, held = session
    assert stepping_up.asked_to_confirm(posted(operator, held)) is None


def test_later_the_password_is_asked_and_nothing_typed_is_lost(session, settings, client):
    operator, held = session
    held[stepping_up.CONFIRMED_AT] = time.time() - 16 * 60
    held.save()
    settings.DESK_STEP_UP_MINUTES = 15

    answer = asked(client, operator, held, reason="Because <b>", amount="7")
    html = answer.content.decode()
    assert 'name="reason" value="Because &lt;b&gt;"' in html and 'name="amount" value="7"' in html

    wrong = asked(client, operator, held, reason="Because", confirm_password="not it")
    assert wrong.status_code == 422 and 'role="alert"' in wrong.content.decode()
    assert asked(client, operator, held, reason="Because", confirm_password=PASSWORD) is None
    assert stepping_up.asked_to_confirm(posted(operator, held)) is None, "not again for a while"


def asked(client, user, held, **data):
    from allauth.core import context

    request = posted(user, held, **data)
    with context.request_context(request):
        return stepping_up.asked_to_confirm(request)


def test_where_there_is_a_second_factor_the_password_is_not_enough(session, client):
    operator, held = session
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(operator, secret)
    held[stepping_up.CONFIRMED_AT] = 0

    page = asked(client, operator, held, confirm_password=PASSWORD)
    assert "confirm_code" in page.content.decode() and "confirm_password" not in page.content.decode()
    assert asked(client, operator, held, confirm_code="000000").status_code == 422
    code = totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))
    assert asked(client, operator, held, confirm_code=code) is None


def test_secrets_of_second_factors_are_sealed(session):
    operator, _ = session
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(operator, secret)

    stored = Authenticator.objects.get(user=operator)
    assert secret not in str(stored.data)
    assert totp.TOTP(stored).validate_code("123") is False


def test_a_desk_may_ask_everybody_for_a_second_factor(session, client, settings):
    settings.DESK_SECOND_FACTOR = True
    operator, _ = session

    answer = client.get("/operations/")
    assert answer.status_code == 302 and answer.url == "/accounts/2fa/"
    assert client.get("/operations/", headers={"HX-Request": "true"})["HX-Redirect"] == "/accounts/2fa/"

    totp.TOTP.activate(operator, totp.generate_totp_secret())
    assert signed_in(client)
