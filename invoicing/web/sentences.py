"""What the lower floors say, in the reader's language.

Refusals, consequences, messages of operations and notes of syncs are made, compared and kept in English: they stand in the
audit trail, in rows and in seals, and must be the same whoever looks. A page says them in the reader's language: by the
whole sentence, else by the pattern that it was made from, whose filled-in parts stay what they are.
"""

import re
from functools import lru_cache

from babel.messages.mofile import read_mo
from django.conf import settings
from django.utils.functional import Promise
from django.utils.safestring import SafeData
from django.utils.translation import get_language, gettext

from invoicing.vocabulary import Payment, Status
from invoicing.web.formats import within

LETTERS = 8
"""A pattern of fewer letters would fit anything."""
PLACE = re.compile(r"%\((\w+)\)s")
ENDS = re.compile(r"(?<=[.!?]) (?=[A-Z“])")


@lru_cache(maxsize=4)
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The sentences with places in them, the most telling first: what they look like, and what they are called there."""
    path = settings.BASE_DIR / "locale" / language / "LC_MESSAGES" / "django.mo"
    if not path.is_file():
        return []
    with path.open("rb") as file:
        known = [each for each in read_mo(file) if isinstance(each.id, str) and each.string and PLACE.search(each.id)]
    found = [(len(re.sub(r"[^A-Za-z]", "", PLACE.sub("", each.id))), each) for each in known]
    found.sort(key=lambda pair: -pair[0])
    return [(re.compile(_regex(each.id), re.DOTALL), each.string) for letters, each in found if letters >= LETTERS]


def _regex(text: str) -> str:
    """ "Only %(a)s." → "Only (?P<a>.+?)\\." """
    parts, met = PLACE.split(text), set()
    for at, part in enumerate(parts):
        if at % 2:
            parts[at] = f"(?P={part})" if part in met else f"(?P<{part}>.+?)"
            met.add(part)
        else:
            parts[at] = re.escape(part.replace("%%", "%"))
    return "".join(parts)


@lru_cache(maxsize=4)
def _status_words(language: str) -> dict[str, str]:
    """The words of statuses, as they stand within a sentence."""
    return {each.value: within(each.label) for kind in (Payment, Status) for each in kind}


@lru_cache(maxsize=4096)
def _said(text: str, language: str) -> str:
    whole = gettext(text)
    if whole != text:
        return whole
    for pattern, meaning in _patterns(language):
        if found := pattern.fullmatch(text):
            return meaning % {name: _part(name, value, language) for name, value in found.groupdict().items()}
    sentences = ENDS.split(text)
    return " ".join(_said(each, language) for each in sentences) if len(sentences) > 1 else text


def _part(name: str, value: str, language: str) -> str:
    """What fills a place: a name, a figure or a provider's word as it is; our status or a further sentence in words."""
    if name == "status":
        return _status_words(language).get(value, value)
    return _said(value, language) if value.endswith(".") else value


def said(text: object) -> object:
    """A text of ours in the reader's language; what is none of ours, as it is."""
    language = get_language() or "en"
    if language.startswith("en") or not text or not isinstance(text, (str, Promise)) or isinstance(text, SafeData):
        return text
    return _said(str(text), language)


def in_words(form):
    """A form of a lower floor with its labels, hints and choices in the reader's language; the values stay."""
    for field in form.fields.values() if form is not None else ():
        field.label, field.help_text = said(field.label), said(field.help_text)
        if isinstance(getattr(field, "choices", None), list):
            field.choices = [(value, said(label)) for value, label in field.choices]
    return form
