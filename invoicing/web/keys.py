"""The keys of the desk as they are shipped, what they do, and how a person changes them.

Pages mark what a key presses with `data-key`; static/desk/keys.js presses it. A key of a place belongs to its URL name.
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

PLACES = {
    "home": "g h",
    "queue": "g q",
    "receivables": "g r",
    "payables": "g p",
    "customers": "g c",
    "operations": "g l",
    "approvals": "g n",
    "batches": "g b",
    "exports": "g x",
    "incidents": "g t",
    "unreadable": "g u",
    "drift": "g d",
    "connections": "g s",
    "switches": "g w",
    "events": "g e",
    "jobs": "g j",
    "reports": "g o",
    "inbox": "g i",
    "audit": "g a",
}
"""URL name of a place: the key that leads there."""


@dataclass(frozen=True, slots=True)
class Key:
    press: str
    does: str
    always: bool = False  # works on every page
    fixed: bool = False  # the browser's or the desk's own, not to be changed


GROUPS = (
    (
        gettext_lazy("Everywhere"),
        (
            Key("/", gettext_lazy("Search"), always=True),
            Key("Ctrl+K", gettext_lazy("Go to anything, do anything"), always=True, fixed=True),
            Key("Ctrl+Enter", gettext_lazy("Send the form"), fixed=True),
            Key("Esc", gettext_lazy("Close, or give up"), always=True, fixed=True),
            Key("?", gettext_lazy("This list"), always=True),
        ),
    ),
    (
        gettext_lazy("Lists"),
        (
            Key("j", gettext_lazy("Next row")),
            Key("k", gettext_lazy("Previous row")),
            Key("o", gettext_lazy("Open the row")),
            Key("p", gettext_lazy("Peek at the row")),
            Key("x", gettext_lazy("Select the row")),
            Key("X", gettext_lazy("Select up to the row")),
            Key("f", gettext_lazy("Filters")),
            Key("v", gettext_lazy("Views")),
            Key("e", gettext_lazy("Export")),
            Key("n", gettext_lazy("Next page")),
            Key("b", gettext_lazy("Previous page")),
        ),
    ),
    (
        gettext_lazy("An invoice"),
        (
            Key("a", gettext_lazy("Actions")),
            Key("r", gettext_lazy("Refresh from the provider")),
            Key("m", gettext_lazy("Comment")),
            Key("w", gettext_lazy("Watch")),
            Key("y", gettext_lazy("Copy the id")),
            Key("d", gettext_lazy("Download")),
            Key("[", gettext_lazy("Previous invoice of the list")),
            Key("]", gettext_lazy("Next invoice of the list")),
            *(
                Key(str(number), label)
                for number, label in enumerate(
                    (
                        gettext_lazy("Summary"),
                        gettext_lazy("Lines"),
                        gettext_lazy("Documents"),
                        gettext_lazy("Review"),
                        gettext_lazy("History"),
                        gettext_lazy("Activity"),
                        gettext_lazy("Raw"),
                        gettext_lazy("Provider"),
                    ),
                    1,
                )
            ),
        ),
    ),
    (
        gettext_lazy("Deciding"),
        (
            Key("A", gettext_lazy("Approve")),
            Key("R", gettext_lazy("Reject")),
            Key("c", gettext_lazy("Claim")),
            Key("z", gettext_lazy("One at a time")),
            Key("s", gettext_lazy("Skip or stop")),
            Key("u", gettext_lazy("Undo")),
        ),
    ),
)
"""What the list of keys explains. Places are added to it by those who know which exist."""

CHANGEABLE = (*PLACES.values(), *(key.press for _heading, keys in GROUPS for key in keys if not key.fixed))
LONGEST = 3  # "g r": two keys, one after the other


def own_keys(wanted: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """A person's own keys where they differ from the shipped ones, and what is wrong: both by the key as shipped."""
    every = {key: wanted.get(key, "").strip() or key for key in CHANGEABLE}
    wrong = {}
    for key, mine in every.items():
        if not _readable(mine):
            wrong[key] = _("One sign, or two with a space between them.")
        elif key in "AR" and not mine.isupper():
            wrong[key] = _("A decision needs a capital letter, so that a stray key cannot decide.")
    for key, mine in every.items():
        rivals = [other for other, theirs in every.items() if other != key and _crossing(mine, theirs)]
        if rivals and key not in wrong and mine != key:
            wrong[key] = _("This is taken by “%(key)s”.") % {"key": rivals[0]}
    for key, mine in every.items():  # a shipped one is only wrong where nobody who changed can be told
        if not wrong and any(other != key and _crossing(mine, theirs) for other, theirs in every.items()):
            wrong[key] = _("Two things have this key.")
    return {key: mine for key, mine in every.items() if mine != key}, wrong


def _readable(key: str) -> bool:
    signs = key.split(" ")
    return len(signs) <= 2 and all(len(sign) == 1 and sign.isprintable() for sign in signs)


def _crossing(one: str, other: str) -> bool:
    """Equal, or one begins the other: then the shorter would always have to wait."""
    return one == other or one.startswith(f"{other} ") or other.startswith(f"{one} ")
