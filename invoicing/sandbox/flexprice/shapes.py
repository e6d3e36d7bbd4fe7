"""Which fields each response carries, in either generation.

Source: today's server sends a list with customers and coupons but no taxes, a single invoice with taxes and the
subscription but no coupons, and the answer of a write with neither. The server of January 2026 knows fewer fields.
"""


def _words(text: str) -> frozenset:
    return frozenset(text.split())


# Always there, though possibly null.
INVOICE_ALWAYS = _words("""
id customer_id invoice_type invoice_status payment_status currency amount_due amount_paid subtotal total total_discount
amount_remaining invoice_number idempotency_key billing_sequence version total_tax tenant_id status created_at
updated_at created_by updated_by environment_id adjustment_amount refunded_amount total_prepaid_credits_applied
is_manually_edited""")
INVOICE_PARTS = frozenset(("line_items", "coupon_applications", "taxes"))
# What today's server added to the one of January 2026.
INVOICE_SINCE_MARCH = _words("""
subscription_customer_id total_prepaid_credits_applied adjustment_amount refunded_amount issue_date last_computed_at
environment_id is_manually_edited recalculated_invoice_id""")
LINE_SINCE_MARCH = _words("""
line_item_discount invoice_level_discount prepaid_credits_applied adjusted_entitlement_quantity
subscription_line_item_id parent_line_item_id environment_id""")
WALLET_SINCE_MARCH = _words("""
tenant_id status created_by updated_by environment_id topup_conversion_rate alert_settings""")
TRANSACTION_SINCE_MARCH = frozenset(("conversion_rate", "topup_conversion_rate"))


def invoice(record: dict, early: bool) -> dict:
    """An invoice's own fields; `early` for the server of January 2026."""
    return {
        name: value
        for name, value in record.items()
        if name not in INVOICE_PARTS
        and not name.startswith("_")
        and (value is not None or name in INVOICE_ALWAYS)
        and not (early and name in INVOICE_SINCE_MARCH)
    }


def line(record: dict, early: bool) -> dict:
    """A line item: what is null is left out."""
    shown = {name: value for name, value in record.items() if value is not None and not name.startswith("_")}
    if early:
        shown = {name: value for name, value in shown.items() if name not in LINE_SINCE_MARCH}
        if shown.get("entity_type") == "plan":
            shown["plan_id"] = shown["entity_id"]
    return shown


def without(record: dict, names: frozenset, early: bool) -> dict:
    """A record as the server of January 2026 sent it, or as it is."""
    return {name: value for name, value in record.items() if not (early and name in names)}
