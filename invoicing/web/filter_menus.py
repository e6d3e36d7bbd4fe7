"""The filters of a list as menus and chips: what is chosen, what choosing otherwise would give, and how to lift it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from invoicing.listing.criteria import Criteria
from invoicing.listing.facets import Facets
from invoicing.listing.filters import NOT, InvoiceFilters
from invoicing.models import Customer
from invoicing.web import marks
from invoicing.web.formats import day_text, number_text, unit_text
from invoicing.web.links import Here

DAYS = {
    "issued": _("Issued"),
    "due": _("Due"),
    "period": _("Billing period"),
    "finalized": _("Finalized"),
    "voided": _("Voided"),
    "synced": _("Synced"),
}
FLAGS = {"overdue": _("Overdue"), "unrecognized": _("Unknown status"), "differing": _("Lines differ")}
TURNED = ("connection", "provider", "status", "payment", "currency")
"""The filters that can also leave out what is chosen."""
WORDS = {"status": _("Status"), "payment": _("Payment")}

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
    invert: str = ""  # the list with what is chosen left out, or the other way round
    leaves_out: bool = False
    hint: str = ""
    errors: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """What its chip says."""
        if not self.chosen:
            return gettext("%(filter)s: not understood") % {"filter": self.label}
        return self.chosen if self.key == "more" else f"{self.label}: {self.chosen}"

    @property
    def boxes(self) -> SafeString:
        """The choices as HTML: there are dozens on every page, and a template takes milliseconds for them."""
        return format_html_join("", BOX, (each.parts(f"{self.key}-{at}") for at, each in enumerate(self.choices)))


def _told(chosen: Iterable[str], left_out: Iterable[str]) -> str:
    """What is chosen and what is left out, in words."""
    parts = list(map(str, chosen)) + [gettext("not %(choice)s") % {"choice": each} for each in left_out]
    return ", ".join(parts)


class FilterMenus:
    """All menus of one list. Iterating gives them in the order they are shown."""

    def __init__(self, filters: InvoiceFilters, criteria: Criteria, here: Here, facets: Facets, units: list[str]):
        self.filters, self.criteria, self.here, self.facets, self.units = filters, criteria, here, facets, units
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
            self._turn(menu)

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
            said = gettext("Search: “%(text)s”") % {"text": text[0]}
            chips.append({"said": said, "lift": self.here.but(q=None)})
        for name in ("customer", f"customer{NOT}"):
            if (given := self.filters.cleaned_data.get(name)) and name not in self.filters.errors:
                chips.append({"said": self._customers(given, name), "lift": self.here.but(**{name: None})})
        return chips

    def _customers(self, asked: list[int], name: str) -> str:
        """Whom the list is of, by name, and how many identities are meant where some are linked."""
        known = Customer.objects.filter(pk__in=asked).only("name", "email", "external_id", "group_id")
        names = [str(each) for each in known] or [", ".join(map(str, asked))]
        told = _told([], names) if name.endswith(NOT) else _told(names, [])
        meant = self.criteria.without_customers if name.endswith(NOT) else self.criteria.customers
        if len(meant) > len(asked):
            told += " " + gettext("(%(count)s linked)") % {"count": len(meant)}
        return gettext("Customer: %(names)s") % {"names": told}

    def _turn(self, menu: Menu) -> None:
        """Offer the list that leaves out what this one asks for, and the other way round."""
        turned = [name for name in TURNED if name in menu.names]
        if not menu.chosen or menu.errors or not any(self._given(name) or self._given(name + NOT) for name in turned):
            return
        if menu.key == "amount" and (self._given("amount_min") or self._given("amount_max")):
            return  # amounts are of one currency
        changes: dict[str, list[str] | None] = {}
        for name in turned:
            changes |= {name: self._given(name + NOT) or None, name + NOT: self._given(name) or None}
        menu.invert = self.here.but(**changes)
        menu.leaves_out = not any(self._given(name) for name in turned)

    def _side(self, name: str) -> str:
        """The parameter the boxes of a filter stand for: the one that leaves out, where that is all that is asked."""
        return name + NOT if self._given(name + NOT) and not self._given(name) else name

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
        side = self._side(name)
        options, counts = {}, Counter()
        data = self._given("data") or ["live"]
        for each in known:
            key = each.name if several else each.provider
            elsewhere = data != ["gone"] and data != [each.environment] and not (by or {}).get(each.pk)
            if elsewhere and key not in self._given(side):
                continue  # a connection of the other environment has nothing to offer here
            options[key] = marks.provider_badge(each.provider, each.name if several else "")
            counts[key] += (by or {}).get(each.pk, 0)
        menu = Menu("provider", gettext("Provider"), ("provider", "connection", f"provider{NOT}", f"connection{NOT}"))
        menu.choices = self._choices(side, options.items(), None if by is None else counts)
        menu.chosen = _told(
            [*map(marks.provider_name, self._given("provider")), *self._given("connection")],
            [*map(marks.provider_name, self._given(f"provider{NOT}")), *self._given(f"connection{NOT}")],
        )
        if several:  # a provider asked for by name: its box stands beside those of the connections
            side = self._side("provider")
            asked = [(key, marks.provider_badge(key)) for key in self._given(side)]
            menu.choices = self._choices(side, asked, None) + menu.choices
        return menu

    def _words(self, name: str) -> Menu:
        field, counts, side = self.filters.fields[name], self._counts(name), self._side(name)
        given, left_out = self._given(name), self._given(name + NOT)
        shown = {*given, *left_out}
        words = [(value, label) for value, label in field.choices if not counts or counts.get(value) or value in shown]
        labels = dict(field.choices)
        chosen = _told([labels[v] for v in labels if v in given], [labels[v] for v in labels if v in left_out])
        return Menu(name, WORDS[name], (name, name + NOT), self._choices(side, words, counts), chosen=chosen)

    def _amounts(self) -> Menu:
        given, left_out = self._given("currency"), self._given(f"currency{NOT}")
        options = [(unit, unit_text(unit)) for unit in dict.fromkeys([*self.units, *given, *left_out])]
        least, most = self._given("amount_min"), self._given("amount_max")
        span = ""
        if least or most:
            span = f"{least[0] if least else '…'} – {most[0] if most else '…'}"
        return Menu(
            "amount",
            gettext("Amount"),
            ("currency", f"currency{NOT}", "amount_min", "amount_max"),
            self._choices(self._side("currency"), options, self._counts("currency")),
            self._entries("amount_min", "amount_max") if self.filters.money else [],
            chosen=" ".join(filter(None, [_told(map(unit_text, given), map(unit_text, left_out)), span])),
            hint=gettext("Amounts are compared in one currency.") if self.filters.money else "",
        )

    def _dates(self) -> Menu:
        names = [f"{kind}_{end}" for kind in DAYS for end in ("from", "to")]
        given = self.filters.cleaned_data
        said = []
        for kind, label in DAYS.items():
            first, last = given.get(f"{kind}_from"), given.get(f"{kind}_to")
            if first and last:
                said.append(f"{label} {day_text(first)} – {day_text(last)}")
            elif first:
                said.append(gettext("%(date)s from %(day)s") % {"date": label, "day": day_text(first)})
            elif last:
                said.append(gettext("%(date)s to %(day)s") % {"date": label, "day": day_text(last)})
        hint = gettext("Where a provider does not say when it finalized or voided, the day we first saw it so counts.")
        return Menu(
            "dates", gettext("Dates"), tuple(names), entries=self._entries(*names), chosen="; ".join(said), hint=hint
        )

    def _more(self) -> Menu:
        chosen = [str(label) for name, label in FLAGS.items() if self._given(name)]
        choices = [Choice(name, "on", label, bool(self._given(name))) for name, label in FLAGS.items()]
        return Menu("more", gettext("More"), tuple(FLAGS), choices, chosen=", ".join(chosen))
