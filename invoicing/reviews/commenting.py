"""Saying something about an invoice, a line or an operation, and asking somebody by name: @ann, or @ann@desk.example."""

import re
from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.models import AuditEntry, Comment, Invoice, LineItem, Mention, Operation, User, clock
from invoicing.reviews.moving import CannotReview

LONGEST, MOST_MENTIONS = 4000, 10
NAMED = re.compile(r"(?<![\w@.])@([A-Za-z0-9][\w.+-]*(?:@[\w-]+(?:\.[\w-]+)+)?)")


def comment_on(thing: Invoice | Operation, text: str, *, by: User, line: int | None = None, ip: str = "") -> Comment:
    """Keep the comment, and ask whom it names. Errors: CannotReview, with the field; rights.NotAllowed."""
    rights.require(by, "comment", thing)
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    if not text:
        raise CannotReview(_("Write something first."), field="text")
    if len(text) > LONGEST:
        raise CannotReview(_("At most %(most)d letters.") % {"most": LONGEST}, field="text")
    named = people_named(text, thing)
    invoice = thing if isinstance(thing, Invoice) else thing.invoice
    item = _line(invoice, line) if line is not None else None
    with transaction.atomic():
        made = Comment.objects.create(
            invoice=invoice,
            operation=thing if isinstance(thing, Operation) else None,
            version=invoice.version if invoice else None,
            line_position=item.position if item else None,
            line_text=item.text.text if item else "",
            text=text,
            by=by,
            at=clock.now(),
        )
        Mention.objects.bulk_create(Mention(comment=made, person=each) for each in named if each.pk != by.pk)
        AuditEntry.objects.record(
            "comment.written",
            actor=by,
            ip=ip,
            target=f"invoice:{invoice.pk}" if invoice else f"operation:{thing.pk}",
            comment=made.pk,
            mentions=[str(each) for each in named],
            line=made.line_text,
        )
    return made


def seen_to(mention: Mention, *, by: User) -> None:
    """The person asked says that they saw to it. Errors: CannotReview."""
    if mention.person_id != by.pk:
        raise CannotReview(_("Somebody else was asked."))
    Mention.objects.filter(pk=mention.pk, done_at=None).update(done_at=clock.now())


def asked_of(person: User):
    """What others ask this person, oldest first."""
    open_ones = Mention.objects.filter(person=person, done_at=None)
    return open_ones.select_related(
        "comment__by", "comment__invoice__connection", "comment__invoice__customer", "comment__operation__connection"
    ).order_by("pk")


def people_named(text: str, thing: Invoice | Operation) -> list[User]:
    """Whom the text names. Errors: CannotReview, where a name is nobody's, several people's, or of somebody who may not see it."""
    handles = list(dict.fromkeys(found.rstrip(".-+").casefold() for found in NAMED.findall(text)))
    if not handles:
        return []
    if len(handles) > MOST_MENTIONS:
        raise CannotReview(_("At most %(most)d people at once.") % {"most": MOST_MENTIONS}, field="text")
    people = list(User.objects.filter(is_active=True))
    found = []
    for handle in handles:
        fitting = [each for each in people if handle in _handles(each)]
        if not fitting:
            raise CannotReview(
                _("Nobody here is called @%(name)s. Write the start of an e-mail address, before its @.")
                % {"name": handle},
                field="text",
            )
        if len(fitting) > 1:
            raise CannotReview(
                _("Several people are called @%(name)s: write the whole e-mail address.") % {"name": handle},
                field="text",
            )
        if not rights.can(fitting[0], "view", thing):
            raise CannotReview(
                _("%(who)s may not see this, and would not learn of it.") % {"who": fitting[0]}, field="text"
            )
        found.append(fitting[0])
    return list(dict.fromkeys(found))


def handle_of(person: User, everybody: Iterable[User]) -> str:
    """What one writes after @ for this person."""
    short = person.email.partition("@")[0].casefold()
    return short if sum(short in _handles(each) for each in everybody) == 1 else person.email


def _handles(person: User) -> set[str]:
    email = person.email.casefold()
    return {email, email.partition("@")[0]}


def _line(invoice: Invoice | None, position: int) -> LineItem:
    found = LineItem.objects.filter(invoice=invoice, position=position).select_related("text").first()
    if invoice is None or found is None:
        raise CannotReview(_("That line is not there any more."), field="line")
    return found
