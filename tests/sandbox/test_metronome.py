"""Metronome's simulator, read: by its official client, and against the example bodies."""

import io
import json
from collections import Counter
from decimal import Decimal

import metronome
import pytest
import requests
from pypdf import PdfReader

from tests.sandbox.metronome_api import NOWHERE, USD, Api


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


@pytest.fixture(scope="module")
def customers(api):
    return api.customers()


@pytest.fixture(scope="module")
def invoices(api, customers):
    return [invoice for customer in customers for invoice in api.invoices(customer["id"])]


@pytest.fixture(scope="module")
def client(sandbox):
    """The official client; it refuses what does not fit its types, and does not try twice."""
    connection = sandbox.connections["metronome"]
    return metronome.Metronome(
        base_url=connection["base_url"],
        bearer_token=connection["api_key"],
        max_retries=0,
        _strict_response_validation=True,
    )


def paged(pager):
    """All rows, following next_page as the client does."""
    return list(pager)


def test_the_official_client_reads_everything(client):
    found = paged(client.v1.customers.list(limit=5)) + paged(client.v1.customers.list(only_archived=True))
    assert client.v1.customers.retrieve(customer_id=found[0].id).data == found[0]
    seen = []
    for customer in found:
        listed = paged(client.v1.customers.invoices.list(customer_id=customer.id, limit=2, sort="date_desc"))
        for invoice in listed[:3]:
            read = client.v1.customers.invoices.retrieve(customer_id=customer.id, invoice_id=invoice.id)
            assert read.data == invoice
        seen += listed
        held = paged(
            client.v1.contracts.list_balances(
                customer_id=customer.id,
                include_balance=True,
                include_ledgers=True,
                include_contract_balances=True,
                include_archived=True,
            )
        )
        assert all(balance.ledger for balance in held)
        assert client.v1.contracts.get_net_balance(customer_id=customer.id).data.credit_type_id == USD
        client.v1.customers.retrieve_billing_configurations(customer_id=customer.id, include_archived=True)
        contracts = client.v2.contracts.list(customer_id=customer.id, include_archived=True, include_ledgers=True).data
        client.v1.contracts.list(customer_id=customer.id, include_archived=True, include_balance=True)
        for contract in contracts[:2]:
            read = client.v2.contracts.retrieve(customer_id=customer.id, contract_id=contract.id, include_ledgers=True)
            assert read.data.id == contract.id
            client.v1.contracts.retrieve(customer_id=customer.id, contract_id=contract.id)
    assert len(seen) == 60 and len({invoice.id for invoice in seen}) == 60
    assert {unit.name for unit in paged(client.v1.pricing_units.list(limit=4))} >= {"USD (cents)", "EUR", "AI credits"}


def test_it_reads_pdfs_breakdowns_and_the_audit_log_too(client, customers):
    customer = customers[0]["id"]
    rows = paged(
        client.v1.customers.invoices.list_breakdowns(
            customer_id=customer, starting_on="2026-09-01T00:00:00Z", ending_before="2026-10-01T00:00:00Z", limit=9
        )
    )
    assert len(rows) == 30 and len({row.id for row in rows}) == 1
    pdf = client.v1.customers.invoices.retrieve_pdf(customer_id=customer, invoice_id=rows[0].id).read()
    assert pdf.startswith(b"%PDF-")
    page = client.v1.audit_logs.list(limit=100)
    assert page.data and page.get_next_page().data == []


def agree(ours, example, maps=(), nullable=()):
    """Nothing is there that no example has, and everything is of the example's type; maps have keys of their own."""
    for place, kinds in ours.items():
        if any(place.startswith(f"{map}.") for map in maps):
            continue
        assert place in example, f"{place} is in no example"
        assert kinds <= example[place] | ({"null"} if place in nullable else set()), place


def rows_of(found, inside):
    """The shape of one row of an example body."""
    return {"[]" + place.removeprefix(inside): kinds for place, kinds in found.items() if place.startswith(inside)}


def test_shapes_are_those_of_the_example_bodies(api, invoices, customers, shape):
    ours = shape(invoices)
    del ours[""]
    maps = ("[].customer_custom_fields", "[].custom_fields", "[].line_items[].pricing_group_values",
            "[].line_items[].presentation_group_values")  # fmt: skip
    nullable = ("[].external_invoice", "[].line_items[].group_value")
    agree(ours, rows_of(shape(example="metronome_invoice_schema_coverage"), ".data"), maps, nullable)
    every = rows_of(shape(example="metronome_invoice_schema_coverage"), ".data").keys()
    assert {place.removeprefix("[].") for place in every - ours.keys() if not place.endswith(".k")} == {
        *("line_items[].list_price.custom_rate", "line_items[].list_price.custom_rate.formula"),
        *("line_items[].list_price.price", "line_items[].list_price.quantity"),  # of other kinds of rates
    }
    for example in ("metronome_invoice", "metronome_invoice_draft", "metronome_invoice_regenerated"):
        assert rows_of(shape(example=example), ".data").keys() <= ours.keys()  # what realistic ones have, ours have

    configured = api.post("/v1/getCustomerBillingProviderConfigurations", {"customer_id": customers[1]["id"]})["data"]
    balances = api.post("/v1/contracts/customerBalances/list", {
        "customer_id": customers[0]["id"], "include_balance": True, "include_ledgers": True,
        "include_contract_balances": True})["data"]  # fmt: skip
    salesforce = ("[].customer_config.salesforce_account_id",)
    for rows, example, maps, nullable in (
        (customers, "metronome_customer_list", ("[].custom_fields",), salesforce),
        (
            [c for c in customers if c["archived_at"]],
            "metronome_customer_list_archived",
            ("[].custom_fields",),
            salesforce,
        ),
        (api.pages("/v1/credit-types/list"), "metronome_pricing_unit_list", (), ()),
        (api.get("/v1/auditLogs", limit=100)["data"], "metronome_audit_log_list", (), ()),
        (configured, "metronome_billing_provider_configurations", (), ()),
        ([b for b in balances if b["type"] == "PREPAID" and "contract" in b], "metronome_balance_list", (), ()),
    ):
        found, expected = shape(rows), rows_of(shape(example=example), ".data[]")
        del found[""]
        if example == "metronome_customer_list":
            expected["[].archived_at"] = {"null", "text"}
        agree(found, expected, maps, nullable)
        assert expected.keys() - {"[].custom_fields.crm_id"} <= found.keys(), example


def test_money_adds_up_and_keeps_its_digits(invoices):
    odd = []
    for invoice in invoices:
        unit = invoice["credit_type"]["id"]
        counted = sum(
            line["total"]
            for line in invoice["line_items"]
            if line["credit_type"]["id"] == unit
            and (line["type"], line.get("applied_commit_or_credit", {}).get("type"))
            != ("applied_commit_or_credit", "POSTPAID")
        )
        adjusted = counted + sum(adjustment["total"] for adjustment in invoice["invoice_adjustments"])
        if (invoice["subtotal"], invoice["total"]) != (counted, adjusted):
            odd.append((adjusted, invoice["total"]))
        for line in invoice["line_items"]:
            if "unit_price" in line:
                assert line["total"] == line["quantity"] * line["unit_price"]
    # Two on purpose: binary addition left its mark on one, the other was rounded to cents.
    assert sorted(odd) == [(Decimal("0.3"), Decimal("0.30000000000000004")), (Decimal("3938.375"), 3938)]
    assert Decimal("1219326.31124827861592745") in {invoice["total"] for invoice in invoices}
    assert Decimal("2.5e-7") in {line.get("unit_price") for invoice in invoices for line in invoice["line_items"]}


def test_the_data_has_every_oddity(sandbox, invoices, customers):
    assert Counter(invoice["status"] for invoice in invoices).keys() == {"DRAFT", "FINALIZED", "VOID"}
    types = {invoice["type"] for invoice in invoices}
    assert types == {"USAGE", "USAGE_CONSOLIDATED", "SCHEDULED", "PLAN_ARREARS", "SEAT_PURCHASE"}
    outside = {(invoice.get("external_invoice") or {}).get("external_status") for invoice in invoices}
    assert len(outside - {None}) == 12
    assert any(
        i["status"] == "VOID" and (i["external_invoice"] or {}).get("external_status") == "FINALIZED" for i in invoices
    )
    assert any(
        i["status"] == "FINALIZED" and (i["external_invoice"] or {}).get("external_status") == "VOID" for i in invoices
    )
    units = {invoice["credit_type"]["name"] for invoice in invoices}
    assert units == {"USD (cents)", "EUR", "GBP", "JPY", "BHD", "AI credits"}
    lengths = {len(invoice["line_items"]) for invoice in invoices}
    assert {400, 2500} <= lengths
    assert min(invoice["total"] for invoice in invoices) < 0 and 0 in {invoice["total"] for invoice in invoices}
    assert any("issued_at" not in invoice for invoice in invoices)
    assert any(invoice.get("billable_status") == "unbillable" for invoice in invoices)
    kinds = {line["type"] for invoice in invoices for line in invoice["line_items"]}
    assert kinds == {
        "usage",
        "subscription",
        "scheduled",
        "commit_purchase",
        "applied_commit_or_credit",
        "cpu_conversion",
    }
    archived = {customer["id"] for customer in customers if customer["archived_at"]}
    assert len(archived) == 2 and archived <= {invoice["customer_id"] for invoice in invoices}
    names = [customer["name"] for customer in customers]
    assert "<script>alert(1)</script>" in names and max(map(len, names)) == 200
    held = [json.loads(line, parse_float=Decimal) for line in sandbox.invoices("metronome")]
    assert sorted(held, key=lambda i: i["id"]) == sorted(invoices, key=lambda i: i["id"])


def test_a_list_is_filtered_as_asked(api, invoices):
    customer = next(
        i["customer_id"] for i in invoices if (i["external_invoice"] or {}).get("external_status") == "DELETED"
    )
    path = f"/v1/customers/{customer}/invoices"
    every = api.get(path, limit=100)["data"]
    assert [i["issued_at"] for i in every] == sorted(i["issued_at"] for i in every)  # date_asc unless asked otherwise
    assert api.get(path, limit=100, sort="date_desc")["data"] == every[::-1]
    middle = every[5]["start_timestamp"]
    assert api.get(path, limit=100, starting_on=middle)["data"] == every[5:]
    assert api.get(path, limit=100, ending_before=middle)["data"] == every[:4]  # the fifth ends right then
    assert (
        api.get(path, contract_id=every[0]["contract_id"], credit_type_id=USD, type="USAGE", limit=99)["data"] == every
    )
    assert api.get(path, contract_id=NOWHERE)["data"] == api.get(path, type="SCHEDULED")["data"] == []
    assert api.get(path, status="DRAFT")["data"] == []
    lines = [line for i in every for line in i["line_items"]]
    kept = [line for i in api.get(path, limit=99, skip_zero_qty_line_items="true")["data"] for line in i["line_items"]]
    assert kept == [line for line in lines if line["quantity"] != 0] and len(kept) < len(lines)


def test_scheduled_invoices_have_no_period_and_a_historical_one_must_be_asked_for(api, customers):
    path = f"/v1/customers/{customers[0]['id']}/invoices"
    scheduled = api.get(path, type="SCHEDULED")["data"]
    assert scheduled and not any("start_timestamp" in invoice for invoice in scheduled)
    dated = api.get(path, starting_on="2020-01-01T00:00:00Z", limit=100)["data"]
    assert not {invoice["id"] for invoice in scheduled} & {invoice["id"] for invoice in dated}
    more = api.get(path, include_historical_commit_invoices="true", limit=100)["data"]
    assert len(more) == len(api.get(path, limit=100)["data"]) + 1
    assert api.invoice(more[0]) == more[0]


def test_pages_have_bounds_and_opaque_ends(api, customers, invoices):
    customer = next(c["id"] for c in customers if sum(i["customer_id"] == c["id"] for i in invoices) == 12)
    path = f"/v1/customers/{customer}/invoices"
    sizes, token = [], None
    while True:
        page = api.get(path, limit=5, sort="date_desc", **({"next_page": token} if token else {}))
        sizes.append(len(page["data"]))
        token = page["next_page"]
        if token is None:
            break
    assert sizes == [5, 5, 2]
    for wrong in ({"limit": 0}, {"limit": 101}, {"limit": "ten"}, {"next_page": "nonsense"}, {"sort": "up"},
                  {"status": "PAID"}, {"type": "CREDIT"}, {"starting_on": "yesterday"}, {"skip_zero_qty_line_items": "maybe"}):  # fmt: skip
        assert set(api.get(path, 400, **wrong)) == {"message"}
    some = ",".join(c["id"] for c in customers[:3])
    assert [c["id"] for c in api.get("/v1/customers", customer_ids=some)["data"]] == some.split(",")
    assert api.get("/v1/customers", 400, customer_ids=",".join([NOWHERE] * 101))
    alias, account = customers[1]["ingest_aliases"][0], customers[2]["customer_config"]["salesforce_account_id"]
    assert api.get("/v1/customers", ingest_alias=alias)["data"] == [customers[1]]
    assert api.get("/v1/customers", salesforce_account_ids=account)["data"] == [customers[2]]


def test_archived_customers_come_only_when_asked_for(api):
    active, archived = api.pages("/v1/customers"), api.pages("/v1/customers", only_archived="true")
    assert {c["archived_at"] for c in active} == {None} and all(c["archived_at"] for c in archived)
    assert len(active) == 14 and len(archived) == 2


def test_a_consolidated_invoice_repeats_what_others_say(api, invoices):
    by_id = {invoice["id"]: invoice for invoice in invoices}
    consolidated = [invoice for invoice in invoices if invoice["type"] == "USAGE_CONSOLIDATED"]
    for invoice in consolidated:
        parts = [by_id[part["invoice_id"]] for part in invoice["constituent_invoices"]]
        assert {part["customer_id"] for part in parts} > {invoice["customer_id"]}  # its own statement, and a child's
        assert sum(part["total"] for part in parts) == invoice["total"]
        assert all(part["payer"] == invoice["payer"] and part["external_invoice"] is None for part in parts)
        copied = [{k: v for k, v in line.items() if k != "origin"} for line in invoice["line_items"]]
        assert copied == [line for part in parts for line in part["line_items"]]
    assert len(consolidated) == 2


def test_keys_and_unknown_things_are_refused_in_one_shape(sandbox, api, customers, invoices):
    stranger = requests.get(api.base + "/v1/customers", timeout=9)
    assert (stranger.status_code, stranger.json()) == (401, {"message": "Unauthorized"})
    wrong = requests.get(api.base + "/v1/customers", headers={"Authorization": "Bearer no"}, timeout=9)
    assert wrong.status_code == 401
    reader = Api(sandbox, "read_only_key")
    assert reader.customers() == customers
    assert reader.post("/v1/invoices/void", {"id": invoices[0]["id"]}, 403) == {"message": "Forbidden"}
    other = next(c["id"] for c in customers if c["id"] != invoices[0]["customer_id"])
    for path in (f"/v1/customers/{NOWHERE}", f"/v1/customers/{NOWHERE}/invoices", "/v1/invoices",
                 f"/v1/customers/{other}/invoices/{invoices[0]['id']}", f"/v1/customers/{other}/invoices/{NOWHERE}/pdf",
                 f"/v1/customers/{other}/billing-config/workday"):  # fmt: skip
        assert set(api.get(path, 404)) == {"message"}
    for body in ({}, {"id": "7"}, {"id": 7}, []):
        assert set(api.post("/v1/invoices/void", body, 400)) == {"message"}
    assert api.post("/v2/contracts/list", {"customer_id": NOWHERE}, 400)["code"] == "CustomerNotFound"


def test_the_audit_log_never_ends(api, sandbox, invoices):
    rows, token = [], None
    for _ in range(20):
        page = api.get("/v1/auditLogs", limit=15, **({"next_page": token} if token else {}))
        rows, token = rows + page["data"], page["next_page"]
    assert page["data"] == [] and token
    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
    paid = next(i for i in invoices if (i["external_invoice"] or {}).get("external_status") == "UNCOLLECTIBLE")
    sandbox.act("metronome", "void_at_provider", paid["id"])
    new = api.get("/v1/auditLogs", next_page=token)
    assert [(row["action"], row["resource_id"]) for row in new["data"]] == [("void", paid["id"])]
    assert api.get("/v1/auditLogs", next_page=new["next_page"]) == {"data": [], "next_page": new["next_page"]}
    mine = api.get("/v1/auditLogs", resource_type="invoice", resource_id=paid["id"])["data"]
    assert mine == new["data"]
    assert api.get("/v1/auditLogs", sort="date_desc", limit=1)["data"] == mine
    api.get("/v1/auditLogs", 400, next_page=token, starting_on="2026-01-01T00:00:00Z")
    api.get("/v1/auditLogs", 400, resource_type="invoice")


def test_breakdowns_cut_an_invoice_into_windows(api, customers, invoices):
    path = f"/v1/customers/{customers[0]['id']}/invoices/breakdowns"
    september = {"starting_on": "2026-09-01T00:00:00Z", "ending_before": "2026-10-01T00:00:00Z"}
    days = api.pages(path, **september)
    assert len(days) == 30 and days[0]["breakdown_end_timestamp"] == days[1]["breakdown_start_timestamp"]
    whole = next(i for i in invoices if i["id"] == days[0]["id"])
    metered = [line for line in whole["line_items"] if line["type"] != "subscription"]
    assert sum(len(day["line_items"]) for day in days) == 30 * len(metered)
    spent = sum(line["quantity"] for day in days for line in day["line_items"] if line["name"] == "API calls")
    assert spent == sum(line["quantity"] for line in metered if line["name"] == "API calls")
    hours = api.get(path, **september, window_size="HOUR", limit=100)
    assert len(hours["data"]) == 24 and hours["next_page"]  # never more than a day of hours on one page
    year = {"starting_on": "2026-01-01T00:00:00Z", "ending_before": "2026-10-15T00:00:00Z"}
    assert len(api.get(path, **year)["data"]) == 35
    api.get(path, 400, starting_on="2026-01-01T00:00:00Z")


def test_pdfs_say_what_they_are(api, invoices):
    def words(invoice):
        path = f"{api.base}/v1/customers/{invoice['customer_id']}/invoices/{invoice['id']}/pdf"
        answer = api.session.get(path, headers={"Accept": "application/pdf"}, timeout=9)
        assert answer.headers["Content-Type"] == "application/pdf"
        return PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()

    for status in ("DRAFT", "VOID"):
        assert f"*** {status} ***" in words(next(i for i in invoices if i["status"] == status))
    final = next(i for i in invoices if i["status"] == "FINALIZED" and i["external_invoice"])
    assert "***" not in words(final) and final["id"] in words(final)
    link = next(i["external_invoice"]["pdf_url"] for i in invoices if "pdf_url" in (i["external_invoice"] or {}))
    assert requests.get(link, timeout=9).content.startswith(b"%PDF-")  # no key: whoever has the link may read
