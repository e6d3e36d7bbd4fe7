"""The filters of a list, read from its URL. A new one is one field here, one line in `criteria`, one in sql.py."""

from datetime import date

from babel.numbers import list_currencies
from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.listing.columns import UnknownColumns, columns_named
from invoicing.listing.criteria import BY_AMOUNT, GROUPS, SORTS, Criteria, Span
from invoicing.models import Book, Connection, Customer
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import Direction, Payment, Status

ISO = list_currencies()
NOT = "__not"
"""The end of a parameter that leaves out what the one without it asks for."""
KINDS = ("issued", "due", "period", "finalized", "voided", "synced")
"""The dates an invoice is found by, each with a first and a last day."""


def _given(query: QueryDict) -> QueryDict:
    """Without the empty fields a plain form sends, each value once."""
    given = query.copy()
    for name, values in query.lists():
        given.setlist(name, list(dict.fromkeys(value for value in values if value.strip())))
    return given


class Day(forms.DateField):
    """A day as a date input sends it: 3/4 would be another day for each reader."""

    def __init__(self, **options):
        super().__init__(required=False, input_formats=["%Y-%m-%d"], **options)


class Units(forms.MultipleChoiceField):
    """The units of the book are offered; any other currency is understood too, and lists nothing."""

    def valid_value(self, value):
        return super().valid_value(value) or value in ISO


class Customers(forms.Field):
    """Our ids of customers."""

    widget = forms.SelectMultiple

    def clean(self, value):
        one = forms.IntegerField(min_value=1, max_value=2**63 - 1)
        return list(dict.fromkeys(one.clean(each) for each in value or ()))


class InvoiceFilters(forms.Form):
    """Reads and validates; `criteria` is what a list is asked for. What does not validate shows its error, and lists nothing."""

    q = forms.CharField(required=False, label=_("Search"), max_length=200)
    provider = forms.MultipleChoiceField(required=False, choices=[(key, each.name) for key, each in PROVIDERS.items()])
    connection = forms.MultipleChoiceField(required=False)
    status = forms.MultipleChoiceField(required=False, choices=Status.choices)
    payment = forms.MultipleChoiceField(required=False, choices=Payment.choices)
    provider__not = forms.MultipleChoiceField(required=False, choices=provider.choices)
    connection__not = forms.MultipleChoiceField(required=False)
    status__not = forms.MultipleChoiceField(required=False, choices=Status.choices)
    payment__not = forms.MultipleChoiceField(required=False, choices=Payment.choices)
    customer__not = Customers(required=False)
    currency__not = Units(required=False)
    customer = Customers(required=False)
    currency = Units(required=False)
    amount_min = forms.DecimalField(required=False, label=_("Amount from"), max_digits=30, decimal_places=12)
    amount_max = forms.DecimalField(required=False, label=_("Amount to"), max_digits=30, decimal_places=12)
    issued_from = Day(label=_("Issued from"))
    issued_to = Day(label=_("Issued to"))
    due_from = Day(label=_("Due from"))
    due_to = Day(label=_("Due to"))
    period_from = Day(label=_("Period from"))
    period_to = Day(label=_("Period to"))
    finalized_from = Day(label=_("Finalized from"))
    finalized_to = Day(label=_("Finalized to"))
    voided_from = Day(label=_("Voided from"))
    voided_to = Day(label=_("Voided to"))
    synced_from = Day(label=_("Synced from"))
    synced_to = Day(label=_("Synced to"))
    overdue = forms.BooleanField(required=False)
    unrecognized = forms.BooleanField(required=False)
    differing = forms.BooleanField(required=False, label=_("Lines do not add up"))
    sort = forms.ChoiceField(required=False, choices=[(key, sort.label) for key, sort in SORTS.items()])
    order = forms.ChoiceField(required=False, choices=[("asc", "ascending"), ("desc", "descending")])
    rows = forms.ChoiceField(
        required=False, label=_("Rows a page"), choices=[(n, n) for n in ("25", "50", "100", "200")]
    )
    columns = forms.CharField(required=False, max_length=500)
    group = forms.ChoiceField(required=False, choices=[(key, key) for key in GROUPS])
    density = forms.ChoiceField(required=False, choices=[("comfortable", _("Comfortable")), ("compact", _("Compact"))])
    data = forms.ChoiceField(
        required=False, choices=[("live", _("Live")), ("test", _("Test")), ("gone", _("Gone at the provider"))]
    )

    def __init__(
        self,
        query: QueryDict,
        *,
        direction: Direction,
        connections: list[Connection],
        reach: frozenset[int] | None,
        currencies: list[str] = (),
        money: bool = True,
    ):
        """`reach`: our ids of the connections a person may see, as from access.scopes.connection_ids; None is all.
        `money`: whether they may see amounts; who may not cannot find or order by them either.
        """
        super().__init__(_given(query))
        self.direction, self.reach, self.money = direction, reach, money
        self.connections = [each for each in connections if each.direction == direction and self._reaches(each)]
        for end in ("", NOT):
            self.fields[f"connection{end}"].choices = [(each.name, each.name) for each in self.connections]
            self.fields[f"currency{end}"].choices = [(unit, unit) for unit in currencies]

    def clean(self):
        given = super().clean()
        for kind in KINDS:
            first, last = given.get(f"{kind}_from"), given.get(f"{kind}_to")
            if first and last and first > last:
                self.add_error(f"{kind}_to", _("This day is before the first one."))
        least, most = given.get("amount_min"), given.get("amount_max")
        if least is not None or most is not None:
            if len(given.get("currency") or ()) != 1 and "currency" not in self.errors:
                self.add_error("currency", _("Choose the one currency the amounts are in."))
            if least is not None and most is not None and least > most:
                self.add_error("amount_max", _("This is less than the first amount."))
        if not self.money:
            self._keep_amounts_back(given)
        return given

    def _keep_amounts_back(self, given) -> None:
        asked = {name: given.get(name) for name in ("amount_min", "amount_max")}
        asked |= {"sort": given.get("sort") in BY_AMOUNT, "group": GROUPS.get(given.get("group")) in BY_AMOUNT}
        for name, value in asked.items():
            if value not in (None, False):
                self.add_error(name, _("Your roles do not show amounts, so nothing is found or ordered by them."))

    def clean_columns(self):
        try:
            return columns_named(self.cleaned_data["columns"], self.direction)
        except UnknownColumns as error:
            raise forms.ValidationError(str(error)) from error

    def criteria(self, *, today: date | None = None) -> Criteria:
        """What is asked for. An invalid filter makes the set empty, never everything."""
        today = today or timezone.localdate()
        valid = self.is_valid()
        given = self.cleaned_data
        data = given.get("data") or "live"
        sort = SORTS[GROUPS.get(given.get("group") or "", "") or given.get("sort") or "listed"]
        connections, nobody = self._connection_ids(given)
        statuses, no_status = self._words("status")
        payments, no_payment = self._words("payment")
        return Criteria(
            book=Book.of(self.direction, live=data != "test", gone=data == "gone"),
            today=today,
            connections=connections,
            statuses=statuses,
            payments=payments,
            currencies=tuple(given.get("currency") or ()),
            customers=linked_ids(given.get("customer")),
            without_currencies=tuple(given.get(f"currency{NOT}") or ()),
            without_customers=linked_ids(given.get(f"customer{NOT}")),
            listed=self._span("issued"),
            due=self._span("due"),
            period=self._span("period"),
            finalized=self._span("finalized"),
            voided=self._span("voided"),
            synced=self._span("synced"),
            least=given.get("amount_min"),
            most=given.get("amount_max"),
            overdue=bool(given.get("overdue")),
            unrecognized=bool(given.get("unrecognized")),
            differing=bool(given.get("differing")),
            search=(given.get("q") or "").strip(),
            sort=sort.key,
            descending=given["order"] == "desc" if given.get("order") else sort.descending_first,
            impossible=not valid or nobody or no_status or no_payment,
        )

    def _connection_ids(self, given) -> tuple[tuple[int, ...], bool]:
        """The connections meant by provider and name together, and whether that leaves none."""
        wanted = [given.get(name) or () for name in ("provider", "connection", f"provider{NOT}", f"connection{NOT}")]
        providers, names, not_providers, not_names = wanted
        if not any(wanted) and self.reach is None:
            return (), False
        chosen = [
            each.pk
            for each in self.connections
            if (not providers or each.provider in providers)
            and (not names or each.name in names)
            and each.provider not in not_providers
            and each.name not in not_names
        ]
        return tuple(sorted(chosen)), not chosen

    def _reaches(self, connection: Connection) -> bool:
        return self.reach is None or connection.pk in self.reach

    def _words(self, name: str) -> tuple[tuple[str, ...], bool]:
        """The words asked for without those left out, and whether that leaves none."""
        given = self.cleaned_data
        asked, without = given.get(name) or [], given.get(f"{name}{NOT}") or ()
        if not without:
            return tuple(asked), False
        every = [value for value, _label in self.fields[name].choices]
        left = tuple(value for value in asked or every if value not in without)
        return left, not left

    def _span(self, kind: str) -> Span:
        return Span(self.cleaned_data.get(f"{kind}_from"), self.cleaned_data.get(f"{kind}_to"))


def linked_ids(asked: list[int] | None) -> tuple[int, ...]:
    """Our ids of these customers and of everybody linked with one; nobody's where none is known."""
    if not asked:
        return ()
    same = Q(pk__in=asked) | Q(group__customers__in=asked)
    return tuple(Customer.objects.filter(same).order_by("pk").values_list("pk", flat=True).distinct()) or (-1,)
