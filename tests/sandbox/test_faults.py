"""Faults by rule, with a toy provider: what goes wrong, how often, and whether the change was made."""

import pytest
import requests


def test_drop_before_leaves_nothing_and_drop_after_leaves_the_effect(begin):
    till = begin()

    for fault, effects in (("drop_before", []), ("drop_after", [("pay", "a")])):
        till.fault(fault=fault, connection="till", method="POST", path="/invoices/*/pay")
        with pytest.raises(requests.ConnectionError):
            till.post("/invoices/a/pay")
        assert till.effects() == effects
    assert till.post("/invoices/b/pay").status_code == 200  # each struck once


def test_a_status_may_come_with_or_without_the_effect(begin):
    till = begin()
    till.fault(
        fault="status", status=429, headers={"Retry-After": 2}, body={"error": "slow down"}, path="/invoices/a/pay"
    )
    till.fault(fault="status", status=503, apply=True, path="/invoices/b/pay")

    limited, failed = till.post("/invoices/a/pay"), till.post("/invoices/b/pay")

    assert (limited.status_code, limited.headers["Retry-After"], limited.json()) == (429, "2", {"error": "slow down"})
    assert failed.status_code == 503
    assert till.effects() == [("pay", "b")]


def test_rules_count_skip_and_end(begin):
    till = begin()
    rule = till.fault(id="third", fault="status", status=500, path="/invoices", after=2, times=2)

    statuses = [till.get("/invoices").status_code for _ in range(6)]

    assert statuses == [200, 200, 500, 500, 200, 200]
    assert rule["id"] == "third"
    [listed] = till.get("/_sandbox/faults").json()
    assert (listed["hits"], listed["seen"]) == (2, 6)
    till.fault(fault="status", status=500, times=None)
    assert {till.get("/invoices").status_code for _ in range(4)} == {500}
    till.delete("/_sandbox/faults")
    assert till.get("/invoices").status_code == 200
    assert till.post("/_sandbox/faults", json={"fault": "sulk"}).status_code == 400


def test_bodies_are_broken_in_every_way(begin):
    till = begin()

    def struck(fault, **more):
        till.fault(fault=fault, path="/invoices/a", **more)
        return till.get("/invoices/a", allow_redirects=False)

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        struck("truncated")
    unpromised = struck("truncated", length=False)
    assert "Content-Length" not in unpromised.headers
    with pytest.raises(ValueError):
        unpromised.json()
    malformed = struck("malformed")
    assert malformed.status_code == 200
    with pytest.raises(ValueError):
        malformed.json()
    page = struck("wrong_type")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")
    empty = struck("empty")
    assert (empty.status_code, empty.content) == (200, b"")
    sent_away = struck("redirect", to="http://elsewhere.example/", status=307)
    assert (sent_away.status_code, sent_away.headers["Location"]) == (307, "http://elsewhere.example/")
    assert len(struck("huge", bytes=2_000_000).content) > 2_000_000
    bomb = struck("huge", bytes=2_000_000, gzip=True)
    assert int(bomb.headers["Content-Length"]) < 20_000 < 2_000_000 < len(bomb.content)
    assert struck("slow", seconds=0.2).json()["id"] == "a"
    with pytest.raises(requests.Timeout):
        till.fault(fault="slow", where="headers", seconds=3, path="/invoices/a")
        requests.get(till.server.url + "/till/v1/invoices/a", headers=till.headers, timeout=0.01)


def test_records_are_spoiled_without_touching_their_digits(begin):
    till = begin()
    till.fault(fault="unknown_status", path="/invoices")
    spoiled = till.get("/invoices")
    assert [row["status"] for row in spoiled.json()["data"]] == ["quantum_limbo"] * 3
    assert spoiled.content.count(b"12.30") == 3

    till.fault(fault="drop_field", field="buyer.name", index=1, path="/invoices")
    assert [row["buyer"] for row in till.get("/invoices").json()["data"]] == [{"name": "Ærø"}, {}, {"name": "Ærø"}]

    till.fault(fault="set_field", field="total", value=None, path="/invoices/b")
    assert till.get("/invoices/b").json()["total"] is None
    till.fault(fault="set_field", field="total", raw="1e400", path="/invoices/b")
    assert b'"total":1e400,' in till.get("/invoices/b").content
    till.fault(fault="set_field", field="next", value="0", of="answer", path="/invoices")
    assert till.get("/invoices").json()["next"] == "0"


def test_a_page_comes_twice(begin):
    till = begin()
    till.fault(fault="repeat_page", path="/invoices")
    pages = [till.get("/invoices", params={"limit": 1, "cursor": n}).json() for n in (0, 1, 2)]
    assert [(page["data"][0]["id"], page["next"]) for page in pages] == [("a", "1"), ("a", "1"), ("c/d", "3")]

    till.fault(fault="repeat_page", rows_only=True, path="/invoices")
    pages = [till.get("/invoices", params={"limit": 1, "cursor": n}).json() for n in (0, 1)]
    assert [(page["data"][0]["id"], page["next"]) for page in pages] == [("a", "1"), ("a", "2")]


def test_a_stale_read_does_not_know_the_last_change(begin):
    till = begin()
    till.post("/invoices/a/pay")
    till.post("/invoices/b/pay", headers={"Key": "k"})
    till.fault(fault="stale", times=2)

    assert till.get("/invoices/b").json()["status"] == "open"
    assert [row["status"] for row in till.get("/invoices").json()["data"]] == ["paid", "open", "open"]
    assert till.get("/invoices/b").json()["status"] == "paid"


def test_a_late_delay_applies_after_the_client_gave_up(begin):
    till = begin()
    till.fault(fault="delay", seconds=1, late=True, path="*/pay")
    with pytest.raises(requests.Timeout):
        requests.post(till.server.url + "/till/v1/invoices/a/pay", headers=till.headers, timeout=0.1)
    assert till.effects() == []
    assert till.get("/invoices/b").status_code == 200  # others are not held up

    till.fault(fault="delay", seconds=1, path="*/pay")
    with pytest.raises(requests.Timeout):
        requests.post(till.server.url + "/till/v1/invoices/b/pay", headers=till.headers, timeout=0.1)
    assert ("pay", "b") in till.effects()


def test_the_network_may_deliver_a_request_twice(begin):
    till = begin()
    till.fault(fault="repeat_request", path="*/pay")

    assert till.post("/invoices/a/pay").status_code == 400  # the second delivery met a paid invoice
    assert till.effects() == [("pay", "a")]


def test_an_injected_error_can_be_remembered_as_the_answer(begin):
    till = begin()
    till.fault(fault="status", status=500, remember=True, path="*/pay")

    statuses = [till.post("/invoices/a/pay", headers={"Key": "k"}).status_code for _ in range(2)]

    assert statuses == [500, 500]
    assert till.effects() == []


def test_a_rule_may_wait_for_another_and_may_mean_one_invoice_alone(begin):
    till = begin()
    till.fault(id="paid", fault="drop_after", path="/invoices/*/pay", contains="/b/")
    till.fault(fault="status", status=500, path="/invoices/b", armed_by="paid", times=None)

    assert till.post("/invoices/a/pay").status_code == 200
    assert till.get("/invoices/b").status_code == 200
    with pytest.raises(requests.ConnectionError):
        till.post("/invoices/b/pay")

    assert [till.get(f"/invoices/{name}").status_code for name in "ab"] == [200, 500]


def test_what_was_asked_can_be_looked_up(begin):
    till = begin()
    till.post("/invoices/a/pay", json={"wait": 0}, headers={"Idempotency-Key": "k1"})
    till.fault(fault="drop_before", path="/invoices/b/pay")
    with pytest.raises(requests.ConnectionError):
        till.post("/invoices/b/pay")

    first, second = till.get("/_sandbox/requests?method=POST").json()

    assert (first["connection"], first["path"], first["key"], first["status"]) == ("till", "/invoices/a/pay", "k1", 200)
    assert '"wait"' in first["body"]
    assert second["status"] is None  # it was heard, and never answered
    assert till.get(f"/_sandbox/requests?after={first['number']}&contains=/b/").json() == [second]
    assert till.get("/_sandbox/requests?contains=/c/").json() == []
