"""Connections that break, drip, lie about their length or their name, over real sockets."""

import datetime
import ipaddress
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from invoicing.providers.errors import (
    NotSent,
    Unknown,
)
from tests.providers.misbehaving import (
    ONE,
    READ,
    WRITE,
    answer,
    cut,
    dripping,
    raises_exactly,
    reset,
)

BROKEN = {
    "shorter than announced": cut(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"id"'
    ),
    "chunks cut": cut(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id"'
    ),
    "chunks garbled": cut(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"
    ),
    "no answer": cut(b""),
    "reset": reset,
    "no http": cut(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "half a head": cut(b"HTTP/1.1 200 OK\r\nContent-Ty"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_connection_that_breaks_after_sending_is_unknown(serve, wire, case):
    server = serve(BROKEN[case])

    with pytest.raises(Unknown):
        wire(server.url).call(WRITE, path=ONE, key="op-1")

    assert len(server.heads) == 1


@pytest.mark.parametrize("case", BROKEN)
def test_a_read_that_breaks_is_tried_again(serve, wire, naps, case):
    server = serve(BROKEN[case], BROKEN[case], answer())

    assert wire(server.url).call(READ, path=ONE).json() == {"id": "in_1"}
    assert len(server.heads) == 3
    assert 0.25 <= naps[0] <= 0.75
    assert 0.5 <= naps[1] <= 1.5


@pytest.mark.parametrize(
    "slow",
    [
        dripping(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[", b"0,"),
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        dripping(b"HTTP/1.1 200", b" "),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        dripping(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"
        ),
        lambda connection: time.sleep(3),
    ],
    ids=["body", "headers", "status line", "continues", "chunks", "silence"],
)
def test_the_deadline_is_total_however_the_answer_drips(serve, wire, slow):
    server = serve(slow)
    began = time.monotonic()

    with pytest.raises(Unknown):
        wire(server.url, deadline=0.5).call(WRITE, path=ONE)

    assert time.monotonic() - began < 1.5


def test_nothing_listening_is_not_sent(wire, naps):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]

    for endpoint, naps_taken in ((WRITE, 0), (READ, 3)):
        naps.clear()
        with raises_exactly(NotSent, match="reached"):
            wire(f"http://127.0.0.1:{free}").call(endpoint, path=ONE)
        assert len(naps) == naps_taken


def test_a_name_that_does_not_exist_is_not_sent(wire):
    with raises_exactly(NotSent, match="resolved"):
        wire("http://no-such-host.invalid").call(WRITE, path=ONE)


def test_a_connection_that_is_never_accepted_is_not_sent(wire):
    """A full backlog: the handshake is left hanging."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        with raises_exactly(NotSent):
            wire(f"http://127.0.0.1:{port}", connect_timeout=0.3).call(WRITE, path=ONE)
        for one in waiting:
            one.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for localhost and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def test_an_untrusted_certificate_is_not_sent_to(serve, wire, tls):
    server = serve(answer(), tls=tls)

    with raises_exactly(NotSent, match="certificate"):
        wire(server.url.replace("http:", "https:")).call(WRITE, path=ONE)

    assert server.heads == []


def test_a_certificate_for_another_name_is_not_sent_to(serve, wire, tls, certificate):
    server = serve(answer(), tls=tls)

    with raises_exactly(NotSent, match="certificate"):
        wire(f"https://localhost:{server.port}", ca_file=str(certificate / "cert.pem")).call(WRITE, path=ONE)


def test_plain_text_on_the_tls_port_is_not_sent_to(serve, wire):
    server = serve(cut(b"HTTP/1.1 400 Bad Request\r\n\r\n"))

    with raises_exactly(NotSent):
        wire(server.url.replace("http:", "https:")).call(WRITE, path=ONE)


def test_a_trusted_certificate_and_a_deadline_over_tls(serve, wire, tls, certificate):
    server = serve(answer(), dripping(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[", b"0,"), tls=tls)
    line = wire(server.url.replace("http:", "https:"), ca_file=str(certificate / "cert.pem"), deadline=0.5)

    assert line.call(READ, path=ONE).json() == {"id": "in_1"}
    began = time.monotonic()
    with raises_exactly(Unknown, match="in time"):
        line.call(WRITE, path=ONE)
    assert time.monotonic() - began < 1.5
