"""What the contracts of the five providers list for invoices, line by line: each can be done here, or a page says why not."""

import re
from pathlib import Path

import pytest

from invoicing.operations.capabilities import matrix
from invoicing.operations.registry import VERBS
from invoicing.providers.registry import PROVIDERS
from tests.web.test_invoice import text_of

HERE = Path(__file__).resolve().parents[2] / "invoicing/providers"

# section of the contract, the call, and how it is reached: a verb, what the mirror and the vault read, or a reason
LISTED = {
    "flexprice": [
        ("8.0 no. 1", "GET /customers/{customer_id}/invoices/summary", "verb customer_summary"),
        ("8.0 no. 2", "GET /invoices", "not plain_list"),
        ("8.0 no. 3", "POST /invoices", "verb create_invoice"),
        ("8.0 no. 4", "POST /invoices/preview", "verb preview"),
        ("8.0 no. 5", "POST /invoices/search", "read list_invoices"),
        ("8.0 no. 6", "GET /invoices/{invoice_id}", "read get_invoice"),
        ("8.2, grouped", "GET /invoices/{invoice_id}", "verb usage_breakdown"),
        ("8.0 no. 7", "PUT /invoices/{invoice_id}", "verb update"),
        ("8.0 no. 8", "POST /invoices/{invoice_id}/comms/trigger", "verb trigger_communication"),
        ("8.0 no. 9", "POST /invoices/{invoice_id}/finalize", "verb finalize"),
        ("8.0 no. 10", "PUT /invoices/{invoice_id}/payment", "verb record_payment_status"),
        ("8.0 no. 11", "POST /invoices/{invoice_id}/payment/attempt", "verb attempt_payment"),
        ("8.0 no. 12, bytes", "GET /invoices/{invoice_id}/pdf", "read get_pdf"),
        ("8.0 no. 12, link", "GET /invoices/{invoice_id}/pdf", "not pdf_link"),
        ("8.0 no. 13, first server", "POST /invoices/{invoice_id}/recalculate", "verb recalculate"),
        ("8.0 no. 13, today's", "POST /invoices/{invoice_id}/recalculate", "verb void_and_replace"),
        ("8.0 no. 14", "POST /invoices/{invoice_id}/void", "verb void"),
        ("8.0, today's only", "POST /invoices/{invoice_id}/recalculate-v2", "verb recalculate"),
        ("8.0, not documented", "POST /invoices/{invoice_id}/compute", "not compute"),
        ("8.0, not documented", "POST /invoices/{invoice_id}/webhook/trigger", "not trigger_webhook"),
        ("8.0, newest SDK only", "POST /invoices/{invoice_id}/modify/execute", "not modify"),
    ],
    "orb": [
        ("4.1", "GET /invoices", "read list_invoices"),
        ("4.2", "GET /invoices/summary", "not invoice_summaries"),
        ("4.3", "GET /invoices/{invoice_id}", "read get_invoice"),
        ("4.4", "GET /invoices/upcoming", "verb upcoming"),
        ("4.5", "POST /invoices", "verb create_invoice"),
        ("4.6", "PUT /invoices/{invoice_id}", "verb update"),
        ("4.7", "POST /invoices/{invoice_id}/issue", "verb finalize"),
        ("4.7", "POST /invoices/summary/{invoice_id}/issue", "not issue_by_summary"),
        ("4.8", "POST /invoices/{invoice_id}/mark_paid", "verb mark_paid"),
        ("4.9", "POST /invoices/{invoice_id}/pay", "verb pay"),
        ("4.10", "POST /invoices/{invoice_id}/void", "verb void"),
        ("4.11", "POST /invoice_line_items", "verb add_line"),
        ("4.12", "DELETE /invoices/{invoice_id}/invoice_line_items/{line_item_id}", "verb remove_line"),
        ("4.13", "POST /invoices/{invoice_id}/regenerate_invoice_pdf", "verb regenerate_pdf"),
        ("4.13", "POST /invoices/{invoice_id}/regenerate_receipt_pdf", "not regenerate_receipt"),
        ("4.14", "POST /credit_notes", "not create_credit_note"),
        ("4.17", "GET /credit_blocks/{block_id}/invoices", "not credit_block_invoices"),
        ("4.17", "DELETE /credit_blocks/{block_id}", "not delete_credit_block"),
    ],
    "metronome": [
        ("4.1", "GET /v1/customers/{customer_id}/invoices", "read list_invoices"),
        ("4.2", "GET /v1/customers/{customer_id}/invoices/{invoice_id}", "read get_invoice"),
        ("4.3", "GET /v1/customers/{customer_id}/invoices/{invoice_id}/pdf", "read get_pdf"),
        ("4.4", "GET /v1/customers/{customer_id}/invoices/breakdowns", "not usage_breakdown"),
        ("4.5", "POST /v1/invoices/void", "verb void"),
        ("4.6", "POST /v1/invoices/regenerate", "verb regenerate_invoice"),
        ("4.7", "POST /v1/customers/{customer_id}/addCharge", "not add_charge"),
        ("4.8", "POST /v1/contracts/updateInvoiceIssueDate", "verb move_issue_date"),
        ("4.14", "POST /v1/contracts/archive", "not archive_contract"),
        ("4.14", "POST /v1/customers/archive", "not archive_customer"),
        ("4.14", "POST /v1/contracts/createHistoricalInvoices", "not historical_invoices"),
    ],
    "cockroachdb": [
        ("4.1", "GET /api/v1/invoices", "read list_invoices"),
        ("4.2", "GET /api/v1/invoices/{invoice_id}", "read get_invoice"),
    ],
    "checkout_page": [
        ("5.1", "GET /v1/invoices/", "read list_invoices"),
        ("5.2", "POST /v1/invoices/{invoice_id}/regenerate", "verb regenerate_pdf"),
        ("5.3", "GET /v1/invoices/{invoice_id}", "not get_invoice"),
    ],
}
LINES = [(provider, *line) for provider, lines in LISTED.items() for line in lines]


def call_of(endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


@pytest.mark.parametrize(("provider", "section", "call", "way"), LINES, ids=[f"{p} {s} {c}" for p, s, c, _ in LINES])
def test_what_a_contract_lists_can_be_done_or_is_refused_with_a_reason(db, provider, section, call, way):
    kind, key = way.split()
    adapter = PROVIDERS[provider]
    if kind == "verb":
        offered = {
            each.endpoint
            for each in matrix()
            if each.provider.key == provider and each.verb.key == key and each.offered
        }
        assert call in offered
    elif kind == "read":
        assert call_of(adapter.endpoints[key]) == call and adapter.endpoints[key].safe
        asked_for = [path.read_text().count(f'"{key}"') for path in (HERE / provider).glob("*.py")]
        assert sum(asked_for) > 1, "It stands in the table, and nothing asks for it."
    else:
        assert adapter.not_offered[key].endswith(".")
        if call != "GET /invoices/{invoice_id}/pdf":  # whose bytes are read
            assert call not in {call_of(each) for each in adapter.endpoints.values()}


def test_nothing_is_called_that_no_contract_lists():
    for provider, lines in LISTED.items():
        about_invoices = {call_of(each) for each in PROVIDERS[provider].endpoints.values() if "invoice" in each.path}
        assert about_invoices <= {call for _, call, _ in lines}, provider
        changing = {call_of(each) for each in PROVIDERS[provider].endpoints.values() if not each.safe}
        assert changing <= {call for _, call, way in lines if way.startswith("verb")}, provider


def test_every_verb_with_a_call_stands_in_a_contract_and_every_reason_on_the_page(client, operator):
    client.force_login(operator)
    links = re.findall(r'href="(\?server=[^"]+)"', client.get("/capabilities/").content.decode())
    pages = " ".join(text_of(client.get(f"/capabilities/{link}").content.decode()) for link in links)
    for provider, lines in LISTED.items():
        ways = {way for _, _, way in lines}
        with_a_call = {f"verb {key}" for key, verb in VERBS.items() if provider in verb.calls}
        made_of_others = {
            f"verb {key}" for key, verb in VERBS.items() if provider in verb.calls and verb.calls[provider].steps
        }
        assert with_a_call - made_of_others == {way for way in ways if way.startswith("verb")}
        for way in ways:
            if way.startswith("not"):
                assert " ".join(PROVIDERS[provider].not_offered[way.split()[1]].split()) in pages
