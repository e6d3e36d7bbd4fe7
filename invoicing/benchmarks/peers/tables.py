"""The same list with django-tables2 and django-filter, as their documentation builds it. It has no counts by value."""

import django_filters
import django_tables2
from django.db.models import Q
from django_filters.views import FilterView

from invoicing.benchmarks.data import CURRENCIES
from invoicing.models import Book, Connection, Invoice
from invoicing.vocabulary import Payment, Status


class InvoiceTable(django_tables2.Table):
    """Each column orders by what an index of ours has."""

    number = django_tables2.Column(linkify=lambda record: f"/invoices/{record.pk}/", order_by=("number", "id"))
    customer = django_tables2.Column(accessor="customer__name", order_by=("customer_sort", "id"))
    provider = django_tables2.Column(accessor="connection__name", order_by=("connection_id", "listed_on", "id"))
    status = django_tables2.Column(order_by=("status", "listed_on", "id"))
    payment = django_tables2.Column(accessor="payment_status", order_by=("payment_status", "listed_on", "id"))
    listed = django_tables2.Column(accessor="listed_on", order_by=("listed_on", "id"))
    due = django_tables2.Column(accessor="due_date", order_by=("due_sort", "id"))
    total = django_tables2.Column(order_by=("currency", "total_micros", "id"))
    left = django_tables2.Column(accessor="amount_due", order_by=("currency", "due_micros", "id"))

    class Meta:
        model = Invoice
        fields = ("provider_status", "currency")
        sequence = ("number", "customer", "provider", "status", "...")
        row_attrs = {"data-invoice": lambda record: record.pk}


class InvoiceFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="search")
    status = django_filters.MultipleChoiceFilter(choices=Status.choices)
    payment = django_filters.MultipleChoiceFilter(field_name="payment_status", choices=Payment.choices)
    connection = django_filters.ModelMultipleChoiceFilter(queryset=Connection.objects.all())
    currency = django_filters.ChoiceFilter(choices=[(unit, unit) for unit in CURRENCIES])
    total_micros = django_filters.RangeFilter()
    listed_on = django_filters.DateFromToRangeFilter()
    outstanding = django_filters.BooleanFilter()
    due_before = django_filters.DateFilter(field_name="due_sort", lookup_expr="lt")

    class Meta:
        model = Invoice
        fields = ()

    def search(self, queryset, name, text):
        return queryset.filter(Q(search_text__contains=text) | Q(customer__search_text__contains=text))


class InvoiceView(django_tables2.SingleTableMixin, FilterView):
    table_class = InvoiceTable
    filterset_class = InvoiceFilter
    template_name = "peers/tables.html"
    paginate_by = 50

    def get_queryset(self):
        rows = Invoice.objects.filter(book=Book.RECEIVABLE)
        return rows.select_related("customer", "connection").order_by("-listed_on", "-id")
