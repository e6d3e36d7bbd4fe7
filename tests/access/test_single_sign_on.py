"""Signing in through the company's own identity provider: a small one, spoken to over HTTP."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.urls import reverse

from invoicing.models import AuditEntry, User

CLIENT, SECRET, CODE = "invoice-desk", "the client's secret", "a code"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Directory:
    """What the provider knows of whoever signs in, and what the desk asked of it."""

    def __init__(self, url):
        self.url, self.challenge, self.asked = url, "", []
        self.person = {"sub": "42", "email": "ada@desk.example", "email_verified": True, "name": "Ada L", "groups": []}
        self.audience, self.expires_in = CLIENT, 300

    def answer(self, path, sent, authorization):
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            places = {f"{name}_endpoint": f"{self.url}/{name}" for name in ("authorization", "token", "userinfo")}
            return places | {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/token":
            verifier = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).rstrip(b"=")
            assert (sent["code"], sent["client_id"], verifier.decode()) == (CODE, CLIENT, self.challenge)
            now = int(time.time())
            claims = {"iss": self.url, "aud": self.audience, "iat": now, "exp": now + self.expires_in, "sub": "42"}
            token = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "one"})
            return {"access_token": "access", "token_type": "Bearer", "id_token": token, "expires_in": 300}
        if path == "/userinfo":
            assert authorization == "Bearer access"
            return self.person
        return {"keys": [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "one"}]}


@pytest.fixture
def directory(settings, db):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length") or 0)
            sent = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            body = json.dumps(found.answer(urlsplit(self.path).path, sent, self.headers.get("Authorization"))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Directory(f"http://127.0.0.1:{server.server_port}")
    own = {"server_url": found.url, "oauth_pkce_enabled": True}
    app = {"provider_id": "desk", "name": "the company", "client_id": CLIENT, "secret": SECRET, "settings": own}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    settings.DESK_OIDC_ROLES = {"finance-ops": "operator", "finance-leads": "controller"}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def sign_in(client, directory):
    """As a browser does it: to the provider, and back with its code."""
    sent = client.post(reverse("openid_connect_login", kwargs={"provider_id": "desk"}))
    there = urlsplit(sent["Location"])
    asked = {name: values[0] for name, values in parse_qs(there.query).items()}
    assert f"{there.scheme}://{there.netloc}{there.path}" == f"{directory.url}/authorization"
    assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
    directory.challenge = asked["code_challenge"]
    back = reverse("openid_connect_callback", kwargs={"provider_id": "desk"})
    return client.get(back, {"code": CODE, "state": asked["state"]})


def signed_in(client):
    return client.session.get("_auth_user_id")


def roles(email):
    return set(User.objects.get(email=email).groups.values_list("name", flat=True))


def test_who_is_known_by_e_mail_gets_in_and_the_groups_give_the_roles(client, directory, person):
    ada = person("viewer", "controller", email="ada@desk.example")
    directory.person["groups"] = ["finance-ops", "chess"]

    answer = sign_in(client, directory)

    assert answer.status_code == 302 and signed_in(client) == str(ada.pk)
    assert directory.asked.count("/token") == directory.asked.count("/userinfo") == 1
    assert roles(ada.email) == {"viewer", "operator"}, "what the directory says nothing of stays; the rest follows it"
    entry = AuditEntry.objects.get(action="roles.set")
    assert (entry.actor, entry.reason) == (None, "The directory's groups say so.")


def test_who_is_new_gets_in_by_a_group_that_stands_for_a_role_and_has_no_password(client, directory, person):
    directory.person |= {"email": "New@desk.example", "groups": ["finance-leads"]}

    sign_in(client, directory)

    made = User.objects.get(email__iexact="new@desk.example")
    assert signed_in(client) == str(made.pk) and roles(made.email) == {"controller"}
    assert not made.has_usable_password() and AuditEntry.objects.filter(action="person.added").count() == 1

    directory.person["groups"] = []
    client.logout()
    sign_in(client, directory)
    assert roles(made.email) == set(), "who left the group has lost the role at the next sign-in"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"email": "nobody@else.example"}, "Nobody has added you here"),
        ({"email": "nobody@else.example", "groups": ["chess"]}, "none of your groups stands for a role"),
        ({"email": "ada@desk.example", "email_verified": False}, "Nobody has added you here"),
        ({"email": "locked@desk.example"}, "locked"),
    ],
)
def test_who_is_unknown_unconfirmed_or_locked_is_refused_with_the_reason(client, directory, person, given, why):
    person("operator", email="ada@desk.example")
    locked = person("operator", email="locked@desk.example")
    User.objects.filter(pk=locked.pk).update(is_active=False)
    directory.person |= given
    known = User.objects.count()

    answer = sign_in(client, directory)

    assert answer.status_code == 403 and why in answer.content.decode()
    assert signed_in(client) is None and User.objects.count() == known


@pytest.mark.parametrize("wrong", [{"audience": "another client"}, {"expires_in": -60}])
def test_a_token_for_somebody_else_or_of_yesterday_lets_nobody_in(client, directory, person, wrong):
    person("operator", email="ada@desk.example")
    for name, value in wrong.items():
        setattr(directory, name, value)

    sign_in(client, directory)

    assert signed_in(client) is None


def test_an_answer_nobody_here_asked_for_lets_nobody_in(client, directory, person):
    person("operator", email="ada@desk.example")
    back = reverse("openid_connect_callback", kwargs={"provider_id": "desk"})

    client.get(back, {"code": CODE, "state": "made up"})

    assert signed_in(client) is None and "/token" not in directory.asked
