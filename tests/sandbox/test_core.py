"""The sandbox's core, with a toy provider: what every simulator may rely on."""

import json
import re
import socket
import subprocess
import sys
import time
import unicodedata
from datetime import date
from decimal import Decimal

import pytest
import requests

from invoicing.sandbox import names
from invoicing.sandbox.core import Raw, World
from invoicing.sandbox.wire import from_journal, to_journal, to_json
from invoicing.sandbox.world import StateMismatch


def test_a_provider_answers_below_its_mount_with_the_digits_it_chose(begin):
    till = begin()

    answer = till.get("/invoices/a")

    assert answer.content == '{"id":"a","status":"open","total":12.30,"buyer":{"name":"Ærø"}}'.encode()
    assert answer.headers["Content-Type"] == "application/json"
    assert till.get("/invoices/newest").json()["id"] == "newest"  # a static segment wins over a parameter
    assert till.get("/invoices/c%2Fd").json()["id"] == "c/d"
    assert till.get("/invoices/zzz").status_code == 404
    assert till.get("/nowhere").status_code == 404
    assert till.delete("/invoices/a").status_code == 404
    assert requests.get(till.server.url + "/elsewhere", timeout=5).status_code == 404


def test_asks_for_the_key_except_behind_a_public_link(begin):
    till = begin()
    del till.headers["Authorization"]

    assert till.get("/invoices").status_code == 401
    assert till.get("/nowhere").status_code == 401
    shown = till.get("/open/x")

    assert shown.content.startswith(b"%PDF-")
    assert shown.content == till.get("/open/x").content


def test_a_change_is_one_effect_and_the_answer_names_it(begin):
    till = begin()

    answer = till.post("/invoices/a/pay")
    refused = till.post("/invoices/a/pay")

    assert answer.json()["status"] == "paid"
    assert refused.status_code == 400
    assert "X-Sandbox-Effect" not in refused.headers
    [effect] = till.get("/_sandbox/effects?provider=orb&external_id=a").json()
    assert effect["id"] == answer.headers["X-Sandbox-Effect"]
    assert (effect["connection"], effect["verb"], effect["external_id"]) == ("till", "pay", "a")
    assert till.get("/_sandbox/effects?external_id=b").json() == []


def test_repeated_keys_are_answered_from_memory(begin):
    till = begin()

    first = till.post("/invoices/a/pay", headers={"Key": "k1"})
    second = till.post("/invoices/a/pay", headers={"Key": "k1"})

    assert second.headers["Replayed"] == "true"
    assert second.json() == first.json()
    assert till.effects() == [("pay", "a")]


def test_what_changed_is_there_after_a_restart(begin):
    till = begin(seed=7, count=3, anchor=date(2026, 10, 15))
    till.post("/invoices/a/pay", headers={"Key": "k1"})
    till.post("/invoices/b/pay", json={"wait": 3600})
    till.post("/_sandbox/clock", json={"advance_seconds": 60})

    again = begin()

    assert again.get("/_sandbox").json()["anchor"] == "2026-10-15"
    assert again.get("/invoices/a").content == till.get("/invoices/a").content
    assert again.effects() == [("pay", "a")]
    assert again.post("/invoices/a/pay", headers={"Key": "k1"}).headers["Replayed"] == "true"
    assert again.get("/invoices/b").json()["status"] == "open"
    again.post("/_sandbox/clock", json={"advance_seconds": 3541})
    assert again.get("/invoices/b").json()["status"] == "paid"  # the pending change survived
    assert again.effects() == [("pay", "a"), ("pay", "b")]
    with pytest.raises(StateMismatch, match="seed 7, not 8"):
        begin(seed=8)


def test_a_line_torn_by_a_power_cut_is_dropped_whole(begin, tmp_path):
    till = begin()
    till.post("/invoices/a/pay")
    whole = (tmp_path / "state.jsonl").read_bytes()
    (tmp_path / "state.jsonl").write_bytes(whole + whole.splitlines()[-1][:-9])

    again = begin()

    assert again.effects() == [("pay", "a")]
    again.post("/invoices/b/pay")
    assert begin().effects() == [("pay", "a"), ("pay", "b")]


def test_the_clock_can_be_moved_and_does_what_fell_due_in_order(begin):
    till = begin(state=False, anchor=date(2026, 10, 15))
    assert till.get("/_sandbox/clock").json()["now"].startswith("2026-10-15T12:00")
    till.post("/invoices/b/pay", json={"wait": 7200})
    till.post("/invoices/a/pay", json={"wait": 3600})

    moved = till.post("/_sandbox/clock", json={"advance_seconds": 86400}).json()

    assert moved["now"].startswith("2026-10-16T12:00")
    assert till.effects() == [("pay", "a"), ("pay", "b")]


def test_the_world_acts_and_lists_every_invoice_as_it_is(begin):
    till = begin()

    acted = till.post("/_sandbox/act", json={"connection": "till", "what": "customer_pays", "external_id": "a"})

    assert acted.json()["status"] == "paid"
    lines = till.get("/_sandbox/invoices?connection=till").content.splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["paid", "open", "open"]
    assert lines[0] == till.get("/invoices/a").content
    assert till.post("/_sandbox/act", json={"connection": "till", "what": "dance"}).status_code == 400
    assert till.post("/_sandbox/act", json={"connection": "nobody"}).status_code == 404


def test_options_are_switched_and_unknown_ones_refused(begin):
    till = begin()

    changed = till.post("/_sandbox/options", json={"connection": "till", "greeting": "goodbye"})

    assert changed.json() == {"greeting": "goodbye"}
    assert begin().get("/invoices/newest").json()["greeting"] == "goodbye"
    assert till.post("/_sandbox/options", json={"connection": "till", "colour": 1}).status_code == 400


def test_the_connection_says_how_to_connect(begin):
    till = begin(state=False, seed=3)

    [connection] = till.get("/_sandbox/connections").json()

    assert connection["base_url"] == till.server.url + "/till/v1"
    assert connection["provider"] == "orb"
    assert connection["api_key"] == World(seed=3).hex(32, "till", "api_key")
    assert connection["webhook_secret"] != connection["api_key"]


# ---- the command


def test_the_command_keeps_its_promises(start_sandbox, tmp_path):
    running = start_sandbox(invoices=61, seed=4, state=tmp_path / "state", options=["--latency-ms", "30"])

    about = running.get("/_sandbox")
    name, connection = next(iter(running.connections.items()))
    began = time.monotonic()
    unauthorized = requests.get(connection["base_url"] + "/nowhere", timeout=10)

    assert (about["seed"], about["invoices"], about["anchor"]) == (4, 61, "2026-10-15")
    assert time.monotonic() - began >= 0.03
    assert unauthorized.status_code in (401, 403), name
    command = [
        sys.executable,
        "-m",
        "invoicing.sandbox",
        "--port",
        "0",
        "--seed",
        "5",
        "--state",
        str(tmp_path / "state"),
    ]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (refused.returncode, refused.stderr) == (2, "The state file was begun with seed 4, not 5.\n")
    running.process.terminate()
    assert running.process.wait(timeout=10) == 0


def test_a_body_of_no_length_is_refused(begin):
    till = begin()
    with socket.create_connection(till.server.server_address, timeout=5) as wire:
        wire.sendall(b"POST /till/v1/invoices/a/pay HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 400 ")
    assert till.effects() == []


def test_bodies_may_come_in_chunks_and_connections_are_kept(begin):
    till = begin()

    answers = [till.post("/invoices/b/pay", data=iter([b'{"wait"', b":60}"])) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    head = till.head("/invoices/b")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) > 10


# ---- data


def test_names_come_in_many_scripts_and_some_mean_harm():
    found = [names.company(World().rng("x", index), index) for index in range(100)]

    assert any("<script>" in name for name in found)
    assert any(name.startswith("=") for name in found)
    assert max(map(len, found)) == 200
    scripts = {unicodedata.name(letter).split()[0] for name in found for letter in name if letter.isalpha()}
    assert {"LATIN", "GREEK", "CYRILLIC", "CJK", "HIRAGANA", "HANGUL"} <= scripts
    emails = [names.email(name, index) for index, name in enumerate(found)]
    assert len(set(emails)) == 100
    assert all(re.fullmatch(r"[a-z0-9]+@[a-z0-9-]+\.example", email) for email in emails)


def test_numbers_keep_their_text_on_the_wire_and_on_disk():
    kept = {"amount": Raw("1.10"), "note": '"quoted"', "many": [Raw("1e-9"), None, True, 2]}

    assert to_json(kept) == '{"amount":1.10,"note":"\\"quoted\\"","many":[1e-9,null,true,2]}'
    back = from_journal(to_journal(kept))
    assert back == kept
    assert type(back["amount"]) is Raw
    with pytest.raises(TypeError, match="Decimal"):
        to_json({"amount": Decimal("1.10")})


def test_chance_depends_on_seed_and_key_alone():
    one, same, other = World(seed=1), World(seed=1), World(seed=2)

    assert one.rng("orb", 5).random() == same.rng("orb", 5).random() != other.rng("orb", 5).random()
    assert one.uuid("x") == same.uuid("x") != one.uuid("y")


def test_what_was_read_can_be_changed_without_changing_what_is_stored():
    world = World()
    world.put("till", "invoice", "a", {"lines": [{"amount": Raw("1.0")}]})

    world.get("till", "invoice", "a")["lines"].clear()

    assert world.get("till", "invoice", "a") == {"lines": [{"amount": "1.0"}]}
    world.put("till", "invoice", "a", None)
    assert world.get("till", "invoice", "a") is None
    assert list(world.items("till", "invoice")) == []


def test_it_stands_apart():
    seen = "import sys, invoicing.sandbox.__main__; print(*sorted(n for n in sys.modules if n.split('.')[0] in ('django', 'invoicing')))"
    loaded = subprocess.run(
        [sys.executable, "-c", seen], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()

    assert "invoicing.sandbox.server" in loaded
    assert [name for name in loaded if name != "invoicing" and not name.startswith("invoicing.sandbox")] == []
