"""What somebody wants in a file, and the list that is. The same for page, command and job."""

from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils import translation

from invoicing.access import scopes
from invoicing.exports.columns import Column, UnknownColumn, columns_for
from invoicing.listing.filters import InvoiceFilters
from invoicing.listing.invoice_list import InvoiceList
from invoicing.models import Connection, Export, Invoice, SummaryCell, User
from invoicing.vocabulary import Direction

ALL = "all"
TABLES = (Export.Format.CSV, Export.Format.XLSX)
PDFS = (Export.Format.PDF_ZIP, Export.Format.PDF_MERGED)
MOST_CHOSEN = 20_000
SHOW_ONLY = ("sort", "order", "rows", "columns", "group", "density")
"""Parameters of a list that say how it is shown, not what it holds."""
EVERY_SET = tuple((direction, data) for direction in Direction.values for data in ("live", "test"))


class CannotExport(Exception):
    """What was asked for cannot be made into a file; the message says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`person` None: a command on the machine itself, which may see everything."""

    format: str
    direction: str = Direction.RECEIVABLE.value
    query: str = ""
    level: str = Export.Level.INVOICES
    keys: tuple[str, ...] = ()
    chosen: tuple[int, ...] | None = None
    person: User | None = field(default=None, compare=False)

    @classmethod
    def of(cls, export: Export) -> "Wanted":
        return cls(
            format=export.format,
            direction=export.direction,
            query=export.query,
            level=export.level,
            keys=tuple(export.columns),
            chosen=None if export.chosen is None else tuple(export.chosen),
            person=export.requested_by,
        )

    @property
    def lines(self) -> bool:
        return self.level == Export.Level.LINES

    @property
    def personal(self) -> bool:
        return self.person is None or "view_personal" in scopes.standing_of(self.person).rights

    def columns(self) -> tuple[Column, ...]:
        """Errors: CannotExport."""
        try:
            return columns_for(self.keys, direction=self.direction, lines=self.lines, personal=self.personal)
        except UnknownColumn as unknown:
            raise CannotExport(str(unknown)) from None

    def check(self) -> None:
        """Errors: CannotExport: a format, level, direction, column or filter there is not."""
        if self.format not in Export.Format.values:
            raise CannotExport(f"There is no format {self.format!r}. There are: {', '.join(Export.Format.values)}.")
        if self.level not in Export.Level.values:
            raise CannotExport(f"Rows are of {' or '.join(Export.Level.values)}, not {self.level!r}.")
        if self.direction not in (*Direction.values, ALL):
            raise CannotExport(f"There is no direction {self.direction!r}.")
        if self.direction == ALL and self.format != Export.Format.JSONL:
            raise CannotExport("Receivables and payables never share a table. Ask for one of them, or for jsonl.")
        if self.chosen is not None and len(self.chosen) > MOST_CHOSEN:
            raise CannotExport(f"At most {MOST_CHOSEN:,} invoices can be picked one by one. Filter the list instead.")
        if self.format in TABLES:
            self.columns()
        for filters in self.filters():
            problems = [f"{name}: {' '.join(map(str, errors))}" for name, errors in filters.errors.items()]
            if problems:
                raise CannotExport(f"A filter was not understood, so nothing is exported. {'; '.join(problems)}")

    def filters(self) -> list[InvoiceFilters]:
        """The list's own form; several where everything is wanted."""
        connections = list(Connection.objects.all())
        if self.direction != ALL:
            return [self._form(QueryDict(self.query), self.direction, connections)]
        forms = []
        for direction, data in EVERY_SET:
            query = QueryDict(self.query, mutable=True)
            query["data"] = data
            forms.append(self._form(query, direction, connections))
        return forms

    def _form(self, query: QueryDict, direction: str, connections: list[Connection]) -> InvoiceFilters:
        named = any(name.startswith("currency") for name in query)
        return InvoiceFilters(
            query,
            direction=Direction(direction),
            connections=connections,
            reach=None if self.person is None else scopes.connection_ids(self.person),
            currencies=list(SummaryCell.objects.values_list("currency", flat=True).distinct()) if named else [],
        )

    def lists(self) -> list[InvoiceList]:
        """Exactly what the list shows this person, without its page."""
        return [InvoiceList(filters.criteria()) for filters in self.filters()]

    def chosen_ids(self) -> list[int]:
        """The invoices picked one by one, in their order. Errors: CannotExport, naming those that are not there."""
        chosen = self.chosen or ()
        found = Invoice.objects.filter(pk__in=chosen, connection__direction=self.direction)
        if self.person is not None:
            found = scopes.visible(found, self.person)
        books = dict(found.values_list("pk", "book"))
        missing = [pk for pk in chosen if pk not in books]
        if missing:
            raise CannotExport(f"Not among the {self.direction}s you can see: {', '.join(map(str, missing[:20]))}.")
        if len(set(books.values())) > 1:
            raise CannotExport("Live and test data never share a file.")
        return list(dict.fromkeys(chosen))


@translation.override("en")  # kept with the file and in the audit trail
def in_words(filters: InvoiceFilters) -> str:
    """What the filters ask, for reading: "Status: Void, Draft; Issued from: 2026-01-01"."""
    if not filters.is_valid():
        return ""
    said = []
    for name, form_field in filters.fields.items():
        value = filters.cleaned_data.get(name)
        if value in (None, "", [], False) or name in SHOW_ONLY:
            continue
        labels = dict(getattr(form_field, "choices", ()))
        label = form_field.label or name.replace("__not", " not").replace("_", " ").capitalize()
        values = value if isinstance(value, (list, tuple)) else [value]
        words = ", ".join(str(labels.get(each, each)) for each in values)
        said.append(str(label) if value is True else f"{label}: {words}")
    return "; ".join(said)
