"""The filters of a list, read from its URL. A new one is one field here, one line in `criteria`, one in sql.py."""

from datetime import date

from babel.numbers import list_currencies
from django import forms
from django.http import QueryDict
from django.utils import timezone

from invoicing.listing.criteria import SORTS, Criteria, Span
from invoicing.models import Book, Connection, Customer
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import Direction, Payment, Status

ISO = list_currencies()


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


class InvoiceFilters(forms.Form):
    """Reads and validates; `criteria` is what a list is asked for. What does not validate shows its error, and lists nothing."""

    q = forms.CharField(required=False, label="Search", max_length=200)
    provider = forms.MultipleChoiceField(required=False, choices=[(key, each.name) for key, each in PROVIDERS.items()])
    connection = forms.MultipleChoiceField(required=False)
    status = forms.MultipleChoiceField(required=False, choices=Status.choices)
    payment = forms.MultipleChoiceField(required=False, choices=Payment.choices)
    customer = forms.IntegerField(required=False, min_value=1)
    currency = Units(required=False)
    amount_min = forms.DecimalField(required=False, label="Amount from", max_digits=30, decimal_places=12)
    amount_max = forms.DecimalField(required=False, label="Amount to", max_digits=30, decimal_places=12)
    issued_from = Day(label="Issued from")
    issued_to = Day(label="Issued to")
    due_from = Day(label="Due from")
    due_to = Day(label="Due to")
    period_from = Day(label="Period from")
    period_to = Day(label="Period to")
    overdue = forms.BooleanField(required=False)
    unrecognized = forms.BooleanField(required=False)
    differing = forms.BooleanField(required=False, label="Lines do not add up")
    sort = forms.ChoiceField(required=False, choices=[(key, sort.label) for key, sort in SORTS.items()])
    order = forms.ChoiceField(required=False, choices=[("asc", "ascending"), ("desc", "descending")])
    rows = forms.ChoiceField(required=False, label="Rows a page", choices=[(n, n) for n in ("25", "50", "100", "200")])
    data = forms.ChoiceField(
        required=False, choices=[("live", "Live"), ("test", "Test"), ("gone", "Gone at the provider")]
    )

    def __init__(
        self,
        query: QueryDict,
        *,
        direction: Direction,
        connections: list[Connection],
        reach: frozenset[int] | None,
        currencies: list[str] = (),
    ):
        """`reach`: our ids of the connections a person may see, as from access.scopes.connection_ids; None is all."""
        super().__init__(_given(query))
        self.direction, self.reach = direction, reach
        self.connections = [each for each in connections if each.direction == direction and self._reaches(each)]
        self.fields["connection"].choices = [(each.name, each.name) for each in self.connections]
        self.fields["currency"].choices = [(unit, unit) for unit in currencies]

    def clean(self):
        given = super().clean()
        for kind in ("issued", "due", "period"):
            first, last = given.get(f"{kind}_from"), given.get(f"{kind}_to")
            if first and last and first > last:
                self.add_error(f"{kind}_to", "This day is before the first one.")
        least, most = given.get("amount_min"), given.get("amount_max")
        if least is not None or most is not None:
            if len(given.get("currency") or ()) != 1 and "currency" not in self.errors:
                self.add_error("currency", "Choose the one currency the amounts are in.")
            if least is not None and most is not None and least > most:
                self.add_error("amount_max", "This is less than the first amount.")
        return given

    def criteria(self, *, today: date | None = None) -> Criteria:
        """What is asked for. An invalid filter makes the set empty, never everything."""
        today = today or timezone.localdate()
        valid = self.is_valid()
        given = self.cleaned_data
        data = given.get("data") or "live"
        sort = SORTS.get(given.get("sort") or "listed", SORTS["listed"])
        connections, nobody = self._connection_ids(given)
        return Criteria(
            book=Book.of(self.direction, live=data != "test", gone=data == "gone"),
            today=today,
            connections=connections,
            statuses=tuple(given.get("status") or ()),
            payments=tuple(given.get("payment") or ()),
            currencies=tuple(given.get("currency") or ()),
            customers=self._customer_ids(given.get("customer")),
            listed=Span(given.get("issued_from"), given.get("issued_to")),
            due=Span(given.get("due_from"), given.get("due_to")),
            period=Span(given.get("period_from"), given.get("period_to")),
            least=given.get("amount_min"),
            most=given.get("amount_max"),
            overdue=bool(given.get("overdue")),
            unrecognized=bool(given.get("unrecognized")),
            differing=bool(given.get("differing")),
            search=(given.get("q") or "").strip(),
            sort=sort.key,
            descending=given["order"] == "desc" if given.get("order") else sort.descending_first,
            impossible=not valid or nobody,
        )

    def _connection_ids(self, given) -> tuple[tuple[int, ...], bool]:
        """The connections meant by provider and name together, and whether that leaves none."""
        providers, names = set(given.get("provider") or ()), set(given.get("connection") or ())
        if not providers and not names and self.reach is None:
            return (), False
        chosen = [
            each.pk
            for each in self.connections
            if (not providers or each.provider in providers) and (not names or each.name in names)
        ]
        return tuple(sorted(chosen)), not chosen

    def _reaches(self, connection: Connection) -> bool:
        return self.reach is None or connection.pk in self.reach

    def _customer_ids(self, pk: int | None) -> tuple[int, ...]:
        if pk is None:
            return ()
        return tuple(Customer.objects.filter(pk=pk).values_list("pk", flat=True)) or (-1,)
