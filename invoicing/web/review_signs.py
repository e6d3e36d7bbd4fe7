"""The signs of reviews beside the rows of a list: how each stands, and what is unusual."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from invoicing.models import Invoice, Review
from invoicing.web.review_panel import TONES


def signs_of(invoices: Iterable[int]) -> dict[int, SafeString]:
    """By our id of the invoice; one query. Invoices without a review or anything unusual have no sign."""
    told = Invoice.objects.filter(pk__in=list(invoices)).filter(Q(review__isnull=False) | Q(look__found__gt=0))
    found = told.values_list("pk", "review__state", "look__found", "look__version", "version").order_by()
    return {pk: _sign(state, unusual or 0, seen == version) for pk, state, unusual, seen, version in found}


def _sign(state: str | None, unusual: int, is_current: bool) -> SafeString:
    review = unusual_sign = ""
    if state and state != Review.State.SUPERSEDED:
        known = Review.State(state)
        review = format_html(
            ' <span class="pill plain {}" data-review="{}">{}</span>', TONES[known], state, known.label
        )
    if unusual and is_current:
        unusual_sign = format_html(
            ' <span class="pill plain amber" data-unusual="{}">{}</span>',
            unusual,
            _("%(count)d unusual") % {"count": unusual},
        )
    return format_html("{}{}", review, unusual_sign)
