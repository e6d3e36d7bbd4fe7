import json
import sys

from django.core.management import BaseCommand, CommandError
from django.http import QueryDict

from invoicing.exports.records import record
from invoicing.listing.filters import InvoiceFilters
from invoicing.listing.invoice_list import InvoiceList
from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import Connection, Invoice
from invoicing.vocabulary import Direction


class Command(BaseCommand):
    help = "The list's own query as a file on standard output. Filters as in the URL: provider=orb status=void q=ACME"

    def add_arguments(self, parser):
        parser.add_argument("filters", nargs="*", metavar="name=value")
        parser.add_argument("--format", choices=["jsonl"], default="jsonl")
        parser.add_argument(
            "--direction",
            choices=["receivable", "payable", "all"],
            default="receivable",
            help="all: both directions, live and test, each record saying which it is",
        )

    def handle(self, *, filters, direction, **options):
        sets = [(each, data) for each in Direction.values for data in ("live", "test")]
        if direction != "all":
            sets = [(direction, None)]
        connections = list(Connection.objects.all())
        for each, data in sets:
            for invoice in self._set(each, data, filters, connections).rows():
                invoice.connection = next(c for c in connections if c.pk == invoice.connection_id)
                line = json.dumps(record(invoice, snapshot_of(invoice)), ensure_ascii=False, separators=(",", ":"))
                sys.stdout.write(line + "\n")

    def _set(self, direction, data, filters, connections) -> InvoiceList:
        query = QueryDict(mutable=True)
        for text in "&".join(filters).split("&") if filters else ():
            name, equals, value = text.partition("=")
            if not equals:
                raise CommandError(f"{text!r} is not name=value.")
            if name not in InvoiceFilters.base_fields:
                raise CommandError(f"There is no filter {name!r}. There are: {', '.join(InvoiceFilters.base_fields)}.")
            query.appendlist(name, value)
        if data:
            query["data"] = data
        currencies = list(Invoice.objects.values_list("currency", flat=True).distinct()) if "currency" in query else []
        form = InvoiceFilters(
            query, direction=Direction(direction), connections=connections, reach=None, currencies=currencies
        )
        criteria = form.criteria()
        if form.errors:
            problems = "; ".join(f"{name}: {' '.join(errors)}" for name, errors in form.errors.items())
            raise CommandError(problems)
        return InvoiceList(criteria)
