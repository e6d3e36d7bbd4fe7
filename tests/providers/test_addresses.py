"""No URL that anyone can enter makes this server call its own network, and none is read two ways."""

import socket

import pytest

from invoicing.providers import addresses
from invoicing.providers.addresses import Blocked, Place, place, resolve
from invoicing.providers.errors import NotSent

ODD_FORMS = [
    "",
    "https",
    "https:",
    "https:/api.withorb.com",
    "https:///v1",
    "//api.withorb.com/v1",
    "/v1/invoices",
    "http://api.withorb.com/v1",
    "HTTP://api.withorb.com",
    "ftp://api.withorb.com",
    "file:///etc/passwd",
    "gopher://api.withorb.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "dict://api.withorb.com",
    "jar:https://api.withorb.com!/",
    "https://user@api.withorb.com",
    "https://user:word@api.withorb.com",
    "https://api.withorb.com@evil.example",
    "https://api.withorb.com:443@evil.example",
    "https://@evil.example",
    "https://api.withorb.com%40evil.example",
    "https://api.withorb.com#@evil.example",
    "https://api.withorb.com/#fragment",
    "https://api.withorb.com#",
    "https://evil.example\\@api.withorb.com",
    "https://api.withorb.com\\.evil.example",
    "https:\\\\api.withorb.com",
    "https://api.withorb.com/ v1",
    "https://api.withorb.com/\tv1",
    "https://api.withorb.com/\r\nHost: evil.example",
    "https://api.withorb.com/\nX: 1",
    " https://api.withorb.com",
    "https://api.withorb.com\x00",
    "https://api.withorb.com\x7f",
    "https://api.withorb.com/\u200b",
    "https://apí.withorb.com",
    "https://api.withorb.com\u3000",
    "https://api。withorb。com",
    "https://ⓐpi.withorb.com",
    "https://①②⑦.0.0.1",
    "https://api.withorb.com.",
    "https://api..withorb.com",
    "https://.withorb.com",
    "https://-api.withorb.com",
    "https://api-.withorb.com",
    "https://api.withorb.com:",
    "https://api.withorb.com:0",
    "https://api.withorb.com:65536",
    "https://api.withorb.com:-1",
    "https://api.withorb.com:x",
    "https://api.withorb.com:443:80",
    "https://api.withorb.com: 443",
    "https://*.withorb.com",
    "https://api$.withorb.com",
    "https://api%2ewithorb.com",
    "https://127%2e0.0.1",
    "https://" + "a" * 64 + ".com",
    "https://" + "a." * 130 + "com",
    "https://api.withorb.com/" + "a" * 5000,
    "https://[::1",
    "https://::1/",
    "https://[::1]x/",
    "https://[api.withorb.com]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[::ffff:127.0.0.1%251]/",
    "https://[v1.fe80]/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.0x1/",
    "https://127.0.0.01/",
    "https://00000127.0.0.1/",
    "https://127.0.0.1.1/",
    "https://256.0.0.1/",
    "https://1.2.3/",
    "https://0/",
    "https://metadata.google.internal/",
    'https://api.withorb.com/"x"',
    "https://api.withorb.com/<x>",
    "https://api.withorb.com/`x`",
    "https://api.withorb.com/{x}",
    "https://api.withorb.com/a|b",
]

FORBIDDEN = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "169.254.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001:0:53aa:64c:0:fbff:80ff:fffe",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]

ALLOWED = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1"]


def answering(*found):
    """A name service that always answers these addresses."""
    return lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.mark.parametrize("url", ODD_FORMS, ids=range(len(ODD_FORMS)))
def test_odd_forms_are_refused(url):
    with pytest.raises(Blocked):
        place(url)


def test_plain_forms_are_taken_apart_once():
    assert place("https://api.withorb.com/v1") == Place("https", "api.withorb.com", 443, "/v1")
    assert place("https://API.WithOrb.com") == Place("https", "api.withorb.com", 443, "/")
    assert place("https://desk.example:8443/a?b=c%20d") == Place("https", "desk.example", 8443, "/a?b=c%20d")
    assert place("https://xn--bcher-kva.example/").host == "xn--bcher-kva.example"
    assert place("https://[2606:4700::1111]/x") == Place("https", "2606:4700::1111", 443, "/x")
    assert place("http://127.0.0.1:8765/orb/v1", allow_private=True).origin == "http://127.0.0.1:8765"
    assert place("https://[2606:4700::1111]:444/x").origin == "https://[2606:4700::1111]:444"


@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden_addresses_are_refused_however_they_are_reached(address):
    with pytest.raises(Blocked):
        resolve(place("https://innocent.example"), lookup=answering(address))
    with pytest.raises(Blocked):  # among good ones it is a trick
        resolve(place("https://innocent.example"), lookup=answering("8.8.8.8", address))
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(Blocked):
        resolve(place(f"https://{literal}/"), lookup=answering(address))


@pytest.mark.parametrize("address", ALLOWED)
def test_public_addresses_are_called_over_https_only(address):
    assert resolve(place("https://api.withorb.com"), lookup=answering(address)) == [address]
    with pytest.raises(Blocked):
        resolve(place("http://api.withorb.com", allow_private=True), allow_private=True, lookup=answering(address))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "172.17.0.2", "192.168.1.1", "100.64.0.1", "::1", "fd00::1"]
)
def test_private_addresses_are_called_only_where_the_setting_allows_it(address):
    where = place("http://sandbox:8765/orb", allow_private=True)

    assert resolve(where, allow_private=True, lookup=answering(address)) == [address]
    with pytest.raises(Blocked):
        resolve(where, lookup=answering(address))


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:10.0.0.1"]
)
def test_no_setting_opens_what_is_never_a_provider(address):
    with pytest.raises(Blocked):
        resolve(place("http://sandbox/", allow_private=True), allow_private=True, lookup=answering(address))


def test_a_name_that_does_not_resolve_is_not_sent():
    def nowhere(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(NotSent, match="resolved"):
        resolve(place("https://no.such.example"), lookup=nowhere)
    with pytest.raises(NotSent, match="resolved"):
        resolve(place("https://no.such.example"), lookup=answering())


def test_a_name_is_looked_up_once_and_that_very_address_is_connected_to():
    canary = socket.create_server(("127.0.0.1", 0))
    canary.setblocking(False)
    asked = []

    def rebinding(host, port, **_):
        asked.append(host)
        return answering("8.8.8.8" if len(asked) == 1 else "127.0.0.1")(host, port)

    found = resolve(place(f"https://rebinding.example:{canary.getsockname()[1]}"), lookup=rebinding)

    assert found == ["8.8.8.8"]  # connect() takes addresses, never names, so there is no second look-up to lie to
    assert asked == ["rebinding.example"]
    with pytest.raises(BlockingIOError):  # nobody came
        canary.accept()
    canary.close()


def test_connects_to_the_first_address_that_answers():
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]

    made = addresses.connect(["127.0.0.2", "127.0.0.1"], port, timeout=2)

    assert made.getpeername() == ("127.0.0.1", port)
    made.close()
    server.close()
    with pytest.raises(NotSent, match="reached"):
        addresses.connect(["127.0.0.1"], port, timeout=1)
