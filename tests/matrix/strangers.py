"""Servers that are not the provider: one that only listens, ones with a wrong certificate, a door that closes."""

import contextlib
import datetime
import http.server
import socket
import ssl
import tempfile
import threading
from pathlib import Path


class Stranger:
    """Somebody a redirect leads to. It must never hear anything."""

    def __init__(self):
        heard = self.heard = []

        class Listens(http.server.BaseHTTPRequestHandler):
            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def answer(self):
                heard.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listens)
        self.url = f"http://127.0.0.1:{self._server.server_port}/elsewhere"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Listener:
    """A port, and what is done with each connection to it."""

    def __init__(self, handle):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._handle = handle
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection) -> None:
        with contextlib.suppress(OSError, ssl.SSLError), connection:
            self._handle(connection)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class SilentPort:
    """A port whose queue is full: connecting to it neither succeeds nor fails."""

    def __init__(self):
        self._sockets = [socket.socket() for _ in range(5)]
        full, *waiting = self._sockets
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        self.port = full.getsockname()[1]
        for one in waiting:
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(full.getsockname())

    def close(self) -> None:
        for one in self._sockets:
            one.close()


class OneGuest:
    """A door in front of the sandbox that lets one connection through and is then shut: what is read arrives, what is
    written afterwards finds nobody."""

    def __init__(self, port: int):
        self._to = port
        self._listener = Listener(self._pass)
        self.port = self._listener.port

    def _pass(self, connection) -> None:
        self._listener.close()
        with socket.create_connection(("127.0.0.1", self._to)) as there:
            back = threading.Thread(target=_copy, args=(there, connection), daemon=True)
            back.start()
            _copy(connection, there)
            back.join()

    def close(self) -> None:
        self._listener.close()


def _copy(from_, to) -> None:
    with contextlib.suppress(OSError):
        while data := from_.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)


class Authority:
    """A certificate authority for one run: what it signs for us is believed, once `bundle` is."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="desk-proof-tls-")
        self._key, self._name = _key(), _name("Proof authority")
        self._certificate = _certificate(self._name, self._name, self._key, self._key, authority=True)
        self.bundle = str(self._file("authority.pem", _pem(self._certificate)))

    def listener(self, *, name: str = "localhost", days: int = 1, known: bool = True) -> Listener:
        """A TLS port with a certificate for `name` that ends in `days`, signed by us or by itself."""
        key = _key()
        issuer, signer = (self._name, self._key) if known else (_name(name), key)
        certificate = _certificate(_name(name), issuer, key, signer, days=days, host=name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._file(f"{name}{days}{known}.pem", _pem(certificate) + _pem_key(key)))

        def handle(connection):
            with context.wrap_socket(connection, server_side=True) as inside:
                inside.recv(65536)  # a client that gets here has sent its key: judged by what the cell then holds
                inside.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        return Listener(handle)

    def _file(self, name: str, content: bytes) -> Path:
        path = Path(self._folder.name) / name
        path.write_bytes(content)
        return path

    def close(self) -> None:
        self._folder.cleanup()


def _key():
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str):
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _certificate(subject, issuer, key, signer, *, days: int = 1, host: str = "", authority: bool = False):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _pem(certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _pem_key(key) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
