"""Django's admin, set up well for this list: joins in one query, 50 rows a page, no second count, no DISTINCT filter, an
order for every column that one of our indexes has, search by `contains` so that PostgreSQL may use the trigrams.
"""

from copy import copy

from django.contrib import admin

from invoicing.benchmarks.data import CURRENCIES
from invoicing.models import Book, Connection, Invoice


class CurrencyFilter(admin.ChoicesFieldListFilter):
    """The known currencies as choices: asking the table for its distinct ones would read all of it."""

    def __init__(self, field, *args, **options):
        field = copy(field)
        field.choices = [(unit, unit) for unit in sorted(CURRENCIES)]
        super().__init__(field, *args, **options)


class InvoiceAdmin(admin.ModelAdmin):
    list_display = (  # in the order of addresses.ADMIN_COLUMNS
        "id",
        "number",
        "customer_name",
        "connection_name",
        "status",
        "provider_status",
        "payment_status",
        "listed_on",
        "due",
        "currency",
        "total_amount",
        "left_to_pay",
    )
    list_display_links = ("number",)
    list_filter = ("status", "payment_status", "connection", ("currency", CurrencyFilter))
    list_select_related = ("customer", "connection")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-listed_on", "-id")
    search_fields = ("search_text__contains", "customer__search_text__contains")
    actions = None

    def get_queryset(self, request):
        return super().get_queryset(request).filter(book=Book.RECEIVABLE)

    @admin.display(description="customer", ordering="customer_sort")
    def customer_name(self, row):
        return row.customer.name

    @admin.display(description="connection", ordering="connection_id")
    def connection_name(self, row):
        return row.connection.name

    @admin.display(description="due", ordering="due_sort")
    def due(self, row):
        return row.due_date

    @admin.display(description="total", ordering="total_micros")
    def total_amount(self, row):
        return row.total

    @admin.display(description="left to pay", ordering="due_micros")
    def left_to_pay(self, row):
        return row.amount_due if row.outstanding else None


class ConnectionAdmin(admin.ModelAdmin):
    ordering = ("name",)


class FacetedAdmin(InvoiceAdmin):
    show_facets = admin.ShowFacets.ALWAYS


def site(name: str, invoice_admin: type[admin.ModelAdmin]) -> admin.AdminSite:
    made = admin.AdminSite(name)
    made.register(Invoice, invoice_admin)
    made.register(Connection, ConnectionAdmin)
    return made


class PlainAdmin(InvoiceAdmin):
    show_facets = admin.ShowFacets.NEVER


plain = site("plain", PlainAdmin)
faceted = site("faceted", FacetedAdmin)
