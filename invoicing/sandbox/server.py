"""The HTTP server: HTTP/1.1 with keep-alive, one thread a connection, every provider below its mount."""

import contextlib
import itertools
import socket
import threading
import time
import traceback
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from .control import Control, Wrong
from .core import Headers, Request, Response, Simulator
from .faults import Drop, Faults
from .world import World

CONTROL = "/_sandbox"
REMEMBERED = 20_000  # requests
LARGEST = 64 << 20  # bytes of a request's body


class Unreadable(Exception):
    """The body's length cannot be told, or is too large; carries the HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class SandboxServer(ThreadingHTTPServer):
    """All simulators behind one address."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], world: World, simulators: list[type[Simulator]], latency: float = 0):
        self.world = world
        self.latency = latency  # seconds before every provider's answer
        self.simulators = {made.name: made for made in (simulator(world) for simulator in simulators)}
        self.mounts = sorted(self.simulators.values(), key=lambda simulator: -len(simulator.mount))
        self.faults = Faults()
        self.heard: deque[dict] = deque(maxlen=REMEMBERED)
        self.requests = itertools.count(1)
        self.control = Control(world, self.simulators, self.faults, self.heard)
        world.rearm()
        super().__init__(address, Handler)
        world.origin = self.url
        threading.Thread(target=self._keep_time, daemon=True).start()

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.server_address[:2])

    def _keep_time(self) -> None:
        while True:
            try:
                self.world.run_due()
            except Exception:  # a timer that fails must not stop the others
                traceback.print_exc()
            self.world.wait_for_next_timer()

    def mounted(self, path: str) -> tuple[Simulator | None, str]:
        """The simulator of a path, and the path below its mount."""
        for simulator in self.mounts:
            if path == simulator.mount or path.startswith(simulator.mount + "/"):
                return simulator, path[len(simulator.mount) :] or "/"
        return None, path

    def handle_error(self, request, client_address):
        """A client that hangs up is none of our worries."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "sandbox"
    sys_version = ""
    server: SandboxServer

    def handle_one_request(self):
        self._sending = {}
        super().handle_one_request()

    def __getattr__(self, name):
        if name.startswith("do_"):  # any method: simulators decide which exist
            return self.respond
        raise AttributeError(name)

    def log_message(self, format, *arguments):
        """Quiet: the clients under test do the talking."""

    def version_string(self) -> str:
        return self.server_version

    def respond(self) -> None:
        if self.request_version == "HTTP/0.9":  # no header can be answered, not even an error
            self._hang_up()
            return
        try:
            body = self._body()
        except Unreadable as trouble:
            self.close_connection = True  # where the next request would begin is not known
            self._send(Response(trouble.status, {"error": str(trouble)}, {"Connection": "close"}))
            return
        except Drop:
            self._hang_up()
            return
        url = urlsplit(self.path)
        origin = f"http://{self.headers.get('Host') or self.server.url.removeprefix('http://')}"
        if url.path == CONTROL or url.path.startswith(CONTROL + "/"):
            self._control(url, body, origin)
            return
        simulator, below = self.server.mounted(url.path)
        if simulator is None:
            self._send(Response(404, {"error": f"Nothing is mounted here; see {CONTROL}/connections"}))
            return
        request = Request(
            method="GET" if self.command == "HEAD" else self.command,
            path=below,
            query=parse_qsl(url.query, keep_blank_values=True),
            headers=Headers(self.headers.items()),
            body=body,
            mount=simulator.mount,
            base_url=origin + simulator.mount,
        )
        if self.server.latency:
            time.sleep(self.server.latency)
        heard = self._note(simulator, request, url.query)
        try:
            self.server.world.run_due()
            response, sending = self.server.faults.answer(simulator, request)
            heard["status"] = response.status
        except Drop:
            self._hang_up()
            return
        except Exception:  # our own mistake: say so, loudly, in the log and in the answer
            traceback.print_exc()
            response, sending = Response(500, {"sandbox_error": traceback.format_exc().splitlines()[-1]}), {}
        self._send(response, **sending)

    def _note(self, simulator: Simulator, request: Request, query: str) -> dict:
        """Keep that it was asked, without the key that came along; the status follows when it is answered."""
        heard = {
            "number": next(self.server.requests),
            "connection": simulator.name,
            "method": request.method,
            "path": request.path + (f"?{query}" if query else ""),
            "key": request.headers.get("Idempotency-Key"),
            "body": request.body[:2000].decode(errors="replace"),
            "status": None,
        }
        self.server.heard.append(heard)
        return heard

    def _body(self) -> bytes:
        """The whole body. Errors: Unreadable; Drop when the client hung up in the middle, for then it asked nothing."""
        lengths = {value.strip() for value in self.headers.get_all("Content-Length", [])} - {""}
        coding = self.headers.get("Transfer-Encoding")
        if coding is None:
            if len(lengths) > 1 or not all(length.isascii() and length.isdigit() for length in lengths):
                raise Unreadable(400, "The length of the body is no number")
            return self._exactly(int(lengths.pop()) if lengths else 0)
        if coding.strip().lower() != "chunked":
            raise Unreadable(501, "The only transfer coding here is chunked")
        if lengths:
            raise Unreadable(400, "A body has a length or is chunked, not both")
        parts, total = [], 0
        while size := self._chunk_size():
            total += size
            parts.append(self._exactly(size if total <= LARGEST else total))
            self.rfile.readline(1000)
        while self.rfile.readline(1000).strip():
            pass
        return b"".join(parts)

    def _chunk_size(self) -> int:
        digits = self.rfile.readline(1000).split(b";")[0].strip()
        if not digits or digits.strip(b"0123456789abcdefABCDEF"):
            raise Unreadable(400, "The length of a chunk is no number")
        return int(digits, 16)

    def _exactly(self, size: int) -> bytes:
        if size > LARGEST:
            raise Unreadable(413, f"A body has at most {LARGEST} bytes")
        body = self.rfile.read(size) if size else b""
        if len(body) < size:
            raise Drop
        return body

    def _control(self, url, body: bytes, origin: str) -> None:
        try:
            answer = self.server.control.answer(self.command, url.path[len(CONTROL) :], url.query, body, origin)
        except Wrong as wrong:
            self._send(Response(wrong.status, {"error": str(wrong)}))
            return
        if isinstance(answer, dict | list):
            self._send(Response(200, answer))
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/jsonl")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in answer:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, response: Response, cut=False, length=True, seconds: float = 0, where: str = "body") -> None:
        """Write the answer in one piece; cut in half, or dripping over `seconds`, when a fault wants it so."""
        body = response.encoded()
        self.send_response(response.status)
        if response.body is not None:
            self.send_header("Content-Type", response.content_type)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 204 and length:
            self.send_header("Content-Length", str(len(body)))
        if not length:
            self.send_header("Connection", "close")
        self._headers_buffer.append(b"\r\n")
        head, self._headers_buffer = b"".join(self._headers_buffer), []
        if self.command == "HEAD" or response.status == 204:
            body = b""
        if cut:
            self.wfile.write(head + body[: len(body) // 2])
            self._hang_up()
        elif seconds:
            dripping = head + body if where == "headers" else body
            self.wfile.write(b"" if where == "headers" else head)
            step = max(1, len(dripping) // 50)
            for start in range(0, len(dripping), step):
                self.wfile.write(dripping[start : start + step])
                time.sleep(seconds / 50)
        else:
            self.wfile.write(head + body)

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):  # the client was faster
            self.connection.shutdown(socket.SHUT_RDWR)


def serve(world: World, simulators: list[type[Simulator]], host: str, port: int, latency: float = 0) -> SandboxServer:
    """A server that is listening; the caller runs `serve_forever`."""
    return SandboxServer((host, port), world, simulators, latency)
