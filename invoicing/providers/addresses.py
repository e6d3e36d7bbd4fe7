"""Which addresses a call may go to. A name is resolved once, every answer checked, and that very address connected to.

Anyone who can set a base URL or a PDF link could otherwise make this server read its own network. Private addresses are
allowed only by setting (the sandbox, a self-hosted server); link-local ones, where clouds keep their credentials, never.
Errors: Blocked, a NotSent: nothing left this machine.
"""

import ipaddress
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from invoicing.providers.errors import NotSent

LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
EMBEDDING = tuple(  # IPv6 networks whose addresses carry an IPv4 address, which would go unchecked
    ipaddress.ip_network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
UNREACHABLE_BY_NAME = ("metadata.google.internal", "metadata")


class Blocked(NotSent):
    """Our own guard refused the address; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL points, taken apart once and never parsed again."""

    scheme: str
    host: str
    port: int
    target: str  # path and query, as they go onto the request line

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.scheme == "https" else 80)
        return f"{self.scheme}://{host}" if usual else f"{self.scheme}://{host}:{self.port}"


def place(url: str, *, allow_private: bool = False) -> Place:
    """The URL taken apart; every form that two parsers might read differently is refused."""
    if not isinstance(url, str) or not url or len(url) > 4096:
        raise Blocked("This is not a usable URL.")
    if not url.isascii() or not url.isprintable() or re.search(r"[\s\\<>\"^`{|}]", url):
        raise Blocked("The URL has characters that do not belong in one.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Blocked("The URL cannot be read.") from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise Blocked("Only https URLs are called.")
    if "@" in parts.netloc:
        raise Blocked("A URL with a user name in it is not called.")
    if parts.fragment or "#" in url:
        raise Blocked("A URL with a fragment is not called.")
    if not re.fullmatch(r"(\[[^\]]*\]|[^\[\]:]*)(:[0-9]+)?", parts.netloc) or port == 0:
        raise Blocked("The URL's port cannot be used.")
    host = _host(parts.hostname or "", bracketed=parts.netloc.startswith("["))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


def _host(host: str, *, bracketed: bool) -> str:
    if bracketed:
        if "%" in host:
            raise Blocked("The URL's host names a network card.")
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise Blocked("The URL's host is not an IPv6 address.") from None
    labels = host.split(".")
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise Blocked("The URL's host is not a plain name.")
    if NUMERIC.fullmatch(labels[-1]):  # 2130706433, 0x7f.1, 127.1, 0177.0.0.1: only the dotted quad is allowed
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise Blocked("The URL's host is a number in an odd form.") from None
    if host in UNREACHABLE_BY_NAME:
        raise Blocked("The URL's host is not called.")
    return host


def check(address: str, *, allow_public: bool = True, allow_private: bool = False, scheme: str = "https") -> None:
    """Refuses an address that may not be called. Plain http goes to private addresses only, and only where allowed."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 6 and ip.ipv4_mapped:
        raise Blocked("The host's address hides another one.")
    local = ip.is_link_local or (ip.version == 6 and ip.is_site_local)
    if local or ip.is_unspecified or ip.is_multicast or (ip.is_reserved and not ip.is_private):
        raise Blocked("The host's address is not one to call.")
    if ip.is_loopback or (not ip.is_global and not _embeds(ip)):
        if not allow_private:
            raise Blocked("The host is on a private network.")
        return
    if _embeds(ip):
        raise Blocked("The host's address hides another one.")
    if not allow_public:
        raise Blocked("This provider's key is not used for that host.")
    if scheme != "https":
        raise Blocked("Only https is used on the public network.")


def _embeds(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.version == 6 and not ip.is_loopback and any(ip in network for network in EMBEDDING)


def resolve(
    where: Place,
    *,
    allow_public: bool = True,
    allow_private: bool = False,
    lookup: Callable[..., list] = socket.getaddrinfo,
) -> list[str]:
    """The host's addresses, all of them allowed: one forbidden answer among good ones is a trick, so it refuses all."""
    try:
        answers = lookup(where.host, where.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent("The provider's host name cannot be resolved.") from None
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if not addresses:
        raise NotSent("The provider's host name cannot be resolved.")
    for address in addresses:
        check(address, allow_public=allow_public, allow_private=allow_private, scheme=where.scheme)
    return addresses


def connect(addresses: list[str], port: int, *, timeout: float, clock: Callable[[], float] = time.monotonic):
    """A socket to the first address that answers within the time. Errors: NotSent."""
    until = clock() + timeout
    problem = "in time"
    for address in addresses:
        left = until - clock()
        if left <= 0:
            break
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(left)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect((address, port))
            return made
        except TimeoutError:
            made.close()
        except OSError as error:
            made.close()
            problem = f"({error.strerror or type(error).__name__})"
    raise NotSent(f"The provider cannot be reached {problem}.")
