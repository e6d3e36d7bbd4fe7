"""{% audit_links "invoice" invoice.pk %}: from a record's page to all that is on record about it."""

from urllib.parse import urlencode

from django import template

from invoicing.access.rights import can
from invoicing.auditing.subjects import KINDS

register = template.Library()
FILTERS = {"invoice": ("invoice", "{}"), "batch": ("correlation", "{}"), "customer": ("customer", "{}")}
"""Kind of record → the filter that finds it and what belongs to it; of others the entries about the record itself."""


@register.inclusion_tag("audit/_of.html", takes_context=True)
def audit_links(context, kind: str, key) -> dict:
    user = context["request"].user
    name, form = FILTERS.get(kind, ("target", kind + ":{}"))
    reads = can(user, "audit") or (kind == "user" and can(user, "audit_access"))
    return {
        "trail": urlencode({name: form.format(key)}) if reads else "",
        "packs": urlencode({"of": f"{kind}:{key}"}) if kind in KINDS and can(user, "evidence") else "",
    }
