"""The life of a policy: drafted, proposed by one person, published by another; then it decides, and never changes again."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.access.rights import Agreement
from invoicing.approvals import policies
from invoicing.models import AuditEntry, Policy, User, clock

State = Policy.State
EDITABLE = (State.DRAFT, State.PROPOSED)


class CannotPublish(Exception):
    """The message says why."""


@dataclass(frozen=True)
class Difference:
    """How one rule differs between two versions."""

    name: str
    was: policies.Rule | None
    is_: policies.Rule | None

    @property
    def kind(self) -> str:
        return "added" if self.was is None else "removed" if self.is_ is None else "changed"


def draft(rules: list[dict[str, Any]], *, by: User, note: str, based_on: Policy | None = None, ip: str = "") -> Policy:
    """A new version that decides nothing yet. Errors: NotAPolicy; CannotPublish; rights.NotAllowed."""
    rights.require(by, "publish_policy")
    if not note.strip():
        raise CannotPublish(_("Say why this version is made. It stays on record."))
    read = policies.rules_in(rules)
    with transaction.atomic(durable=True):
        last = Policy.objects.aggregate(last=Max("number"))["last"] or 0
        made = Policy.objects.create(
            number=last + 1,
            rules=[rule.as_json() for rule in read],
            digest=policies.digest(read),
            note=note.strip(),
            based_on=based_on,
            made_by=by,
            made_at=clock.now(),
        )
        _audit(made, "drafted", by, note, ip, rules=made.rules, based_on=based_on.number if based_on else None)
    return made


def edit(policy: Policy, rules: list[dict[str, Any]], *, by: User, note: str, ip: str = "") -> Policy:
    """Change a version nobody published. A proposal falls back to a draft: what is published is what was looked at.

    Errors: NotAPolicy; CannotPublish; rights.NotAllowed.
    """
    rights.require(by, "publish_policy")
    read = policies.rules_in(rules)
    with transaction.atomic(durable=True):
        current = Policy.objects.select_for_update().get(pk=policy.pk)
        if current.state not in EDITABLE:
            raise CannotPublish(_("A published version does not change. Draft a new one from it."))
        before, current.rules = current.rules, [rule.as_json() for rule in read]
        current.digest, current.note = policies.digest(read), note.strip() or current.note
        current.state, current.edited_by, current.proposed_by, current.proposed_at = State.DRAFT, by, None, None
        current.save()
        _audit(current, "edited", by, note, ip, before=before, after=current.rules)
    policy.refresh_from_db()
    return policy


def publish(policy: Policy, *, by: User, digest: str, reason: str, ip: str = "") -> Agreement:
    """The first person proposes, another one publishes; alone where nobody else may. `digest`: of the rules looked at.

    Errors: CannotPublish; rights.NotAllowed.
    """
    rights.require(by, "publish_policy")
    if not reason.strip():
        raise CannotPublish(_("Say why. It stays on record."))
    with transaction.atomic(durable=True):
        current = Policy.objects.select_for_update().get(pk=policy.pk)
        if current.state not in EDITABLE:
            raise CannotPublish(_("This version is not a draft any more."))
        if digest != current.digest:
            raise CannotPublish(_("The draft was changed after you opened this page. Look at it again."))
        now = clock.now()
        found = rights.agreement("publish_policy", asked_by=current.proposed_by_id, by=by)
        current.proposed_by = current.proposed_by or by
        current.proposed_at = current.proposed_at or now
        if found is Agreement.ASKED:
            current.state = State.PROPOSED
        else:
            Policy.objects.filter(state=State.IN_FORCE).update(state=State.RETIRED, retired_at=now)
            current.state, current.published_by, current.published_at = State.IN_FORCE, by, now
            current.solo = found is Agreement.SOLO
        current.save()
        what = "proposed" if found is Agreement.ASKED else "published"
        _audit(current, what, by, reason, ip, agreement=found.value, rules=current.rules, digest=digest)
    policy.refresh_from_db()
    return found


def discard(policy: Policy, *, by: User, ip: str = "") -> None:
    """Errors: CannotPublish; rights.NotAllowed."""
    rights.require(by, "publish_policy")
    with transaction.atomic(durable=True):
        done = Policy.objects.filter(pk=policy.pk, state__in=EDITABLE).update(state=State.DISCARDED)
        if not done:
            raise CannotPublish(_("This version is not a draft any more."))
        _audit(policy, "discarded", by, "", ip)
    policy.refresh_from_db()


def differences(was: Policy | None, is_: Policy) -> list[Difference]:
    """By the names of rules; in the newer version's order, what it no longer has last."""
    old = {rule.name: rule for rule in policies.rules_in(was.rules)} if was else {}
    new = {rule.name: rule for rule in policies.rules_in(is_.rules)}
    found = [Difference(name, old.get(name), rule) for name, rule in new.items() if old.get(name) != rule]
    return found + [Difference(name, rule, None) for name, rule in old.items() if name not in new]


def _audit(policy: Policy, what: str, by: User, reason: str, ip: str, **facts) -> None:
    AuditEntry.objects.record(
        f"policy.{what}", actor=by, ip=ip, target=f"policy:{policy.number}", reason=reason.strip(), **facts
    )
