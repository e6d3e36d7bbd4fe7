"""What no honest client sends: the sandbox refuses it, or hangs up; it never hangs, and never does half of it."""

import json
import socket

import pytest
import requests

NAMES = ("orb", "metronome", "flexprice", "flexprice-2026-01", "cockroachdb", "checkout-page")
WRITES = {
    "orb": "/invoices",
    "metronome": "/v1/invoices/void",
    "flexprice": "/invoices",
    "flexprice-2026-01": "/invoices/search",
}


def key_of(sandbox, name):
    """The header with the connection's key."""
    key = sandbox.connections[name]["api_key"]
    return {"x-api-key": key} if name.startswith("flexprice") else {"Authorization": f"Bearer {key}"}


def sent(sandbox, name, path, text, method="POST", hang_up=False, **headers):
    """Everything the server says to a request written by hand, until it closes the connection."""
    base = sandbox.connections[name]["base_url"].removeprefix(sandbox.url)
    host, port = sandbox.url.removeprefix("http://").split(":")
    told = {"Host": "sandbox", "Connection": "close", **key_of(sandbox, name), **headers}
    head = f"{method} {base}{path} HTTP/1.1\r\n" + "".join(
        f"{key.replace('_', '-')}: {value}\r\n" for key, value in told.items()
    )
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode() + b"\r\n" + text)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        heard = b""
        while part := connection.recv(65536):
            heard += part
    return heard


@pytest.mark.parametrize(
    ("length", "status"),
    [("-1", 400), ("+2", 400), ("1_0", 400), ("2, 2", 400), ("two", 400), ("99999999999999999999", 413)],
)
def test_a_length_that_is_no_length_is_refused_at_once(sandbox, length, status):
    heard = sent(sandbox, "orb", "/invoices", b"{}", Content_Length=length)

    assert heard.startswith(b"HTTP/1.1 %d " % status)


def test_a_request_cut_off_in_the_middle_does_nothing(sandbox):
    invoice = next(json.loads(line) for line in sandbox.invoices("orb") if json.loads(line)["status"] == "issued")
    before = len(sandbox.effects())

    heard = sent(sandbox, "orb", f"/invoices/{invoice['id']}/void", b"", hang_up=True, Content_Length="2")
    chunked = sent(
        sandbox, "orb", f"/invoices/{invoice['id']}/void", b"5\r\n{}", hang_up=True, Transfer_Encoding="chunked"
    )

    assert heard == chunked == b""
    assert len(sandbox.effects()) == before


@pytest.mark.parametrize(
    ("coding", "text", "status"),
    [
        ("chunked", b"-2\r\n{}", 400),
        ("chunked", b"\r\n", 400),
        ("chunked", b"FFFFFFFFFFFFFFFF\r\n", 413),
        ("gzip, chunked", b"2\r\n{}\r\n0\r\n\r\n", 501),
    ],
)
def test_chunks_are_read_or_refused(sandbox, coding, text, status):
    assert sent(sandbox, "orb", "/invoices", text, Transfer_Encoding=coding).startswith(b"HTTP/1.1 %d " % status)


def test_requests_in_one_piece_are_answered_in_order(sandbox):
    ping = sandbox.connections["orb"]["base_url"].removeprefix(sandbox.url) + "/ping"
    key = key_of(sandbox, "orb")["Authorization"]
    more = f"GET {ping} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: {key}\r\nConnection: close\r\n\r\n".encode()

    heard = sent(sandbox, "orb", "/nowhere", more, method="HEAD", Connection="keep-alive")

    assert heard.count(b"HTTP/1.1 404") == heard.count(b"HTTP/1.1 200") == 1
    assert heard.endswith(b'{"response":"pong"}')


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"amount": NaN}',
        b'{"amount": 1e999}',
        b'{"metadata": {"name": "\\ud800"}}',
        b"\xff\xfe{",
        b"",
    ],
    ids=["deep", "deeper", "not-a-number", "infinite", "half-a-character", "no-text", "nothing"],
)
def test_what_is_no_json_is_refused_in_the_providers_own_shape(sandbox, name, text):
    heard = sent(sandbox, name, WRITES[name], text, Content_Length=str(len(text)))

    assert heard.startswith(b"HTTP/1.1 400 ")
    assert b"sandbox_error" not in heard
    assert json.loads(heard.partition(b"\r\n\r\n")[2])


def test_ten_megabytes_are_too_much_or_read(sandbox):
    text = json.dumps({"id": "x" * 10_000_000}).encode()

    for name, path in WRITES.items():
        heard = sent(sandbox, name, path, text, Content_Length=str(len(text)))
        assert heard[9:12] in (b"400", b"413", b"200"), (name, heard[:200])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PROPFIND", "get", "M-SEARCH"])
def test_unknown_methods_are_refused(sandbox, name, method):
    assert sent(sandbox, name, "/v1/invoices", b"", method=method)[9:12] in (b"404", b"405")


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_that_no_calendar_has_are_refused(sandbox, time):
    asked = {
        "orb": f"/invoices?invoice_date[gte]={time}",
        "flexprice": f"/invoices?start_time={time}",
        "cockroachdb": f"/api/v1/invoices?end_time={time}",
    }
    for name, path in asked.items():
        heard = sent(sandbox, name, path.replace("+", "%2B"), b"", method="GET")
        assert heard.startswith(b"HTTP/1.1 400 "), (name, heard[:300])


def test_years_of_three_digits_are_written_with_four(sandbox):
    base, key = sandbox.connections["flexprice"]["base_url"], key_of(sandbox, "flexprice")
    listed = requests.get(f"{base}/subscriptions?limit=1", headers=key, timeout=10).json()
    period = {"period_start": "0374-10-29T02:17:06Z", "period_end": "0411-08-24T11:28:32Z"}
    asked = {"subscription_id": listed["items"][0]["id"], **period}

    previewed = requests.post(f"{base}/invoices/preview", json=asked, headers=key, timeout=10).json()

    assert {name: previewed[name] for name in period} == period


def test_a_cursor_of_another_list_is_refused(sandbox):
    base, key = sandbox.connections["metronome"]["base_url"], key_of(sandbox, "metronome")

    def page(path, **query):
        return requests.get(f"{base}/v1/{path}", params={"limit": 1, **query}, headers=key, timeout=10)

    lists = ("customers", "credit-types/list", "auditLogs")
    cursors = {path: page(path).json()["next_page"] for path in lists}
    for path in lists:
        for origin, cursor in cursors.items():
            assert page(path, next_page=cursor).status_code == (200 if origin == path else 400), (origin, path)


@pytest.mark.parametrize("text", ["[]", "1", "[" * 100_000, "{"])
def test_the_control_plane_takes_objects_alone(sandbox, text):
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = f"POST /_sandbox/act HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(text)}\r\n\r\n"
        connection.sendall(head.encode() + text.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_rules_and_switches_that_cannot_work_are_refused_when_they_are_made(sandbox):
    def refused(path, **given):
        answer = requests.post(f"{sandbox.url}/_sandbox/{path}", json=given, timeout=10)
        return answer.status_code == 400 and "cannot be" in answer.text

    assert refused("faults", fault="delay", seconds="two") and refused("faults", fault="delay", seconds=-1)
    assert refused("faults", fault="status", status=[]) and refused("faults", fault="status", headers="Retry-After: 1")
    assert refused("faults", fault="drop_before", times="x") and refused("faults", fault="drop_before", after=None)
    assert sandbox.get("/_sandbox/faults") == []
    assert refused("options", connection="orb", reads_per_second="many")
    assert refused("options", connection="cockroachdb", roles=None)
    assert refused("options", connection="checkout-page", rate_limit=["x"], read_only_key=False)
    assert refused("options", connection="flexprice", replica_lag=10**20)
    answer = requests.post(f"{sandbox.url}/_sandbox/clock", json={"advance_seconds": 10**20}, timeout=10)
    assert answer.status_code == 400
