"""The filters of a list as menus and chips: what is chosen, what choosing otherwise would give, and how to lift it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from invoicing.listing.facets import Facets
from invoicing.listing.filters import InvoiceFilters
from invoicing.models import Customer
from invoicing.web import marks
from invoicing.web.formats import day_text, number_text, unit_text
from invoicing.web.links import Here

DAYS = (("issued", "Issued"), ("due", "Due"), ("period", "Billing period"))
FLAGS = {"overdue": "Overdue", "unrecognized": "Unknown status", "differing": "Lines differ"}


BOX = (
    '<label class="check"><input type="checkbox" id="{}" name="{}" value="{}"{}><span class="grow">{}</span>'
    '<span class="soft small tabular">{}</span></label>'
)
CHECKED = format_html(" {}", "checked")


@dataclass(slots=True)
class Choice:
    """One box to tick. `count`: how many invoices choosing it alone would list; empty when that is not known."""

    name: str
    value: str
    label: str | SafeString
    checked: bool
    count: str = ""

    def parts(self, id_: str) -> tuple:
        return id_, self.name, self.value, CHECKED if self.checked else "", self.label, self.count


@dataclass(slots=True)
class Entry:
    """One field to fill in, with what was typed. A form's own bound field says the same for ten times the work."""

    name: str
    label: str
    value: str
    wrong: bool

    @property
    def id(self) -> str:
        return f"id_{self.name}"


@dataclass(slots=True)
class Menu:
    """One filter, or a few that belong together. `chosen`: what is asked now, in words; `lift` the list without it."""

    key: str
    label: str
    names: tuple[str, ...]
    choices: list[Choice] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    chosen: str = ""
    lift: str = ""
    invert: str = ""  # the list of what is not chosen
    hint: str = ""
    errors: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """What its chip says."""
        if not self.chosen:
            return f"{self.label}: not understood"
        return self.chosen if self.key == "more" else f"{self.label}: {self.chosen}"

    @property
    def boxes(self) -> SafeString:
        """The choices as HTML: there are dozens on every page, and a template takes milliseconds for them."""
        return format_html_join("", BOX, (each.parts(f"{self.key}-{at}") for at, each in enumerate(self.choices)))


def _told(chosen: list[str], others: list[str]) -> str:
    """What is chosen, or the shorter "all but" of what is not."""
    if chosen and others and len(others) <= 2 < len(chosen):
        return f"all but {', '.join(others)}"
    return ", ".join(chosen)


class FilterMenus:
    """All menus of one list. Iterating gives them in the order they are shown."""

    def __init__(self, filters: InvoiceFilters, here: Here, facets: Facets, units: list[str]):
        self.filters, self.here, self.facets, self.units = filters, here, facets, units
        self.menus = [
            self._connections(),
            self._words("status"),
            self._words("payment"),
            self._amounts(),
            self._dates(),
        ]
        self.menus.append(self._more())
        for menu in self.menus:
            menu.errors = [error for name in menu.names for error in filters.errors.get(name, ())]
            if menu.chosen or menu.errors:
                menu.lift = here.but(**dict.fromkeys(menu.names))
            if menu.chosen and menu.choices and menu.key in ("provider", "status", "payment"):
                menu.invert = self._inverse(menu)

    def __iter__(self):
        return iter(self.menus)

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Filters without a field, which the form carries along."""
        boxes = {choice.name for menu in self.menus for choice in menu.choices}
        entries = {entry.name for menu in self.menus for entry in menu.entries}
        return self.here.hidden("q", *boxes, *entries)

    @property
    def lost(self) -> list[dict]:
        """Errors of parameters without a menu."""
        shown = {name for menu in self.menus for name in menu.names}
        return [
            {"name": name, "errors": errors, "lift": self.here.but(**{name: None})}
            for name, errors in self.filters.errors.items()
            if name not in shown
        ]

    def chips(self) -> list[dict]:
        """What narrows the list, each with the address without it: for a list that shows nothing."""
        lifts = [{"said": m.said, "lift": m.lift} for m in self.menus if m.chosen]
        return [*self.further_chips(), *lifts]

    def further_chips(self) -> list[dict]:
        """The filters that have no menu: the search, one customer."""
        chips = []
        if text := self._given("q"):
            chips.append({"said": f"Search: “{text[0]}”", "lift": self.here.but(q=None)})
        if (given := self._given("customer")) and "customer" not in self.filters.errors:
            known = Customer.objects.filter(pk=given[0]).only("name", "email", "external_id").first()
            chips.append({"said": f"Customer: {known or given[0]}", "lift": self.here.but(customer=None)})
        return chips

    def _inverse(self, menu: Menu) -> str:
        """The list with exactly those choices that are not chosen now: "all but these"."""
        name = menu.choices[-1].name
        others = [value for value, _ in self.filters.fields[name].choices if value not in self._given(name)]
        return self.here.but(**dict.fromkeys(menu.names) | {name: others}) if others else ""

    def _given(self, name: str) -> list[str]:
        return self.here.filters.get(name, [])

    def _choices(self, name: str, options: Iterable[tuple[str, str | SafeString]], counts: dict | None) -> list[Choice]:
        given = self._given(name)
        return [
            Choice(name, value, label, value in given, "" if counts is None else number_text(counts.get(value, 0)))
            for value, label in options
        ]

    def _entries(self, *names: str) -> list[Entry]:
        fields, errors = self.filters.fields, self.filters.errors
        return [Entry(name, fields[name].label, (self._given(name) or [""])[-1], name in errors) for name in names]

    def _counts(self, dimension: str) -> dict | None:
        return self.facets.by.get(dimension) if self.facets.by else None

    def _connections(self) -> Menu:
        """Providers, or connections where a provider has several."""
        known, by = self.filters.connections, self._counts("connection")
        several = len({each.provider for each in known}) < len(known)
        name = "connection" if several else "provider"
        options, counts = {}, Counter()
        data = self._given("data") or ["live"]
        for each in known:
            key = each.name if several else each.provider
            elsewhere = data != ["gone"] and data != [each.environment] and not (by or {}).get(each.pk)
            if elsewhere and key not in self._given(name):
                continue  # a connection of the other environment has nothing to offer here
            options[key] = marks.provider_badge(each.provider, each.name if several else "")
            counts[key] += (by or {}).get(each.pk, 0)
        menu = Menu("provider", "Provider", ("provider", "connection"))
        menu.choices = self._choices(name, options.items(), None if by is None else counts)
        menu.chosen = ", ".join(
            [*(marks.provider_name(key) for key in self._given("provider")), *self._given("connection")]
        )
        if several:  # a provider asked for by name: its box stands beside those of the connections
            asked = [(key, marks.provider_badge(key)) for key in self._given("provider")]
            menu.choices = self._choices("provider", asked, None) + menu.choices
        return menu

    def _words(self, name: str) -> Menu:
        field, counts = self.filters.fields[name], self._counts(name)
        given = self._given(name)
        words = [(value, label) for value, label in field.choices if not counts or counts.get(value) or value in given]
        labels = dict(field.choices)
        chosen = _told(
            [labels[value] for value in labels if value in given], [labels[v] for v in labels if v not in given]
        )
        return Menu(name, field.label or name.capitalize(), (name,), self._choices(name, words, counts), chosen=chosen)

    def _amounts(self) -> Menu:
        given = self._given("currency")
        options = [(unit, unit_text(unit)) for unit in dict.fromkeys([*self.units, *given])]
        least, most = self._given("amount_min"), self._given("amount_max")
        span = ""
        if least or most:
            span = f"{least[0] if least else '…'} – {most[0] if most else '…'}"
        return Menu(
            "amount",
            "Amount",
            ("currency", "amount_min", "amount_max"),
            self._choices("currency", options, self._counts("currency")),
            self._entries("amount_min", "amount_max"),
            chosen=" ".join(filter(None, [", ".join(map(unit_text, given)), span])),
            hint="Amounts are compared in one currency.",
        )

    def _dates(self) -> Menu:
        names = [f"{kind}_{end}" for kind, _ in DAYS for end in ("from", "to")]
        given = self.filters.cleaned_data
        said = []
        for kind, label in DAYS:
            first, last = given.get(f"{kind}_from"), given.get(f"{kind}_to")
            if first and last:
                said.append(f"{label} {day_text(first)} – {day_text(last)}")
            elif first or last:
                said.append(f"{label} {'from' if first else 'to'} {day_text(first or last)}")
        return Menu("dates", "Dates", tuple(names), entries=self._entries(*names), chosen="; ".join(said))

    def _more(self) -> Menu:
        chosen = [label for name, label in FLAGS.items() if self._given(name)]
        choices = [Choice(name, "on", label, bool(self._given(name))) for name, label in FLAGS.items()]
        return Menu("more", "More", tuple(FLAGS), choices, chosen=", ".join(chosen))
