"""What stood before a person when they decided: the figures, what was unusual, what was checked, under which rules."""

import hashlib
import json
from typing import Any

from django.utils import timezone

from invoicing.models import Anomaly, Invoice, Look, Mute, Review
from invoicing.money import exact_text

MOST_CHANGES = 100


def unticked(review: Review) -> list[str]:
    """The points of the checklist that nobody checked in this round."""
    done = set(review.ticks.filter(round=review.round).values_list("key", flat=True))
    return [point["text"] for point in review.checklist if point["key"] not in done]


def anomalies(review: Review) -> list[tuple[Anomaly, Mute | None]]:
    """What the checks found in the version that is looked at, each with what mutes it now, if anything does."""
    found = list(Anomaly.objects.filter(invoice=review.invoice_id, version=review.version))
    mutes = list(
        Mute.objects.filter(customer=review.invoice.customer_id, ended_at=None, until__gte=timezone.localdate())
    )
    return [(each, next((mute for mute in mutes if mutes_it(mute, each)), None)) for each in found]


def checked(invoice: Invoice, version: int) -> bool:
    """Whether the checks looked at that version of it."""
    return Look.objects.filter(invoice=invoice, version=version).exists()


def mutes_it(mute: Mute, anomaly: Anomaly) -> bool:
    return mute.kind == anomaly.kind and mute.about in ("", anomaly.about)


def seen(review: Review) -> dict[str, Any]:
    """JSON-ready; amounts as text with every digit."""
    invoice = review.invoice
    ticks = {each.key: each for each in review.ticks.filter(round=review.round).select_related("by")}
    return {
        "invoice": {
            "id": invoice.pk,
            "connection": invoice.connection.name,
            "provider": invoice.connection.provider,
            "external_id": invoice.external_id,
            "number": invoice.number,
            "customer": str(invoice.customer),
            "status": invoice.status,
            "payment_status": invoice.payment_status,
            "provider_status": invoice.provider_status,
            "total": None if invoice.total is None else exact_text(invoice.total),
            "amount_due": None if invoice.amount_due is None else exact_text(invoice.amount_due),
            "currency": invoice.currency,
        },
        "version": review.version,
        "seal": review.seal,
        "round": review.round,
        "rulebook": review.rulebook.number if review.rulebook else None,
        "rules": review.rules,
        "wanted": review.wanted,
        "difference": review.difference[:MOST_CHANGES],
        "checked": checked(invoice, review.version),
        "anomalies": [
            {
                "kind": each.kind,
                "about": each.about,
                "here": each.here,
                "there": each.there,
                "against": each.against,
                "unit": each.unit,
                "muted": f"{mute.by}: {mute.reason} (until {mute.until.isoformat()})" if mute else "",
            }
            for each, mute in anomalies(review)
        ],
        "checklist": [
            point
            | (
                {"by": str(ticks[point["key"]].by), "at": ticks[point["key"]].at.isoformat()}
                if point["key"] in ticks
                else {"by": "", "at": ""}
            )
            for point in review.checklist
        ],
    }


def digest(shown: dict[str, Any]) -> str:
    """What the audit entry holds of it, so that the evidence cannot be changed unnoticed."""
    return hashlib.sha256(json.dumps(shown, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def exported(review: Review) -> dict[str, Any]:
    """The whole review with every decision and its evidence, for a file."""
    return {
        "invoice": review.invoice_id,
        "state": review.state,
        "round": review.round,
        "version": review.version,
        "seal": review.seal,
        "decisions": [
            {
                "kind": each.kind,
                "by": str(each.by),
                "at": each.at.isoformat(),
                "round": each.round,
                "version": each.version,
                "seal": each.seal,
                "reason": each.reason,
                "alone": each.solo,
                "undone_at": each.undone_at.isoformat() if each.undone_at else None,
                "evidence": each.evidence,
                "evidence_sha256": digest(each.evidence),
            }
            for each in review.decisions.select_related("by").order_by("at", "pk")
        ],
    }
