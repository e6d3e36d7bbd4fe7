"""A server that misbehaves as told, over real sockets, and a wire to it: for the tests of everything that calls out."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from invoicing.providers.base import Endpoint, Provider
from invoicing.providers.http import Wire
from invoicing.providers.secret import Secret

KEY = "sk_live_canary_0123456789"
READ = Endpoint("GET", "/invoices/{invoice_id}", safe=True)
SEARCH = Endpoint("POST", "/invoices/search", safe=True)
WRITE = Endpoint("POST", "/invoices/{invoice_id}/void", safe=False)
DELETE = Endpoint("DELETE", "/invoices/{invoice_id}/lines/x", safe=False, answers="none")
PDF = Endpoint("GET", "/invoices/{invoice_id}/pdf", safe=True, answers="pdf")
ONE = {"invoice_id": "in_1"}


class Example(Provider):
    """A provider whose errors look like {"detail": "words"}."""

    key = "example"
    name = "Example"
    hosts = ("api.example.com",)
    endpoints = {}

    def error_text(self, payload):
        return payload.get("detail") if isinstance(payload, dict) and isinstance(payload.get("detail"), str) else None


class Server:
    """Answers each request with the next of its answers (the last one again and again); keeps what it was sent."""

    def __init__(self, *answers, tls=None):
        self.answers, self.heads, self.bodies, self.tls = list(answers), [], [], tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            while self._one(connection):
                pass
        except (OSError, ValueError):  # the wire hung up, or the test is over
            pass
        finally:
            connection.close()

    def _one(self, connection):
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            if not piece:
                return False
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        head = head.decode()
        length = next(
            (int(line.split(":")[1]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0
        )
        while len(body) < length:
            piece = connection.recv(65536)
            if not piece:
                return False
            body += piece
        self.heads.append(head)
        self.bodies.append(body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer(connection)
            return False
        connection.sendall(answer)
        return b"Connection: close" not in answer

    def close(self):
        self.listener.close()


def answer(body=b'{"id": "in_1"}', status="200 OK", kind="application/json", **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"] + ([f"Content-Type: {kind}"] if kind else [])
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def dripping(head, piece, every=0.05):
    def drip(connection):
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(every)

    return drip


def cut(data):
    return lambda connection: connection.sendall(data)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


@pytest.fixture
def serve():
    servers = []

    def start(*answers, **options):
        servers.append(Server(*answers, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def naps():
    return []


@pytest.fixture
def wire(naps):
    """A wire to a server of the test; what it sleeps is kept in `naps` instead of being slept."""

    def make(base_url, **options):
        options = {"deadline": 2, "connect_timeout": 1, "allow_private_hosts": True, "sleep": naps.append} | options
        return Wire(provider=Example(), base_url=base_url, api_key=Secret(KEY), **options)

    return make


@contextmanager
def raises_exactly(kind, match=None):
    """The very class: a Refused that is a Missing is another claim."""
    with pytest.raises(kind, match=match) as caught:
        yield caught
    assert type(caught.value) is kind
