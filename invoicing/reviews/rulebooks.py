"""Versions of rules and checklists: the newest decides, and every review remembers the one it began under."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.models import AuditEntry, Rulebook, User, clock
from invoicing.reviews import checklists, rules
from invoicing.reviews.moving import CannotReview, Overtaken


def newest() -> Rulebook | None:
    """The rulebook that decides now; None where nobody made one: then nothing has to be reviewed."""
    return Rulebook.objects.order_by("-number").first()


def rules_now() -> list[rules.Rule]:
    book = newest()
    return rules.rules_in(book.rules) if book else []


def publish(
    given_rules: Iterable[Mapping[str, Any]],
    given_lists: Iterable[Mapping[str, Any]],
    *,
    by: User,
    reason: str,
    based_on: int,
    ip: str = "",
) -> Rulebook:
    """A new version, in force at once. `based_on`: the number of the one it was made from, 0 for none.

    Errors: rights.NotAllowed; rules.NotRules; CannotReview; Overtaken.
    """
    rights.require(by, "review_rules")
    if not reason.strip():
        raise CannotReview(_("Say why. The reason stays on record."), field="reason")
    wanted = [each.as_json() for each in rules.rules_in(given_rules)]
    lists = [each.as_json() for each in checklists.checklists_in(given_lists)]
    try:
        with transaction.atomic():
            former = newest()
            if (former.number if former else 0) != based_on:
                raise Overtaken(_("Somebody published other rules meanwhile. Look at them, then change them."))
            book = Rulebook.objects.create(
                number=based_on + 1,
                rules=wanted,
                checklists=lists,
                note=reason.strip(),
                made_by=by,
                made_at=clock.now(),
            )
            AuditEntry.objects.record(
                "review_rules.published",
                actor=by,
                ip=ip,
                target=f"rulebook:{book.number}",
                reason=reason.strip(),
                before=former.rules if former else [],
                after=wanted,
                checklists_before=former.checklists if former else [],
                checklists_after=lists,
            )
    except IntegrityError:
        raise Overtaken(_("Somebody published other rules meanwhile. Look at them, then change them.")) from None
    return book


def switch_on_starters(*, by: User, ip: str = "") -> Rulebook:
    """The rules that come with the desk, where there were none. Errors: as `publish`."""
    return publish(
        [each.as_json() for each in rules.starters()],
        [each.as_json() for each in checklists.starters()],
        by=by,
        reason=_("The rules that come with the desk"),
        based_on=0,
        ip=ip,
    )
