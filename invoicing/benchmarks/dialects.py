"""One made-up invoice as Orb would send it and as Stripe would, with every key the real objects have."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from invoicing.benchmarks.data import Drawn, line_texts, money

TEXTS = line_texts()
STRIPE_ACCOUNT = "acct_1BenchmarkDesk"
ADDRESS = {
    "city": "Zürich",
    "country": "CH",
    "line1": "Bahnhofstrasse 1",
    "line2": None,
    "postal_code": "8001",
    "state": None,
}


def paid(drawn: Drawn) -> Drawn:
    """The same invoice once the customer has paid; one already paid is voided."""
    return replace(drawn, state="void" if drawn.state == "paid" else "paid")


def identity(drawn: Drawn, prefix: str) -> str:
    return f"{prefix}{drawn.number * 2654435761 % 2**32:08x}{drawn.number:08d}"


def number(drawn: Drawn) -> str:
    return f"INV-{drawn.number:08d}"


# ---- Orb


def orb_invoice(drawn: Drawn) -> dict[str, Any]:
    when = f"{drawn.day}T00:00:00+00:00"
    total = money(sum(drawn.amounts), drawn.currency)
    issued = drawn.state != "draft"
    word = {"open": "issued"}.get(drawn.state, drawn.state)
    due = drawn.day + timedelta(days=drawn.days_to_pay)
    return {
        "id": identity(drawn, "orb"),
        "invoice_number": number(drawn),
        "status": word,
        "invoice_source": "subscription",
        "currency": drawn.currency,
        "subtotal": total,
        "total": total,
        "amount_due": total if drawn.state == "open" else money(0, drawn.currency),
        "customer": {"id": f"cus{drawn.customer:06d}", "external_customer_id": f"crm-{drawn.customer}"},
        "subscription": {"id": f"sub{drawn.customer:06d}"},
        "customer_tax_id": None,
        "billing_address": ADDRESS,
        "shipping_address": None,
        "created_at": when,
        "invoice_date": when,
        "due_date": f"{due}T00:00:00+00:00" if issued else None,
        "scheduled_issue_at": None if issued else when,
        "eligible_to_issue_at": None if issued else when,
        "will_auto_issue": False,
        "issued_at": when if issued else None,
        "paid_at": when if drawn.state == "paid" else None,
        "voided_at": when if drawn.state == "void" else None,
        "issue_failed_at": None,
        "sync_failed_at": None,
        "payment_started_at": None,
        "payment_failed_at": None,
        "payment_received_at": None,
        "auto_collection": {
            "enabled": True,
            "next_attempt_at": None,
            "previously_attempted_at": None,
            "num_attempts": 0,
        },
        "payment_attempts": [],
        "customer_balance_transactions": [],
        "credit_notes": [],
        "line_items": [_orb_line(drawn, place, when) for place in range(len(drawn.amounts))],
        "discounts": [],
        "discount": None,
        "minimum": None,
        "maximum": None,
        "minimum_amount": None,
        "maximum_amount": None,
        "hidden_line_item_count": 0,
        "memo": "Thank you for your business.",
        "metadata": {"cost_center": "4711", "region": "emea"},
        "invoice_pdf": f"https://assets.withorb.com/invoice/{identity(drawn, 'orb')}/token" if issued else None,
        "hosted_invoice_url": None,
    }


def _orb_line(drawn: Drawn, place: int, when: str) -> dict[str, Any]:
    amount = money(drawn.amounts[place], drawn.currency)
    name = TEXTS[drawn.texts[place]]
    return {
        "id": f"{identity(drawn, 'line')}{place}",
        "name": name,
        "quantity": 1,
        "start_date": when,
        "end_date": when,
        "subtotal": amount,
        "adjusted_subtotal": amount,
        "credits_applied": "0.00",
        "partially_invoiced_amount": "0.00",
        "amount": amount,
        "adjustments": [],
        "sub_line_items": [],
        "tax_amounts": [],
        "filter": None,
        "grouping": None,
        "usage_customer_ids": [f"cus{drawn.customer:06d}"],
        "price": {
            "id": f"price{drawn.texts[place]:05d}",
            "name": name,
            "external_price_id": None,
            "price_type": "usage_price",
            "model_type": "unit",
            "unit_config": {"unit_amount": amount, "prorated": False},
            "created_at": when,
            "cadence": "monthly",
            "billing_mode": "in_arrear",
            "billing_cycle_configuration": {"duration": 1, "duration_unit": "month"},
            "invoicing_cycle_configuration": {"duration": 1, "duration_unit": "month"},
            "billable_metric": {"id": f"metric{drawn.texts[place]:05d}"},
            "item": {"id": f"item{drawn.texts[place]:05d}", "name": name},
            "currency": drawn.currency,
            "conversion_rate": None,
            "conversion_rate_config": None,
            "fixed_price_quantity": None,
            "credit_allocation": None,
            "discount": None,
            "minimum": None,
            "maximum": None,
            "plan_phase_order": None,
            "replaces_price_id": None,
            "invoice_grouping_key": None,
            "dimensional_price_configuration": None,
            "metadata": {},
        },
    }


def orb_customer(person: int) -> dict[str, Any]:
    return {
        "id": f"cus{person:06d}",
        "external_customer_id": f"crm-{person}",
        "name": f"Customer {person} GmbH",
        "email": f"billing{person}@customer.example",
        "additional_emails": [],
        "email_delivery": True,
        "auto_collection": True,
        "balance": "0.00",
        "currency": None,
        "timezone": "Etc/UTC",
        "billing_address": ADDRESS,
        "shipping_address": None,
        "tax_id": None,
        "payment_provider": None,
        "payment_provider_id": None,
        "portal_url": None,
        "metadata": {},
        "created_at": "2023-01-01T00:00:00+00:00",
    }


# ---- Stripe


def stripe_invoice(drawn: Drawn) -> dict[str, Any]:
    seconds = int(datetime(drawn.day.year, drawn.day.month, drawn.day.day, tzinfo=UTC).timestamp())
    total = sum(drawn.amounts)
    due = 0 if drawn.state in ("paid", "void") else total
    return {
        "id": identity(drawn, "in_"),
        "object": "invoice",
        "account_country": "CH",
        "account_name": "Desk",
        "account_tax_ids": None,
        "amount_due": total,
        "amount_overpaid": 0,
        "amount_paid": total - due,
        "amount_remaining": due,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 1,
        "attempted": True,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "created": seconds,
        "currency": drawn.currency.lower(),
        "custom_fields": None,
        "customer": f"cus_{drawn.customer:06d}",
        "customer_address": ADDRESS,
        "customer_email": f"billing{drawn.customer}@customer.example",
        "customer_name": f"Customer {drawn.customer} GmbH",
        "customer_phone": None,
        "customer_shipping": None,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": "Thank you for your business.",
        "discounts": [],
        "due_date": seconds + drawn.days_to_pay * 86400,
        "effective_at": seconds,
        "ending_balance": 0,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{STRIPE_ACCOUNT}/{identity(drawn, 'test_')}",
        "invoice_pdf": f"https://pay.stripe.com/invoice/{STRIPE_ACCOUNT}/{identity(drawn, 'test_')}/pdf",
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": {
            "object": "list",
            "has_more": False,
            "total_count": len(drawn.amounts),
            "url": f"/v1/invoices/{identity(drawn, 'in_')}/lines",
            "data": [_stripe_line(drawn, place, seconds) for place in range(len(drawn.amounts))],
        },
        "livemode": False,
        "metadata": {"cost_center": "4711", "region": "emea"},
        "next_payment_attempt": None,
        "number": number(drawn),
        "on_behalf_of": None,
        "parent": None,
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": seconds,
        "period_start": seconds - 30 * 86400,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": drawn.state,
        "status_transitions": {
            "finalized_at": seconds,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "test_clock": None,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": seconds,
    }


def _stripe_line(drawn: Drawn, place: int, seconds: int) -> dict[str, Any]:
    amount = drawn.amounts[place]
    text = drawn.texts[place]
    return {
        "id": f"{identity(drawn, 'il_')}{place}",
        "object": "line_item",
        "amount": amount,
        "currency": drawn.currency.lower(),
        "description": TEXTS[text],
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": identity(drawn, "in_"),
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": {"end": seconds, "start": seconds - 30 * 86400},
        "pretax_credit_amounts": [],
        "price": {
            "id": f"price_{text:05d}",
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "created": 1672531200,
            "currency": drawn.currency.lower(),
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": f"prod_{text:05d}",
            "recurring": {"interval": "month", "interval_count": 1, "meter": None, "usage_type": "metered"},
            "tax_behavior": "exclusive",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
        },
        "pricing": {
            "price_details": {"price": f"price_{text:05d}", "product": f"prod_{text:05d}"},
            "type": "price_details",
            "unit_amount_decimal": str(amount),
        },
        "quantity": 1,
        "taxes": [],
    }


def stripe_customer(person: int) -> dict[str, Any]:
    return {
        "id": f"cus_{person:06d}",
        "object": "customer",
        "address": ADDRESS,
        "balance": 0,
        "created": 1672531200,
        "currency": "usd",
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": f"billing{person}@customer.example",
        "invoice_prefix": f"P{person:06d}",
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": f"Customer {person} GmbH",
        "next_invoice_sequence": 2,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def stripe_account() -> dict[str, Any]:
    return {
        "id": STRIPE_ACCOUNT,
        "object": "account",
        "business_profile": {"name": "Desk"},
        "business_type": "company",
        "charges_enabled": True,
        "country": "CH",
        "created": 1672531200,
        "default_currency": "chf",
        "details_submitted": True,
        "email": "desk@desk.example",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "dashboard": {"display_name": "Desk"},
        },
        "type": "standard",
    }


INVOICES = {"orb": orb_invoice, "stripe": stripe_invoice}
