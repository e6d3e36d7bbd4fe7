import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from django.core.management import BaseCommand, CommandError

from invoicing.access import rights
from invoicing.exports.asked import ALL, CannotExport, Wanted
from invoicing.exports.keeping import on_record
from invoicing.exports.making import make
from invoicing.listing.filters import InvoiceFilters
from invoicing.management.acting import person
from invoicing.models import Export
from invoicing.vocabulary import Direction


class Command(BaseCommand):
    help = (
        "The list's own query as a file on standard output. Filters as in the URL: provider=orb status=void q=ACME. "
        "If it cannot be written whole, the command fails."
    )

    def add_arguments(self, parser):
        parser.add_argument("filters", nargs="*", metavar="name=value")
        parser.add_argument("--format", choices=["csv", "xlsx", "jsonl"], default="jsonl")
        parser.add_argument("--lines", action="store_true", help="a row a line item instead of a row an invoice")
        parser.add_argument("--columns", default="", help="csv and xlsx: names separated by commas; default: all")
        parser.add_argument("--output", help="a file instead of standard output")
        parser.add_argument(
            "--direction",
            choices=[*Direction.values, ALL],
            default=Direction.RECEIVABLE.value,
            help="all: both directions, live and test, each record saying which it is; jsonl only",
        )
        parser.add_argument("--as", dest="user", help="e-mail of the person whose rights apply; default: none do")

    def handle(self, *, filters, direction, format, lines, columns, output, user, **options):
        whom = person(user, "export") if user else None
        wanted = Wanted(
            format=format,
            direction=direction,
            query=self._query(filters),
            level=Export.Level.LINES if lines else Export.Level.INVOICES,
            keys=tuple(name.strip() for name in columns.split(",") if name.strip()),
            person=whom,
        )
        try:
            if whom is not None:
                rights.require(whom, "export")
            summary = self._write(wanted, output)
        except (CannotExport, rights.NotAllowed) as problem:
            raise CommandError(str(problem)) from None
        on_record(wanted, summary, by=whom, via="command")
        totals = ", ".join(f"{each['total']} {each['unit']}" for each in summary.totals)
        self.stderr.write(f"{summary.invoices} invoices, {summary.rows} rows{f'; {totals}' if totals else ''}")
        for note in summary.notes:
            self.stderr.write(note)

    def _write(self, wanted: Wanted, output: str | None):
        if output:
            with Path(output).open("wb") as file:
                return make(wanted, file)
        if wanted.format != Export.Format.XLSX:
            return make(wanted, sys.stdout.buffer)
        if sys.stdout.isatty():
            raise CommandError("A workbook is no text for a terminal: say --output FILE.")
        with tempfile.TemporaryFile() as file:  # a zip is written out of order
            summary = make(wanted, file)
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout.buffer)
            return summary

    def _query(self, filters: list[str]) -> str:
        pairs = []
        for text in "&".join(filters).split("&") if filters else ():
            name, equals, value = text.partition("=")
            if not equals:
                raise CommandError(f"{text!r} is not name=value.")
            if name not in InvoiceFilters.base_fields:
                raise CommandError(f"There is no filter {name!r}. There are: {', '.join(InvoiceFilters.base_fields)}.")
            pairs.append((name, value))
        return urlencode(pairs)
