"""Keys that few invoices carry: discounts, list prices, the numbers of NetSuite and of resellers, a corrected copy."""

from datetime import datetime
from decimal import Decimal

FIELDS = {"k": "v"}
GOOGLE = {
    "fraction": "0.05",
    "netsuite_reseller_id": "R-78",
    "reseller_type": "GCP",
    "gcp_options": {"gcp_account_id": "gcp-1", "gcp_offer_id": "offer-2"},
}
AMAZON = {
    "fraction": "0.03",
    "netsuite_reseller_id": "R-77",
    "reseller_type": "AWS",
    "aws_options": {
        "aws_account_number": "000000000000",
        "aws_offer_id": "offer-1",
        "aws_payer_reference_id": "payer-1",
    },
}


def resold(ids, sheet, invoice: dict) -> None:
    """Sold through a marketplace and booked in NetSuite; the first line at a discount from its list price."""
    for line in sheet.lines:
        line.update(reseller_type="AWS", netsuite_item_id="300", custom_fields=FIELDS)
        line.update(netsuite_invoice_billing_start=invoice["start_timestamp"])
        line.update(netsuite_invoice_billing_end=invoice["end_timestamp"])
        line.update((name, FIELDS) for name in list(line) if name.endswith("_custom_fields"))
    first = sheet.lines[0]
    first.update(discount_id=ids.of("discount", 1), discount_custom_fields=FIELDS)
    first.update(commit_netsuite_item_id="301", commit_netsuite_sales_order_id="SO-1001")
    first["list_price"] = {
        "rate_type": "TIERED",
        "tiers": [{"price": Decimal("0.12"), "size": Decimal(100_000)}, {"price": Decimal("0.1")}],
        "credit_type": sheet.unit,
        "pricing_group_values": {"region": "eu-central-1"},
        "is_prorated": False,
    }
    invoice["contract_custom_fields"] = FIELDS
    invoice["netsuite_sales_order_id"] = "SO-2002"
    invoice["salesforce_opportunity_id"] = "0065g00000ExAmPl"
    invoice["reseller_royalty"] = AMAZON


def corrected(issued_at: datetime) -> dict:
    """The corrected invoice as the billing provider had it."""
    return {
        "billing_provider_type": "stripe",
        "external_status": "PAYMENT_FAILED",
        "invoice_id": "in_1QExampleCorrected",
        "issued_at_timestamp": issued_at,
        "pdf_url": "https://pay.stripe.example/invoice/in_1QExampleCorrected/pdf",
        "tax": {"total_tax_amount": 1980, "total_taxable_amount": 24750, "transaction_id": "txr_0001"},
        "invoiced_sub_total": 24750,
        "invoiced_total": 26730,
        "external_payment_id": "pi_0001",
        "billing_provider_error": "The card was declined.",
    }
