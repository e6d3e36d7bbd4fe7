"""One connection's wire: everything that is true of every call to every provider, held once.

- The key goes to the configured host and nowhere else: no redirect is followed, no environment is read.
- An answer is read whole, uncompressed, within a total deadline and a byte cap; JSON is looked through before it is believed.
- A read (`Endpoint.safe`) is tried up to four times. A write is tried once, on a connection of its own.

Errors: the family in errors.py, translated in translation.py. Keys and signed links are in none of them.
"""

import math
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urljoin

from invoicing.providers import strict_json
from invoicing.providers.addresses import Blocked, place
from invoicing.providers.base import Answer, Endpoint, Provider
from invoicing.providers.errors import (
    Missing,
    NotSent,
    NotUnderstood,
    ProviderError,
    RateLimited,
    TooLarge,
    Unknown,
)
from invoicing.providers.secret import Secret
from invoicing.providers.translation import error_for
from invoicing.providers.transport import Transport, trusted

JSON_CAP = 10 * 2**20
PDF_CAP = 25 * 2**20
ERROR_CAP = 256 * 2**10
TRIES = 4
LONGEST_PATIENCE = 10.0  # a longer Retry-After is for the job to wait out, not for a worker to sleep through
MAX_REDIRECTS = 3
ACCEPTS = {"json": "application/json", "pdf": "application/pdf", "none": "*/*"}
JSON_TYPE = re.compile(r"application/([\w.-]+\+)?json", re.ASCII)
PDF_TYPES = ("application/pdf", "application/octet-stream", "binary/octet-stream", "application/x-pdf")


class Pacer(Protocol):
    def wait(self) -> object:
        """Returns when the connection may send its next request."""


class NoPacing:
    def wait(self) -> None:
        return None


class Wire:
    """Implements base.Http for one connection; one instance per job, not shared by threads.

    Units: all times in seconds. `deadline` bounds one try, with everything in it but the wait for its turn and the name
    lookup; `budget` bounds all tries together. `before_write` is called when the connection stands, right before a
    write's first byte: raising there leaves nothing sent.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        base_url: str,
        api_key: Secret,
        write_key: Callable[[], Secret] | None = None,
        pacer: Pacer | None = None,
        deadline: float = 30,
        connect_timeout: float = 5,
        budget: float = 90,
        allow_private_hosts: bool = False,
        extra_hosts: Iterable[str] = (),
        user_agent: str = "invoice-desk",
        before_write: Callable[[], object] | None = None,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ):
        self.provider, self.api_key, self._open_write_key = provider, plausible(api_key), write_key
        self.pacer = pacer or NoPacing()
        self.deadline, self.connect_timeout, self.budget = deadline, connect_timeout, budget
        self.allow_private = allow_private_hosts
        self.user_agent, self.before_write = user_agent, before_write
        self.clock, self.sleep = clock, sleep
        self.tls = trusted(ca_file)
        self.base = place(base_url, allow_private=allow_private_hosts)
        if "?" in self.base.target:
            raise Blocked("A base URL has no query.")
        self.root = self.base.target.rstrip("/")
        self.known_host = self.base.host in {*provider.hosts, *extra_hosts}
        if not self.known_host and not allow_private_hosts:
            raise Blocked(f"{provider.name} keys are not used for {self.base.host}.")
        self._reading: Transport | None = None

    def call(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] | None = None,
        query: Iterable[tuple[str, str]] = (),
        body: Any = None,
        key: str = "",
    ) -> Answer:
        target = self._target(endpoint, path or {}, query)
        content = None if body is None else strict_json.dumps(body)
        headers = self._headers(endpoint, has_body=content is not None, key=key)
        if not endpoint.safe:
            return self._once(endpoint, target, headers, content)
        stop = self.clock() + self.budget
        for turn in range(TRIES):
            try:
                return self._once(endpoint, target, headers, content, stop=stop)
            except ProviderError as error:
                pause = self._pause_after(error, turn)
                if pause is None or self.clock() + pause >= stop:
                    raise
            self.sleep(pause)
        raise AssertionError("unreachable")

    def fetch_document(self, url: str) -> bytes:
        """A PDF behind a keyless link: address checked at every hop, at most three redirects, begins with %PDF-."""
        until = self.clock() + self.deadline
        for _ in range(MAX_REDIRECTS + 1):
            where = place(url, allow_private=self.allow_private)
            transport = self._transport(where, any_public_host=True)
            try:
                answer = transport.send("GET", where.target, headers=self._plain_headers("pdf"), deadline=until)
                if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
                    url = urljoin(url, answer.headers["Location"])
                    answer.close()
                    continue
                if answer.status in (401, 403, 404, 410):
                    raise Missing("The link to the document no longer works.", status=answer.status)
                if answer.status != 200:
                    raise Unknown("The document could not be fetched.", status=answer.status)
                return _pdf(answer.headers, transport.read(answer, cap=PDF_CAP))
            finally:
                transport.close()
        raise Unknown("The link to the document leads in circles.")

    def close(self) -> None:
        if self._reading:
            self._reading.close()

    def _once(
        self, endpoint: Endpoint, target: str, headers: dict, content: bytes | None, *, stop: float = math.inf
    ) -> Answer:
        """One try. A write gets a connection of its own, lest a stale one turn it into an unknown."""
        self.pacer.wait()
        until = min(self.clock() + self.deadline, stop)  # waiting for one's turn is not the provider's time
        if endpoint.safe:
            transport = self._reading = self._reading or self._transport(self.base)
        else:
            transport = self._transport(self.base)
        try:
            answer = transport.send(
                endpoint.method,
                target,
                headers=headers,
                body=content,
                deadline=until,
                before_first_byte=None if endpoint.safe else self.before_write,
            )
            if answer.status not in (200, 201, 202, 204):
                raise self._error(endpoint, answer, transport)
            body = transport.read(answer, cap=PDF_CAP if endpoint.answers == "pdf" else JSON_CAP)
        finally:
            if not endpoint.safe:
                transport.close()
        if endpoint.answers == "json":
            _json(answer.status, answer.headers, body)
        elif endpoint.answers == "pdf":
            _pdf(answer.headers, body)
        return Answer(status=answer.status, body=body, headers=answer.headers)

    def _error(self, endpoint: Endpoint, answer: Any, transport: Transport) -> ProviderError:
        body = b""
        if answer.status >= 400:
            try:
                body = transport.read(answer, cap=ERROR_CAP)
            except ProviderError:  # the status alone says enough
                body = b""
        answer.close()
        return error_for(
            answer.status,
            answer.headers,
            body,
            provider=self.provider,
            safe=endpoint.safe,
            secrets=(self.api_key, *([] if endpoint.safe else [self.key_for(endpoint)])),
        )

    def _pause_after(self, error: ProviderError, turn: int) -> float | None:
        """How long before a read is tried again; None when it is not."""
        if turn == TRIES - 1 or isinstance(error, Blocked | TooLarge):
            return None
        if not isinstance(error, RateLimited | Unknown | NotSent):
            return None
        if error.status is not None and 300 <= error.status < 500 and not isinstance(error, RateLimited):
            return None  # a redirect or a stranger's 404 does not pass by waiting
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= LONGEST_PATIENCE else None
        return 0.5 * 2**turn * random.uniform(0.5, 1.5)  # noqa: S311  spreads workers, keeps no secret

    def _target(self, endpoint: Endpoint, values: Mapping[str, str], query: Iterable[tuple[str, str]]) -> str:
        quoted = {}
        for name, value in values.items():
            if not value or set(value) == {"."} or not value.isprintable():
                raise Blocked(f"{name} cannot be part of an address.")
            quoted[name] = quote(value, safe="")
        pairs = urlencode(list(query))
        return self.root + endpoint.path.format_map(quoted) + (f"?{pairs}" if pairs else "")

    def _headers(self, endpoint: Endpoint, *, has_body: bool, key: str) -> dict[str, str]:
        headers = self._plain_headers(endpoint.answers)
        headers |= self.provider.auth_headers(self.key_for(endpoint).reveal())
        if has_body:
            headers["Content-Type"] = "application/json"
        if key:
            if not re.fullmatch(r"[\x21-\x7e]{1,64}", key):
                raise Blocked("An idempotency key has at most 64 plain characters.")
            headers["Idempotency-Key"] = key
        return headers

    def key_for(self, endpoint: Endpoint) -> Secret:
        """The key that reads; for what changes something the key kept for that, opened only now, where there is one."""
        return self.api_key if endpoint.safe or self._open_write_key is None else plausible(self._open_write_key())

    def _plain_headers(self, answers: str) -> dict[str, str]:
        return {"Accept": ACCEPTS[answers], "Accept-Encoding": "identity", "User-Agent": self.user_agent}

    def _transport(self, where, *, any_public_host: bool = False) -> Transport:
        return Transport(
            where,
            connect_timeout=self.connect_timeout,
            allow_public=any_public_host or self.known_host,
            allow_private=self.allow_private,
            tls=self.tls,
            clock=self.clock,
        )


def plausible(key: Secret) -> Secret:
    """Errors: ValueError for what cannot be a key."""
    if not re.fullmatch(r"[\x21-\x7e]+", key.reveal()):
        raise ValueError("The key has characters that no key has, a space or a line end perhaps.")
    return key


def _json(status: int, headers: Mapping[str, str], body: bytes) -> None:
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not JSON_TYPE.fullmatch(kind):
        raise NotUnderstood(f"The answer is not JSON but {kind[:60] or 'of no stated type'}.", status=status)
    strict_json.check(body)


def _pdf(headers: Mapping[str, str], body: bytes) -> bytes:
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in PDF_TYPES or not body.startswith(b"%PDF-"):
        raise NotUnderstood(f"The answer is not a PDF but {kind[:60] or 'of no stated type'}.")
    return body
