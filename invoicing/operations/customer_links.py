"""Which identities are one and the same customer: said by people, with a reason, on record. No provider hears of it."""

from django.db import transaction
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.models import AuditEntry, Customer, CustomerGroup, User

LONGEST_REASON = 500


class CannotLink(Exception):
    """These cannot be linked or parted; the message says why. `field` names what to correct."""

    def __init__(self, message: str, *, field: str = ""):
        super().__init__(message)
        self.field = field


@transaction.atomic
def link(customer: Customer, other: Customer, *, by: User, reason: str, ip: str = "") -> CustomerGroup:
    """Say that both are one customer, with everybody each was linked with before.

    Errors: NotAllowed; CannotLink.
    """
    for each in (customer, other):
        rights.require(by, "link_customers", each)
    reason = _reason(reason)
    if customer.pk == other.pk:
        raise CannotLink(_("That is the very same identity."), field="other")
    if customer.connection.direction != other.connection.direction:
        problem = _("One is owed by, the other owed to: receivables and payables are never linked.")
        raise CannotLink(problem, field="other")
    rows = {row.pk: row for row in Customer.objects.select_for_update().filter(pk__in=(customer.pk, other.pk))}
    groups = {row.group_id for row in rows.values() if row.group_id}
    if len(groups) == 1 and all(row.group_id for row in rows.values()):
        raise CannotLink(_("They are linked already."), field="other")
    group = CustomerGroup.objects.filter(pk__in=groups).order_by("pk").first()
    group = group or CustomerGroup.objects.create(name=str(customer)[:500])
    joined = Customer.objects.filter(group__in=groups - {group.pk}).values_list("pk", flat=True)
    members = {*rows, *joined}
    Customer.objects.filter(pk__in=members).update(group=group)
    CustomerGroup.objects.filter(pk__in=groups - {group.pk}).delete()
    for one, another in ((customer, other), (other, customer)):
        AuditEntry.objects.record(
            "customer.linked",
            actor=by,
            target=f"customer:{one.pk}",
            reason=reason,
            ip=ip,
            other=another.pk,
            other_name=str(another)[:200],
            group=group.pk,
        )
    return group


@transaction.atomic
def unlink(customer: Customer, *, by: User, reason: str, ip: str = "") -> None:
    """Say that this identity is another customer than those it is linked with.

    Errors: NotAllowed; CannotLink.
    """
    rights.require(by, "link_customers", customer)
    reason = _reason(reason)
    row = Customer.objects.select_for_update().get(pk=customer.pk)
    if row.group_id is None:
        raise CannotLink(_("It is linked with no other identity."))
    group = row.group_id
    Customer.objects.filter(pk=row.pk).update(group=None)
    rest = list(Customer.objects.filter(group=group).values_list("pk", flat=True))
    if len(rest) < 2:  # one alone is linked with nobody
        Customer.objects.filter(pk__in=rest).update(group=None)
        CustomerGroup.objects.filter(pk=group).delete()
    AuditEntry.objects.record(
        "customer.unlinked", actor=by, target=f"customer:{row.pk}", reason=reason, ip=ip, group=group, rest=rest
    )


def _reason(text: str) -> str:
    text = text.strip()
    if not text:
        raise CannotLink(_("Say why. The reason stays in the audit trail."), field="reason")
    if len(text) > LONGEST_REASON:
        raise CannotLink(_("Say it in at most 500 characters."), field="reason")
    return text
