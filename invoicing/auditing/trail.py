"""Asking the audit trail: who may read which entries, by what they are narrowed, a page of them at a time."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.access.rights import can
from invoicing.access.scopes import connection_ids, visible
from invoicing.models import AuditEntry, Connection, Customer, Invoice, User
from invoicing.models.audit import Outcome

READERS = ("view", "audit", "audit_access")
"""Whoever has one of these reads something of the trail, if only what they did themselves."""
ACCESS = ("person.", "roles.", "role.", "scope.", "session.", "sign_in.", "access.", "keys.", "duties.", "delegation.")
"""What actions on people, roles and sign-ins begin with."""
PAGE = 50
COUNTED = 10_000
MOST_MEANT = 200  # invoices or customers one text may mean
PLAIN = "done"


def seen_by(user) -> QuerySet[AuditEntry]:
    """The entries this person may read: all within reach, those on access, or one's own."""
    entries = AuditEntry.objects.select_related("actor")
    if can(user, "audit"):
        ids = connection_ids(user)
        return entries if ids is None else entries.filter(Q(of_connection__in=ids) | Q(of_connection=None))
    allowed = Q(actor=user)
    if can(user, "audit_access"):
        for beginning in ACCESS:
            allowed |= Q(action__startswith=beginning)
    return entries.filter(allowed)


def reads(user) -> str:
    """How much of the trail a person reads: "all", "access" or "own"."""
    return "all" if can(user, "audit") else "access" if can(user, "audit_access") else "own"


class TrailFilters(forms.Form):
    """What narrows the trail. A new filter is one field and one row in `narrowing`."""

    who = forms.CharField(required=False, max_length=200, label=_("Who"))
    action = forms.CharField(required=False, max_length=60, label=_("Action"))
    outcome = forms.ChoiceField(required=False, label=_("Outcome"))
    invoice = forms.CharField(required=False, max_length=255, label=_("Invoice"))
    customer = forms.CharField(required=False, max_length=255, label=_("Customer"))
    connection = forms.ModelChoiceField(Connection.objects.none(), required=False, label=_("Connection"))
    since = forms.DateField(required=False, label=_("From"))
    until = forms.DateField(required=False, label=_("To"))
    target = forms.CharField(required=False, max_length=120, label=_("Record"))
    correlation = forms.CharField(required=False, max_length=36, label=_("Correlation id"))
    ip = forms.CharField(required=False, max_length=45, label=_("IP address"))

    def __init__(self, data, user):
        super().__init__(data, auto_id="f-%s")
        self.user = user
        self.fields["connection"].queryset = visible(Connection.objects.order_by("name"), user, "pk")
        self.fields["connection"].empty_label = _("Any")
        self.fields["outcome"].choices = [("", _("Any")), (PLAIN, _("Plainly done")), *Outcome.choices]

    def narrow(self, entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Apply what was given; where something does not validate nothing is listed."""
        if not self.is_valid():
            return entries.none()
        for name, value in self.cleaned_data.items():
            if value not in (None, ""):
                entries = self.narrowing[name](entries, value, self.user)
        return entries

    def clean(self):
        given = super().clean()
        if given.get("since") and given.get("until") and given["since"] > given["until"]:
            self.add_error("until", _("This is before the first day."))
        return given

    narrowing = {
        "who": lambda entries, text, user: entries.filter(_by(text)),
        "action": lambda entries, text, user: entries.filter(_action(text.strip())),
        "outcome": lambda entries, word, user: entries.filter(outcome="" if word == PLAIN else word),
        "invoice": lambda entries, text, user: entries.filter(of_invoice__in=_invoices(text.strip(), user)),
        "customer": lambda entries, text, user: entries.filter(of_customer__in=_customers(text.strip(), user)),
        "connection": lambda entries, connection, user: entries.filter(of_connection=connection.pk),
        "since": lambda entries, day, user: entries.filter(at__gte=_midnight(day)),
        "until": lambda entries, day, user: entries.filter(at__lt=_midnight(day + timedelta(days=1))),
        "target": lambda entries, text, user: entries.filter(target=text.strip()),
        "correlation": lambda entries, text, user: entries.filter(correlation=text.strip().lower()),
        "ip": lambda entries, text, user: entries.filter(ip=text.strip()),
    }


def _midnight(day) -> datetime:
    """The day's beginning in the accounting time zone."""
    return timezone.make_aware(datetime.combine(day, time.min), timezone.get_default_timezone())


def _by(text: str) -> Q:
    """A person by e-mail address or name; "Invoice Desk" is the desk itself."""
    text = text.strip()
    people = list(
        User.objects.filter(Q(email__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text))
        .values_list("pk", flat=True)[:MOST_MEANT]
    )  # fmt: skip
    return Q(actor__in=people) | Q(actor_name=text)


def _action(text: str) -> Q:
    """ "void" is all of an action, "void.done" that alone, ".done" whatever ended so."""
    if text.startswith("."):
        return Q(action__endswith=text)
    return Q(action=text) if "." in text else Q(action__startswith=f"{text}.")


def _invoices(text: str, user) -> list[int]:
    """Our id, a number, or a provider's id."""
    meant = Q(number=text) | Q(external_id=text)
    if text.isdecimal() and len(text) < 19:
        meant |= Q(pk=int(text))
    return list(visible(Invoice.objects.filter(meant), user).values_list("pk", flat=True)[:MOST_MEANT])


def _customers(text: str, user) -> list[int]:
    meant = Q(external_id=text) | Q(name__icontains=text)
    if text.isdecimal() and len(text) < 19:
        meant |= Q(pk=int(text))
    return list(visible(Customer.objects.filter(meant), user).values_list("pk", flat=True)[:MOST_MEANT])


@dataclass(frozen=True)
class TrailPage:
    """One page, the newest entry first. `older` and `newer` are where its neighbors begin; None where there is none."""

    entries: list[AuditEntry]
    older: int | None
    newer: int | None
    count: int
    capped: bool


def page_of(entries: QuerySet[AuditEntry], *, before: int | None = None, after: int | None = None) -> TrailPage:
    """By sequence, so that a page far back costs what the first one does."""
    count = entries.order_by()[: COUNTED + 1].count()
    if after is not None:
        found = list(entries.filter(sequence__gt=after).order_by("sequence")[: PAGE + 1])
        more, shown = len(found) > PAGE, found[:PAGE][::-1]
        older = shown[-1].sequence if shown else None
        return TrailPage(shown, older, shown[0].sequence if more else None, min(count, COUNTED), count > COUNTED)
    rows = entries if before is None else entries.filter(sequence__lt=before)
    found = list(rows.order_by("-sequence")[: PAGE + 1])
    shown = found[:PAGE]
    older = shown[-1].sequence if len(found) > PAGE else None
    newer = shown[0].sequence if before is not None and shown else None
    return TrailPage(shown, older, newer, min(count, COUNTED), count > COUNTED)
