"""What the screens of invoices and operations say besides: {% verb_icon verb %}, {{ operation.verb|verb_name }}."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from invoicing.models import Brake, Incident, Invoice, Operation
from invoicing.operations import brakes, incidents, steps
from invoicing.operations.registry import VERBS
from invoicing.web.formats import day_text
from invoicing.web.marks import icon
from invoicing.web.sentences import said

register = template.Library()

SLASH = format_html("{}<wbr>", "/")

ICONS = {
    "void": "ban",
    "finalize": "stamp",
    "regenerate_pdf": "printer",
    "regenerate_invoice": "rotate-cw",
    "void_and_replace": "rotate-ccw",
    "recalculate": "scale",
    "add_line": "plus",
    "remove_line": "minus",
    "update": "file-pen",
    "move_issue_date": "calendar",
    "create_invoice": "plus",
    "preview": "eye",
    "upcoming": "eye",
    "record_payment_status": "wallet",
    "mark_paid": "check-check",
    "attempt_payment": "banknote",
    "trigger_communication": "send",
    "customer_summary": "users",
}


@register.simple_tag
def verb_icon(verb):
    """The icon of a verb, or of a verb's key."""
    return icon(ICONS.get(getattr(verb, "key", verb), "play"))


@register.simple_tag
def held_for(invoice: Invoice) -> Incident | None:
    """The open incident for which an invoice takes no operation."""
    return incidents.open_of(invoice)


@register.simple_tag
def holding_back() -> list[Brake]:
    """What keeps the whole desk from sending: a dry run, an older database."""
    return brakes.of_the_desk()


@register.simple_tag(takes_context=True)
def replacements_missing(context) -> list[Operation]:
    """What was voided and not replaced, as far as the person who looks may see."""
    return steps.replacements_missing_for(context["request"].user)


@register.filter
def verb_name(key: str) -> str:
    return str(said(VERBS[key].name)) if key in VERBS else words(key)


@register.filter
def words(key: str) -> str:
    """will_auto_issue → Will auto issue."""
    return str(key).replace("_", " ").capitalize()


@register.filter
def breakable(path: str):
    """A path that may be broken behind its slashes."""
    return format_html_join(SLASH, "{}", ((part,) for part in str(path).split("/"))) if path else ""


@register.filter
def told_fact(value) -> str:
    """A fact of a test call: yes and no for true and false; what is not known is called so."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return _("not known") if value is None else str(value)


@register.filter
def moment_seconds(value: datetime | None):
    """<time>19 Nov 2026, 14:05:09 UTC</time>: where the order of things matters."""
    if not value:
        return ""
    local = timezone.localtime(value)
    text = f"{day_text(local.date())}, {local:%H:%M:%S} {local.tzname()}"
    return format_html('<time datetime="{}">{}</time>', value.isoformat(timespec="milliseconds"), text)
