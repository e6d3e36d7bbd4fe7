"""Rights as templates name them."""

from collections.abc import Iterable

from django import template

from invoicing.access.shipped import RIGHTS, WORDS

register = template.Library()


@register.filter
def in_words(right: str) -> str:
    return WORDS.get(right, right)


@register.filter
def in_order(rights: Iterable[str]) -> list[str]:
    held = set(rights)
    return [right for right in RIGHTS if right in held]
