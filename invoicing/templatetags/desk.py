"""What templates say: {% icon "x" %}, {% money amount unit %}, {% status_pill s %}, {{ day|day }}, {{ moment|since }}."""

from datetime import date, datetime
from decimal import Decimal

from django import template
from django.template.defaultfilters import stringfilter
from django.utils.html import format_html
from django.utils.translation import gettext as _

from invoicing.web import formats, marks, sentences

register = template.Library()

register.simple_tag(marks.icon, name="icon")
register.simple_tag(marks.pill, name="pill")
register.simple_tag(marks.status_pill, name="status_pill")
register.simple_tag(marks.payment_pill, name="payment_pill")
register.simple_tag(marks.operation_pill, name="operation_pill")
register.simple_tag(marks.provider_badge, name="provider_badge")
register.filter("provider_name", stringfilter(marks.provider_name))
register.filter("said", sentences.said)
register.filter("within", formats.within)
register.filter("unit", stringfilter(formats.unit_text))


@register.simple_tag(takes_context=True)
def money(context, amount: Decimal | None, unit: str, missing: str = "—"):
    """An amount with its unit, every digit, in tabular figures. Absent is not zero: it shows `missing`. Who may not see
    amounts sees that there is one.
    """
    if amount is None:
        return missing
    if "shell" in context and not context["shell"].may("view_money"):
        return format_html(
            '<span class="money">•••\N{NO-BREAK SPACE}<span class="unit">{}</span></span>', formats.unit_text(unit)
        )
    figure, finer = formats.figure_parts(amount, unit)
    return format_html(
        '<span class="money">{}{}\N{NO-BREAK SPACE}<span class="unit">{}</span></span>',
        figure,
        format_html("<i>{}</i>", finer) if finer else "",
        formats.unit_text(unit),
    )


@register.filter
def amount(value: Decimal | None, unit: str):
    """The figure alone, for where its unit stands beside it. Digits finer than the currency's own stand back."""
    if value is None:
        return ""
    figure, finer = formats.figure_parts(value, unit)
    return format_html("{}<i>{}</i>", figure, finer) if finer else figure


@register.filter
def number(value: Decimal | int | None):
    """A quantity or count, grouped, every digit; empty when absent."""
    return "" if value is None else formats.number_text(value)


@register.filter
def day(value: date | datetime | None):
    """<time>19 Nov 2026</time>; a moment shows the day it falls on in the accounting time zone."""
    if not value:
        return ""
    return marks.day(formats.timezone.localtime(value).date() if isinstance(value, datetime) else value)


@register.filter
def moment(value: datetime | None):
    """<time>19 Nov 2026, 14:05 UTC</time>."""
    return marks.moment(value) if value else ""


@register.filter
def since(value: datetime | None):
    """<time title="the moment">12 min ago</time>."""
    if not value:
        return _("never")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(timespec="seconds"),
        formats.moment_text(value),
        formats.since_text(value),
    )
