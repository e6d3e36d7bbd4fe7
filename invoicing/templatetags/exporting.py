"""What the templates of files say: {% may_export as allowed %}, {{ bytes|size_text }}."""

from decimal import Decimal

from django import template

from invoicing.web.formats import number_text

register = template.Library()


@register.simple_tag(takes_context=True)
def may_export(context) -> bool:
    """Whether this person may take lists away as files."""
    return context["shell"].may("export")


@register.filter
def size_text(size: int | None) -> str:
    """12 kB, 3.4 MB."""
    if size is None:
        return ""
    if size < 1_000_000:
        return f"{number_text(max(1, round(size / 1000)))}\N{NO-BREAK SPACE}kB"
    return f"{number_text(Decimal(size) / 1_000_000 // Decimal('0.1') * Decimal('0.1'))}\N{NO-BREAK SPACE}MB"


@register.filter
def decimal(text: str) -> Decimal:
    """An amount kept as text, to be shown as one."""
    return Decimal(text)
