"""The copy of an invoice in the customer's billing provider. Metronome's own status and this one go separate ways."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from .accounts import Account

QUEUE = timedelta(hours=1)  # after finalizing, until the billing provider has it
BARE = ("QUEUED", "SKIPPED")  # nothing exists there
ERRORS = {
    "PAYMENT_FAILED": "Your card has insufficient funds.",
    "INVALID_REQUEST_ERROR": "Customer is inactive in the billing provider.",
}
PREFIX = {"stripe": "in_1Q", "netsuite": "INV-", "aws_marketplace": "aws-"}


def external_invoice(account: Account, status: str, invoice: dict, digits: str, origin: str) -> dict:
    """The `external_invoice` of a finalized invoice."""
    provider = account.story.provider if status != "INVALID_REQUEST_ERROR" else "netsuite"
    copy = {"billing_provider_type": provider}
    if status in BARE:
        return copy | {"external_status": status}
    copy["invoice_id"] = PREFIX[provider] + (digits[:18] if provider == "stripe" else str(int(digits[:5], 16)))
    if status == "INVALID_REQUEST_ERROR":
        return copy | {"external_status": status, "billing_provider_error": ERRORS[status]}
    if invoice.get("issued_at"):
        copy["issued_at_timestamp"] = invoice["issued_at"] + timedelta(minutes=11, seconds=40, microseconds=301840)
    copy["external_status"] = status
    if status == "DRAFT" or provider != "stripe":
        return copy
    smallest = Decimal(1) if invoice["credit_type"]["name"] in ("USD (cents)", "JPY") else Decimal("0.01")
    subtotal = invoice["total"].quantize(smallest, ROUND_HALF_UP)
    tax = max(Decimal(0), (subtotal * Decimal("0.08")).quantize(smallest, ROUND_HALF_UP))
    if status != "DELETED":
        copy["pdf_url"] = f"{origin}/external/{copy['invoice_id']}.pdf"
    copy["tax"] = {
        "total_tax_amount": tax,
        "total_taxable_amount": subtotal,
        "transaction_id": f"txr_{digits[18:26]}",
    }
    copy |= {"invoiced_total": subtotal + tax, "invoiced_sub_total": subtotal}
    if status in ("PAID", "PARTIALLY_PAID"):
        copy["external_payment_id"] = f"pi_{digits[26:38]}"
    if status in ERRORS:
        copy["billing_provider_error"] = ERRORS[status]
    return copy
