"""What was said about an invoice or an operation, and whom one can ask by name."""

from dataclasses import dataclass, field

from invoicing.access import rights
from invoicing.models import Comment, Invoice, Operation, User
from invoicing.reviews.commenting import NAMED, handle_of

MOST_LINES = 200


@dataclass(frozen=True)
class Part:
    """A piece of a comment: words, or a name that was asked."""

    text: str
    is_name: bool


@dataclass(frozen=True)
class Said:
    comment: Comment
    parts: list[Part]


@dataclass
class Thread:
    about: Invoice | Operation
    said: list[Said]
    lines: list[tuple[int, str]]
    handles: list[str]
    may: bool
    given: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def is_operation(self) -> bool:
        return isinstance(self.about, Operation)


def thread_of(about: Invoice | Operation, user: User, **more) -> Thread:
    comments = about.comments.select_related("by", "operation").order_by("at", "pk")
    may = rights.can(user, "comment", about)
    lines: list[tuple[int, str]] = []
    if may and isinstance(about, Invoice):
        rows = about.lines.select_related("text").order_by("position")[:MOST_LINES]
        lines = [(each.position, each.text.text) for each in rows]
    everybody = list(User.objects.filter(is_active=True).order_by("first_name", "email")) if may else []
    others = (
        [each for each in everybody if each.pk != user.pk and rights.can(each, "view", about)]
        if len(everybody) < 30
        else []
    )
    return Thread(
        about,
        [Said(each, parts_of(each.text)) for each in comments],
        lines,
        [handle_of(each, everybody) for each in others],
        may,
        **more,
    )


def parts_of(text: str) -> list[Part]:
    found, last = [], 0
    for match in NAMED.finditer(text):
        if match.start() > last:
            found.append(Part(text[last : match.start()], False))
        found.append(Part(match.group(), True))
        last = match.end()
    if last < len(text):
        found.append(Part(text[last:], False))
    return found
