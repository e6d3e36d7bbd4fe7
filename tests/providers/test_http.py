"""One wire a connection: what is sent, that keys stay with their host, what is believed, what is repeated, documents."""

import gzip
import socket
import time
from decimal import Decimal

import pytest

from invoicing.providers import addresses
from invoicing.providers.addresses import Blocked
from invoicing.providers.errors import (
    Missing,
    NotSent,
    NotUnderstood,
    TooLarge,
    Unknown,
)
from invoicing.providers.http import Wire
from invoicing.providers.secret import Secret
from tests.providers.misbehaving import (
    DELETE,
    KEY,
    ONE,
    PDF,
    READ,
    WRITE,
    Example,
    answer,
    cut,
    raises_exactly,
)


def test_sends_the_key_to_the_configured_host_with_what_was_asked(serve, wire):
    server = serve(answer())

    got = wire(server.url + "/v1/").call(
        READ, path={"invoice_id": "a/b c?"}, query=[("status[]", "draft"), ("status[]", "void")]
    )

    assert got.json() == {"id": "in_1"}
    head = server.heads[0].split("\r\n")
    assert head[0] == "GET /v1/invoices/a%2Fb%20c%3F?status%5B%5D=draft&status%5B%5D=void HTTP/1.1"
    assert f"Authorization: Bearer {KEY}" in head
    assert "Accept-Encoding: identity" in head
    assert f"Host: 127.0.0.1:{server.port}" in head


def test_a_write_carries_its_key_and_exact_numbers(serve, wire):
    server = serve(answer(status="201 Created"))

    wire(server.url).call(WRITE, path=ONE, body={"quantity": Decimal("2.50")}, key="op-1")

    assert "Idempotency-Key: op-1" in server.heads[0]
    assert "Content-Type: application/json" in server.heads[0]
    assert server.bodies == [b'{"quantity":2.50}']


@pytest.mark.parametrize("bad", ["", ".", "..", "...", "a\r\nX: 1", "a\x00"])
def test_an_id_cannot_lead_to_another_address(serve, wire, bad):
    server = serve(answer())

    with pytest.raises(NotSent):
        wire(server.url).call(READ, path={"invoice_id": bad})

    assert server.heads == []


def test_the_pacer_is_asked_before_every_try(serve, wire):
    class Pacer:
        waits = 0

        def wait(self):
            self.waits += 1

    pacer = Pacer()
    server = serve(answer(status="503 Unavailable"), answer())

    wire(server.url, pacer=pacer).call(READ, path=ONE)

    assert pacer.waits == len(server.heads) == 2


def test_environment_and_netrc_change_nothing(serve, wire, monkeypatch, tmp_path):
    server, proxy = serve(answer()), serve(answer())
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login stranger password word\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)

    wire(server.url).call(READ, path=ONE)

    assert f"Authorization: Bearer {KEY}" in server.heads[0]
    assert proxy.heads == []


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("endpoint", [READ, WRITE], ids=["read", "write"])
def test_a_redirect_is_not_followed_and_names_the_host_alone(serve, wire, naps, status, endpoint):
    stranger = serve(answer())
    server = serve(answer(b"", status, Location=f"{stranger.url}/take?token=hidden"))

    with raises_exactly(Unknown, match="127.0.0.1") as caught:
        wire(server.url).call(endpoint, path=ONE, body={"a": 1})

    assert stranger.heads == []
    assert len(server.heads) == 1
    assert naps == []
    assert "hidden" not in str(caught.value)
    assert "take" not in str(caught.value)


def test_keys_are_only_used_for_the_providers_hosts():
    for url in (
        "https://evil.example/v1",
        "https://api.example.com.evil.example",
        "http://api.example.com",
        "https://127.0.0.1",
    ):
        with pytest.raises(Blocked):
            Wire(provider=Example(), base_url=url, api_key=Secret(KEY))
    Wire(provider=Example(), base_url="https://api.example.com/v1", api_key=Secret(KEY))
    Wire(provider=Example(), base_url="https://own.example", api_key=Secret(KEY), extra_hosts=["own.example"])


def test_a_foreign_host_is_allowed_only_where_it_is_private(monkeypatch):
    """The sandbox's setting must not open the way to any host on the public network."""
    public = lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))]  # noqa: E731
    monkeypatch.setitem(addresses.resolve.__kwdefaults__, "lookup", public)
    wire = Wire(provider=Example(), base_url="https://evil.example", api_key=Secret(KEY), allow_private_hosts=True)

    with pytest.raises(Blocked, match="not used for that host"):
        wire.call(READ, path=ONE)


@pytest.mark.parametrize("key", ["", "with space", "line\nend", "schlüssel", "\x00"])
def test_an_impossible_key_is_refused_without_repeating_it(key):
    with pytest.raises(ValueError) as caught:
        Wire(provider=Example(), base_url="https://api.example.com", api_key=Secret(key))
    assert not key.strip() or key not in str(caught.value)


NOT_JSON = {
    "login page": answer(b"<html>Sign in</html>", kind="text/html"),
    "page called json": answer(b"<html>Sign in</html>"),
    "wrong type": answer(kind="text/plain"),
    "no type": answer(kind=None),
    "empty": answer(b""),
    "no content": answer(b"", "204 No Content", kind=None),
    "not a number": answer(b'{"total": NaN}'),
    "cut without a length": cut(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"id": "in'),
    "compressed": answer(gzip.compress(b'{"id": "in_1"}'), Content_Encoding="gzip"),
    "gzip bomb": answer(gzip.compress(b"[" + b"0," * 20_000_000 + b"0]"), Content_Encoding="gzip"),
    "too deep": answer(b"[" * 100_000 + b"]" * 100_000),
}


@pytest.mark.parametrize("case", NOT_JSON)
@pytest.mark.parametrize("endpoint", [READ, WRITE], ids=["read", "write"])
def test_what_is_not_the_promised_json_is_not_understood(serve, wire, naps, case, endpoint):
    server = serve(NOT_JSON[case])

    with raises_exactly(NotUnderstood):
        wire(server.url).call(endpoint, path=ONE)

    assert len(server.heads) == (4 if endpoint.safe else 1)


@pytest.mark.parametrize("endpoint", [READ, WRITE], ids=["read", "write"])
def test_an_answer_announced_as_too_large_is_not_read_and_not_asked_for_again(serve, wire, endpoint):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n["
    server = serve(cut(head))

    with raises_exactly(TooLarge, match="10 MiB"):
        wire(server.url).call(endpoint, path=ONE)

    assert len(server.heads) == 1


def test_an_endless_body_is_cut_at_the_cap(serve, wire):
    sent = []

    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        while True:
            connection.sendall(b"0," * 32768)
            sent.append(65536)

    server = serve(endless)

    with raises_exactly(TooLarge, match="10 MiB"):
        wire(server.url, deadline=20).call(WRITE, path=ONE)

    assert sum(sent) < 20 * 2**20


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 2}', b'{"a": 1e400}', b"[" * 70 + b"]" * 70, b'{"a": "\xff"}'])
def test_json_that_readers_could_differ_on_is_refused_when_read(serve, wire, body):
    server = serve(answer(body))

    got = wire(server.url).call(READ, path=ONE)

    with pytest.raises(NotUnderstood):
        got.json()


def test_problem_json_with_a_charset_is_json(serve, wire):
    server = serve(answer(kind="application/vnd.example.v1+json; charset=utf-8"))

    assert wire(server.url).call(READ, path=ONE).json() == {"id": "in_1"}


def test_an_answer_that_promises_no_body_needs_none(serve, wire):
    server = serve(answer(b"", "204 No Content", kind=None))

    assert wire(server.url).call(DELETE, path=ONE).status == 204


def test_before_write_is_asked_last_and_can_still_stop_everything(serve, wire):
    server = serve(answer())

    def refuse():
        raise AssertionError("a transaction is open")

    with pytest.raises(AssertionError, match="transaction"):
        wire(server.url, before_write=refuse).call(WRITE, path=ONE)
    assert server.heads == []
    wire(server.url, before_write=refuse).call(READ, path=ONE)
    assert len(server.heads) == 1


def test_a_write_never_rides_on_a_used_connection(serve, wire):
    """A connection kept from a read may be half dead; a write would end unknown for nothing."""
    opened = []
    server = serve(answer())
    line = wire(server.url, before_write=lambda: opened.append(len(server.heads)))

    line.call(READ, path=ONE)
    line.call(WRITE, path=ONE)
    line.call(WRITE, path=ONE)

    assert opened == [1, 2]


DOCUMENT = b"%PDF-1.7\n%...\n%%EOF"


def test_a_document_is_fetched_without_the_key_over_redirects(serve, wire):
    storage = serve(answer(DOCUMENT, kind="application/octet-stream"))
    front = serve(answer(b"", "302 Found", Location=f"{storage.url}/file?sig=abc"))

    assert wire("https://api.example.com").fetch_document(f"{front.url}/link?sig=abc") == DOCUMENT
    for head in front.heads + storage.heads:
        assert "Authorization" not in head
        assert KEY not in head


def test_a_document_redirect_is_checked_at_each_hop_and_counted(serve, wire):
    front = serve(answer(b"", "302 Found", Location="http://169.254.169.254/latest/meta-data"))
    with pytest.raises(Blocked):
        wire("https://api.example.com").fetch_document(front.url)

    circle = serve(b"")
    circle.answers = [answer(b"", "302 Found", Location=circle.url)]
    with raises_exactly(Unknown, match="circles"):
        wire("https://api.example.com").fetch_document(circle.url)
    assert len(circle.heads) == 4


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer(b"<html>", kind="text/html"), NotUnderstood),
        (answer(b"<html>", kind="application/pdf"), NotUnderstood),
        (answer(DOCUMENT, kind="text/html"), NotUnderstood),
        (answer(b"", "404 Not Found"), Missing),
        (answer(b"", "403 Forbidden"), Missing),
        (answer(b"", "500 Error"), Unknown),
        (
            cut(b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 30000000\r\n\r\n%PDF-"),
            TooLarge,
        ),
    ],
)
def test_what_is_no_document_is_not_kept(serve, wire, given, kind):
    with raises_exactly(kind):
        wire("https://api.example.com").fetch_document(serve(given).url + "/file?sig=abc")


def test_a_document_is_not_fetched_from_the_own_network():
    wire = Wire(provider=Example(), base_url="https://api.example.com", api_key=Secret(KEY))
    for url in (
        "http://127.0.0.1/a.pdf",
        "https://127.0.0.1/a.pdf",
        "https://[::1]/",
        "https://localhost/",
        "file:///etc/passwd",
    ):
        with pytest.raises(NotSent):
            wire.fetch_document(url)


def test_a_pdf_endpoint_uses_the_key_and_wants_a_pdf(serve, wire):
    server = serve(answer(DOCUMENT, kind="application/pdf"), answer(b'{"not": "pdf"}'))
    line = wire(server.url)

    assert line.call(PDF, path=ONE).body == DOCUMENT
    assert "Accept: application/pdf" in server.heads[0]
    with pytest.raises(NotUnderstood):
        line.call(PDF, path=ONE)


def test_waiting_for_its_turn_is_not_counted_as_the_providers_time(serve, wire):
    class SlowPacer:
        def wait(self):
            time.sleep(0.4)

    server = serve(answer())

    assert wire(server.url, pacer=SlowPacer(), deadline=0.3).call(WRITE, path=ONE).status == 200
