"""CockroachDB Cloud's sandbox over HTTP: reading bills, and every doubt its contract leaves."""

import json
import re
from datetime import date
from decimal import Decimal

import pytest
import requests

NAME = "cockroachdb"
INVOICES = "/api/v1/invoices"
NEXT_MONTH = "2026-11-02T00:00:00Z"


class Cloud:
    """A client with a key; numbers are read as they were written."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.base = sandbox.connections[NAME]["base_url"]
        self.headers = {"Authorization": "Bearer " + sandbox.connections[NAME]["api_key"], "Cc-Version": "2024-09-16"}

    def ask(self, path=INVOICES, method="GET", **given):
        given.setdefault("headers", self.headers)
        return requests.request(method, self.base + path, timeout=30, **given)

    def get(self, path=INVOICES, **params):
        answer = self.ask(path, params=params)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text, parse_float=Decimal)

    def invoices(self, **params):
        return self.get(**params)["invoices"]

    def refused(self, path=INVOICES, **params):
        answer = self.ask(path, params=params)
        assert answer.json().keys() == {"code", "message", "details"}
        return answer.status_code, answer.json()["code"]


@pytest.fixture(scope="module")
def cloud(sandbox):
    return Cloud(sandbox)


@pytest.fixture
def fresh(start_sandbox):
    """One that a test may change."""
    cloud = Cloud(start_sandbox())
    yield cloud
    cloud.sandbox.kill()


def units(amounts):
    return {entry["currency"]: entry["amount"] for entry in amounts}


# ---- shape and data


def test_invoices_have_the_shape_of_the_example(cloud, shape):
    rows = cloud.invoices()
    example, ours = shape(example="cockroachdb_invoice_list"), shape({"invoices": rows})

    assert ours == example
    full = [row for row in rows if shape(row) == shape(example="cockroachdb_invoice")]
    assert len(full) >= 3
    required = {"invoice_id", "period_start", "period_end", "totals", "balances", "invoice_items"}
    assert all(required <= row.keys() for row in rows)
    assert cloud.get(f"{INVOICES}/{full[0]['invoice_id']}") == full[0]
    assert json.loads(cloud.sandbox.invoices(NAME)[0], parse_float=Decimal) == rows[0]


def test_the_organization_has_the_shape_of_the_example(cloud, shape):
    assert shape(cloud.get("/api/v1/organization")) == shape(example="cockroachdb_organization")


def test_sixty_months_end_with_the_running_one(cloud):
    rows = cloud.invoices()

    starts = [row["period_start"] for row in rows]
    assert len(rows) == 60 == len(set(starts))
    assert starts == sorted(starts)
    assert (starts[0], starts[-1]) == ("2021-11-01T00:00:00Z", "2026-10-01T00:00:00Z")
    assert all(after["period_start"] == before["period_end"] for before, after in zip(rows, rows[1:], strict=False))
    assert [row["status"] for row in rows] == ["FINALIZED"] * 59 + ["DRAFT"]


def test_the_totals_add_up_unit_by_unit(cloud):
    noisy = 0
    for row in cloud.invoices():
        sums = {}
        for item in row["invoice_items"]:
            inside = {}
            for line in item["line_items"]:
                unit = line["total"]["currency"]
                inside[unit] = inside.get(unit, 0) + line["total"]["amount"]
            noisy += any(abs(total) < Decimal("1e-9") for total in
                         (amount - units(item["totals"])[unit] for unit, amount in inside.items()) if total)  # fmt: skip
            for unit, amount in units(item["totals"]).items():
                assert abs(amount - inside.get(unit, 0)) < Decimal("1e-9")
                sums[unit] = sums.get(unit, 0) + amount
        for adjustment in row.get("adjustments", []):
            unit = adjustment["amount"]["currency"]
            sums[unit] = sums.get(unit, 0) + adjustment["amount"]["amount"]
        for unit, amount in units(row["totals"]).items():
            assert abs(amount - sums.get(unit, 0)) < Decimal("1e-9")
        assert set(sums) <= set(units(row["totals"]))
    assert noisy  # where doubles were added, the last digits differ


def test_every_oddity_is_there(cloud):
    rows = cloud.invoices()
    texts = [line for row in cloud.sandbox.invoices(NAME) for line in [row]]
    together = "\n".join(texts)

    assert {frozenset(units(row["totals"])) for row in rows} >= {
        frozenset({"USD", "CRDB_CLOUD_CREDITS"}), frozenset({"CRDB_CLOUD_CREDITS"}), frozenset({"USD"})
    }  # fmt: skip
    assert any(not row["invoice_items"] and units(row["totals"]) == {"USD": 0} for row in rows)
    assert any(not item["line_items"] for row in rows for item in row["invoice_items"])
    assert any(units(row["totals"]).get("USD", 0) < 0 for row in rows)
    assert any("adjustments" not in row for row in rows)
    assert '"unit_cost":0.30000000000000004' in together
    assert '"unit_cost":0.00050766' in together
    assert '"unit_cost":0.00012345678' in together
    assert '"unit_cost":2e-7' in together
    sizes = {sum(len(item["line_items"]) for item in row["invoice_items"]) for row in rows}
    assert {400, 3000} <= sizes
    clusters = {item["cluster"]["name"]: item["cluster"] for row in rows for item in row["invoice_items"]}
    assert any("<b>" in name for name in clusters)
    assert {"DELETED", "CREATED", "LOCKED"} == {cluster["state"] for cluster in clusters.values()}
    assert {"BASIC", "STANDARD", "ADVANCED"} == {cluster["plan"] for cluster in clusters.values()}
    assert {"AWS", "GCP", "AZURE"} == {cluster["cloud_provider"] for cluster in clusters.values()}
    for row in rows:
        names = [item["cluster"]["name"] for item in row["invoice_items"]]
        assert names == sorted(names)


def test_every_number_is_a_double_with_a_decimal_point(cloud):
    written = re.findall(r'"(?:amount|quantity|unit_cost)":([-0-9.e]+)', cloud.ask().text)

    assert len(written) > 1000
    assert all(Decimal(text) == Decimal(repr(float(text))) for text in written)
    assert all("." in text or "e-" in text for text in written)


# ---- asking


def test_periods_and_statuses_are_filtered(cloud):
    rows = cloud.invoices()

    assert cloud.invoices(status="DRAFT") == rows[-1:]
    assert cloud.invoices(status="FINALIZED") == rows[:-1]
    assert cloud.invoices(start_time="2026-08-01T00:00:00Z") == rows[-3:]
    assert cloud.invoices(start_time="2026-08-01T00:00:01Z") == rows[-2:]
    assert cloud.invoices(start_time="2026-07-31T20:00:00-04:00") == rows[-3:]
    assert cloud.invoices(end_time="2022-01-01T00:00:00Z") == rows[:2]
    assert cloud.invoices(end_time="2021-12-31T23:59:59Z") == rows[:1]
    assert cloud.invoices(start_time="2030-01-01T00:00:00Z") == []
    assert rows[-1] not in cloud.invoices(end_time="2026-10-20T00:00:00Z")


def test_read_literally_the_running_month_is_hidden_until_asked_past_its_end(cloud):
    cloud.sandbox.option(NAME, hides_running_month=True)

    plain, literal = cloud.invoices(), cloud.invoices(status="DRAFT")
    drafts = cloud.invoices(status="DRAFT", end_time=NEXT_MONTH)
    cloud.sandbox.option(NAME, hides_running_month=False)

    assert (len(plain), literal) == (59, [])
    assert [row["period_start"] for row in drafts] == ["2026-10-01T00:00:00Z"]


def test_refuses_in_the_shape_of_a_status(cloud):
    assert cloud.refused(status="VOID") == (400, 3)
    assert cloud.refused(start_time="yesterday") == (400, 3)
    assert cloud.refused(start_time="2026-08-01") == (400, 3)
    assert cloud.refused(end_time="2026-08-01T00:00:00") == (400, 3)
    assert cloud.refused(f"{INVOICES}/nope") == (404, 5)
    assert cloud.refused(f"{INVOICES}/00000000-0000-4000-8000-000000000000") == (404, 5)
    assert cloud.refused("/api/v1/clusters") == (404, 5)
    for header in ({}, {"Authorization": "Bearer wrong"}):
        answer = cloud.ask(headers=header)
        assert (answer.status_code, answer.json()["code"]) == (401, 16)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(cloud, method):
    identity = cloud.invoices()[0]["invoice_id"]

    for path in (INVOICES, f"{INVOICES}/{identity}", "/api/v1/organization"):
        answer = cloud.ask(path, method, json={})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert cloud.ask(f"{INVOICES}/{identity}/void", method, json={}).status_code == 404
    assert cloud.sandbox.effects() == []


def test_a_missing_role_is_named_by_no_one(cloud, shape):
    cloud.sandbox.option(NAME, roles=["BILLING_COORDINATOR"])
    assert cloud.refused("/api/v1/organization") == (403, 7)
    assert len(cloud.invoices()) == 60
    cloud.sandbox.option(NAME, roles=["ORG_MEMBER"])
    forbidden = cloud.ask()
    cloud.sandbox.option(NAME, roles=["BILLING_COORDINATOR", "ORG_MEMBER"])

    assert forbidden.status_code == 403
    assert shape(forbidden.json()) == shape(example="cockroachdb_error")


def test_the_rate_limit_answers_with_retry_after_and_any_status(fresh):
    assert {fresh.ask(params={"status": "DRAFT"}).status_code for _ in range(15)} == {200}

    for status in (429, 503):
        fresh.sandbox.option(NAME, rate_limit=1, rate_limit_status=status)
        answers = [fresh.ask(params={"status": "DRAFT"}) for _ in range(8)]  # within two seconds at most
        limited = [answer for answer in answers if answer.status_code != 200]
        assert {answer.status_code for answer in limited} == {status}
        assert limited[0].headers["Retry-After"] == "1"
        assert limited[0].json()["message"] == "rate limit exceeded"
        fresh.sandbox.advance(5)


def test_older_servers_know_neither_status_nor_times(cloud):
    cloud.sandbox.option(NAME, without_status=True, time_filters="rejected")
    rows = cloud.invoices(status="DRAFT")
    rejected = cloud.refused(start_time="2026-08-01T00:00:00Z")
    cloud.sandbox.option(NAME, without_status=False, time_filters="ignored")
    ignored = cloud.invoices(start_time="2026-08-01T00:00:00Z")
    cloud.sandbox.option(NAME, time_filters="on")

    assert len(rows) == 60
    assert not any("status" in row for row in rows)
    assert rejected == (400, 3)
    assert len(ignored) == 60


def test_zero_amounts_may_be_left_out(cloud):
    cloud.sandbox.option(NAME, omits_zeros=True)
    row = next(row for row in cloud.invoices() if not row["invoice_items"])
    cloud.sandbox.option(NAME, omits_zeros=False)

    assert row["totals"] == [{"currency": "USD"}]


def test_an_error_may_have_no_body(cloud):
    cloud.sandbox.fault(fault="status", status=500, body="", connection=NAME)

    answer = cloud.ask()

    assert (answer.status_code, answer.content) == (500, b"")


# ---- the world acts


def test_the_draft_grows_until_the_month_is_over(fresh):
    def usage():
        draft = fresh.invoices(status="DRAFT")[-1]
        return draft["invoice_id"], sum(
            line["quantity"] for item in draft["invoice_items"] for line in item["line_items"]
        )

    identity, first = usage()
    fresh.sandbox.advance(86400)
    same, later = usage()
    fresh.sandbox.act(NAME, "draft_moves", identity, share=0.1)
    _, moved = usage()
    fresh.sandbox.advance(20 * 86400)

    assert same == identity
    assert first < later < moved
    final = fresh.get(f"{INVOICES}/{identity}")
    assert final["status"] == "FINALIZED"
    [draft] = fresh.invoices(status="DRAFT")
    assert (draft["period_start"], draft["invoice_id"] != identity) == ("2026-11-01T00:00:00Z", True)
    assert len(fresh.invoices()) == 61


@pytest.mark.parametrize("new_id", [False, True])
def test_a_month_is_closed_with_the_same_id_or_another(fresh, new_id):
    [draft] = fresh.invoices(status="DRAFT")

    final = fresh.sandbox.act(NAME, "finalize", draft["invoice_id"], new_id=new_id)

    assert final["status"] == "FINALIZED"
    assert (final["invoice_id"] != draft["invoice_id"]) is new_id
    assert fresh.get(f"{INVOICES}/{final['invoice_id']}")["totals"] == draft["totals"]
    if new_id:
        assert fresh.refused(f"{INVOICES}/{draft['invoice_id']}") == (404, 5)
    fresh.sandbox.advance(86400)
    assert fresh.invoices()[-1]["totals"] == draft["totals"]  # closed: it grows no more
    again = requests.post(fresh.sandbox.url + "/_sandbox/act", timeout=10, json={
        "connection": NAME, "what": "finalize", "external_id": final["invoice_id"]})  # fmt: skip
    assert again.status_code == 400


def test_final_invoices_are_corrected_and_vanish(fresh):
    row, other = fresh.invoices()[30:32]
    cluster = other["invoice_items"][0]["cluster"]

    fresh.sandbox.act(NAME, "edit", row["invoice_id"], total="1234.5600")
    fresh.sandbox.act(NAME, "cluster_changes", cluster["id"], cockroach_version="v26.1.0")

    assert fresh.get(f"{INVOICES}/{row['invoice_id']}")["totals"] == [{"amount": Decimal("1234.56"), "currency": "USD"}]
    upgraded = fresh.get(f"{INVOICES}/{other['invoice_id']}")
    assert upgraded["invoice_items"][0]["cluster"]["cockroach_version"] == "v26.1.0"
    assert upgraded["totals"] == other["totals"]  # the bill is the same though its JSON is not
    fresh.sandbox.act(NAME, "vanish", row["invoice_id"])
    assert fresh.refused(f"{INVOICES}/{row['invoice_id']}") == (404, 5)
    assert len(fresh.invoices()) == 59


# ---- size, and starting again


def test_killed_in_the_middle_it_goes_on_where_it_was(start_sandbox, tmp_path):
    cloud = Cloud(start_sandbox(state=tmp_path / "state"))
    [draft] = cloud.invoices(status="DRAFT")
    cloud.sandbox.act(NAME, "finalize", draft["invoice_id"], new_id=True)
    cloud.sandbox.option(NAME, roles=["CLUSTER_ADMIN"])
    before = cloud.ask().text
    cloud.sandbox.kill()

    again = Cloud(start_sandbox(state=tmp_path / "state"))

    assert again.ask().text == before
    assert again.refused("/api/v1/organization") == (403, 7)


def test_any_count_works_and_reads_only_what_is_asked_for(monkeypatch):
    from invoicing.sandbox.cockroachdb.data import Bills
    from invoicing.sandbox.cockroachdb.simulator import CockroachDB
    from invoicing.sandbox.core import Request, World

    made = []
    compute = Bills._made
    monkeypatch.setattr(Bills, "_made", lambda self, index, share: made.append(index) or compute(self, index, share))

    for count in (1, 7, 120, 121, 20_000):
        simulator = CockroachDB(World(count=count, anchor=date(2026, 10, 15)))
        key = {"authorization": f"Bearer {simulator.api_key()}"}
        made.clear()
        recent = simulator.handle(Request("GET", INVOICES, [("start_time", "2026-10-01T00:00:00Z")], key)).body
        assert [row["status"] for row in recent["invoices"]] == ["DRAFT"]
        assert made == [count - 1]
        assert simulator.bills.total() == count
        months = [simulator.bills.month(index) for index in range(count)]
        assert months == sorted(months)
