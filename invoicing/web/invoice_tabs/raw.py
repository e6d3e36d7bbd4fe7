"""What the provider sent, for reading."""

from invoicing.mirror.masking import pretty

AT_FIRST = 200_000
"""So many characters are shown unless all are asked for."""


def of_tab(shown, *, everything: bool, bare: bool) -> dict:
    text = pretty(shown.version.payload_text(), bare=bare)
    cut = not everything and len(text) > AT_FIRST
    return {"raw": text[:AT_FIRST] if cut else text, "cut": cut, "characters": len(text)}
