"""One host's connections: opened only to checked addresses, read only until the deadline.

urllib3 alone, without a session above it: it reads no environment, no .netrc, no cookie, and follows and repeats nothing
unless it is told to. A socket timeout is per read, so a body that drips would run on; here each read gets what is left.
"""

import http.client
import io
import logging
import math
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from invoicing.providers import addresses
from invoicing.providers.errors import NotSent, NotUnderstood, TooLarge, Unknown

CHUNK = 64 * 1024

logging.getLogger("urllib3").setLevel(logging.ERROR)  # its lower lines carry URLs, and some URLs are secrets


@cache
def trusted(ca_file: str | None = None) -> ssl.SSLContext:
    """What certificates we believe: the usual authorities, and a company's own where the settings name one."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.hostname_checks_common_name = False  # only what a certificate states as its names counts
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


class Transport:
    """Sends one request at a time to one host; a thread of its own each.

    Errors: NotSent until the connection stands and `before_first_byte` has returned, Unknown from then on.
    """

    def __init__(
        self,
        where: addresses.Place,
        *,
        connect_timeout: float = 5,
        allow_public: bool = True,
        allow_private: bool = False,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.where, self.clock, self.connect_timeout = where, clock, connect_timeout
        self.allow_public, self.allow_private = allow_public, allow_private
        self.deadline = math.inf
        self.established = True
        self.before_first_byte: Callable[[], object] | None = None
        if where.scheme == "https":
            self.pool: urllib3.HTTPConnectionPool = _TlsPool(
                where.host, where.port, maxsize=1, ssl_context=tls or trusted(), transport=self
            )
        else:
            self.pool = _PlainPool(where.host, where.port, maxsize=1, transport=self)

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        deadline: float,
        before_first_byte: Callable[[], object] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer's head; its body is still on the wire."""
        self.deadline, self.before_first_byte, self.established = deadline, before_first_byte, True
        try:
            return self.pool.urlopen(
                method,
                target,
                body=body,
                headers=dict(headers),
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(total=max(deadline - self.clock(), 0.001)),
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise self._ended(error) from None  # the cause's text has the URL

    def read(self, answer: urllib3.BaseHTTPResponse, *, cap: int) -> bytes:
        """The whole body. Errors: TooLarge beyond the cap; NotUnderstood when compressed; Unknown when it breaks off."""
        try:
            if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
                raise NotUnderstood("The answer is compressed, which was not asked for.", status=answer.status)
            if answer.headers.get("Content-Length", "").isdigit() and int(answer.headers["Content-Length"]) > cap:
                raise TooLarge(f"The answer is larger than {cap // 2**20} MiB.", status=answer.status)
            body = bytearray()
            while piece := answer.read(CHUNK, decode_content=False):
                body += piece
                if len(body) > cap:
                    raise TooLarge(f"The answer is larger than {cap // 2**20} MiB.", status=answer.status)
            answer.release_conn()
            return bytes(body)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise self._ended(error, status=answer.status) from None
        finally:
            answer.close()

    def close(self) -> None:
        self.pool.close()

    def dial(self) -> socket.socket:
        """A connection to one of the host's checked addresses."""
        found = addresses.resolve(self.where, allow_public=self.allow_public, allow_private=self.allow_private)
        timeout = min(self.connect_timeout, self.deadline - self.clock())
        return addresses.connect(found, self.where.port, timeout=timeout, clock=self.clock)

    def _ended(self, error: Exception, status: int | None = None) -> NotSent | Unknown:
        if not self.established:
            if isinstance(error, (urllib3.exceptions.SSLError, ssl.SSLError)):
                return NotSent("The provider's certificate or encryption was not accepted.")
            return NotSent("The provider cannot be reached.")
        if isinstance(error, (urllib3.exceptions.TimeoutError, TimeoutError)):
            return Unknown("The provider did not answer in time.", status=status)
        return Unknown(f"The connection broke before the answer was complete ({type(error).__name__}).", status=status)


class _UntilDeadline(io.RawIOBase):
    """A socket's bytes; each read may take only what is left until the transport's deadline."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, transport: Transport):
        self.sock, self.raw, self.transport = sock, raw, transport

    def readable(self) -> bool:
        return True

    def readinto(self, buffer):
        left = self.transport.deadline - self.transport.clock()
        if left <= 0:
            raise TimeoutError("deadline")
        self.sock.settimeout(left)
        return self.raw.readinto(buffer)

    def close(self) -> None:
        self.raw.close()
        super().close()


class _Guarded:
    """What both kinds of connection do otherwise than urllib3's."""

    transport: Transport

    def __init__(self, *args, transport: Transport, **options):
        self.transport = transport
        super().__init__(*args, **options)

    def _new_conn(self) -> socket.socket:
        return self.transport.dial()

    def connect(self) -> None:
        transport = self.transport
        transport.established = False
        super().connect()  # type: ignore[misc]
        if transport.clock() >= transport.deadline:
            raise NotSent("The deadline passed before anything was sent.")
        if transport.before_first_byte:
            transport.before_first_byte()
        transport.established = True

    def response_class(self, sock: socket.socket, method: str | None = None) -> http.client.HTTPResponse:
        answer = http.client.HTTPResponse(sock, method=method)
        answer.fp = io.BufferedReader(_UntilDeadline(sock, answer.fp.detach(), self.transport))
        return answer


class _Plain(_Guarded, HTTPConnection):  # type: ignore[misc]
    pass


class _Tls(_Guarded, HTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Tls
