"""Customers: the list of them, what each owes, and who may be the same one at another provider.

Units: sums stand one a unit and book; nothing is added across either.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet

from invoicing.access import scopes
from invoicing.models import Book, Customer, CustomerCell, Invoice
from invoicing.models.search import fold
from invoicing.money import EXACT, joined, total_of
from invoicing.vocabulary import OWED, Direction, Status

MOST_SUGGESTED = 12
EVERYBODYS = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "yahoo.com",
        "icloud.com",
        "me.com",
        "aol.com",
        "proton.me",
        "protonmail.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "qq.com",
        "163.com",
        "mail.ru",
        "yandex.ru",
        "example.com",
        "example.org",
    ]
)
"""Mail domains that say nothing of whom somebody belongs to."""


@dataclass(frozen=True)
class UnitSum:
    """What one or several customers come to in one unit of one book. `overdue` is None where nobody asked."""

    book: Book
    unit: str
    invoices: int
    open: int  # invoices that are owed
    left: Decimal
    overdue: Decimal | None = None

    @property
    def direction(self) -> Direction:
        return self.book.direction


def sums_of(customers: Iterable[int], *, today: date) -> list[UnitSum]:
    """What they owe together, by book and unit."""
    ids = list(customers)
    late: dict[tuple[int, str], list[Decimal]] = defaultdict(list)
    rows = Invoice.objects.filter(customer__in=ids, outstanding=True, in_totals=True, due_date__lt=today)
    for book, unit, due in rows.values_list("book", "currency", "amount_due"):
        late[book, unit].append(due)
    together = _together(part for parts in _by_customer(ids).values() for part in parts)
    return [replace(each, overdue=total_of(late[each.book, each.unit])) for each in together]


def _by_customer(ids: Iterable[int]) -> dict[int, list[UnitSum]]:
    """The kept sums of each, by book and unit; one query."""
    sums: dict[tuple[int, int, str], list] = defaultdict(lambda: [0, 0, 0, 0, Decimal(0)])
    columns = (
        *("customer_id", "book", "currency", "status", "payment_status", "in_totals", "invoices"),
        *("due_units", "due_millionths", "due_rest"),
    )
    for customer, book, unit, status, payment, counts, invoices, *due in CustomerCell.objects.filter(
        customer__in=list(ids)
    ).values_list(*columns):
        entry = sums[customer, book, unit]
        entry[0] += invoices
        entry[1] += invoices if status == Status.FINALIZED and payment in OWED else 0
        if counts:
            entry[2] += due[0]
            entry[3] += due[1]
            entry[4] = EXACT.add(entry[4], due[2])
    found: dict[int, list[UnitSum]] = defaultdict(list)
    for (customer, book, unit), (invoices, owed, units, millionths, rest) in sorted(sums.items()):
        if invoices:
            found[customer].append(UnitSum(Book(book), unit, invoices, owed, joined(units, millionths, rest)))
    return found


# Who may be the same


@dataclass(frozen=True)
class Suggestion:
    customer: Customer
    because: list[str]  # "tax_id", "reference", "email", "domain", "name", the strongest first


def suggestions(members: list[Customer], user) -> list[Suggestion]:
    """Identities that agree with one of these in something telling, the most telling first; none that is linked with them."""
    wanted = _telling(members)
    condition = Q()
    if wanted["tax_id"]:
        condition |= Q(tax_id__in=wanted["tax_id"])
    for name in ("reference", "email"):
        for text in wanted[name]:
            condition |= Q(**{f"{name}__iexact": text})
    for domain in wanted["domain"]:
        condition |= Q(email__iendswith=f"@{domain}")
    for text in wanted["name"]:
        condition |= Q(name__iexact=text)
    if not condition:
        return []
    rows = scopes.visible(Customer.objects.filter(condition), user).exclude(pk__in=[each.pk for each in members])
    groups = {each.group_id for each in members if each.group_id}
    if groups:
        rows = rows.exclude(group__in=groups)
    directions = {each.connection.direction for each in members}
    rows = rows.filter(connection__direction__in=directions).select_related("connection").defer("payload")
    found = [Suggestion(row, _agreeing(row, wanted)) for row in rows.order_by("pk")[:200]]
    order = list(wanted)
    found = [each for each in found if each.because]
    found.sort(key=lambda each: (order.index(each.because[0]), -len(each.because), each.customer.pk))
    return found[:MOST_SUGGESTED]


def _telling(members: Iterable[Customer]) -> dict[str, set[str]]:
    """What tells customers apart, the strongest first."""
    rows = list(members)
    domains = {_domain(each.email) for each in rows} - {""} - EVERYBODYS
    return {
        "tax_id": {each.tax_id for each in rows if each.tax_id},
        "reference": {each.reference.lower() for each in rows if each.reference},
        "email": {each.email.lower() for each in rows if each.email},
        "domain": domains,
        "name": {each.name.lower() for each in rows if len(each.name) > 2},
    }


def _agreeing(row: Customer, wanted: dict[str, set[str]]) -> list[str]:
    said = {
        "tax_id": row.tax_id or "",
        "reference": row.reference.lower(),
        "email": row.email.lower(),
        "domain": _domain(row.email),
        "name": row.name.lower(),
    }
    return [name for name, values in wanted.items() if said[name] and said[name] in values]


def _domain(email: str) -> str:
    return email.rpartition("@")[2].strip().lower() if "@" in email else ""


# The list


@dataclass(frozen=True)
class CustomerRow:
    customer: Customer
    members: list[Customer]  # everybody linked with them, themselves among them
    sums: list[UnitSum]

    @property
    def invoices(self) -> int:
        return sum(each.invoices for each in self.sums)

    @property
    def owed(self) -> list[UnitSum]:
        """Live amounts that are owed to us; test data and what its provider no longer has are not."""
        return [each for each in self.sums if each.book == Book.RECEIVABLE and each.left]


@dataclass(frozen=True)
class CustomerPage:
    rows: list[CustomerRow]
    older: tuple[str, int] | None  # where the next page begins


def customer_page(
    user,
    *,
    text: str = "",
    providers: Iterable[str] = (),
    linked: str = "",
    after: tuple[str, int] | None = None,
    size: int = 50,
) -> CustomerPage:
    """Customers by name, linked identities as one; a searched one may stand for all it is linked with.

    `linked`: "yes", "no" or any. `after`: name and our id of the last one shown.
    """
    rows = scopes.visible(Customer.objects.all(), user)
    rows = rows.filter(connection__provider__in=providers) if providers else rows
    rows = rows.exclude(group=None) if linked == "yes" else rows.filter(group=None) if linked == "no" else rows
    rows = rows.filter(search_text__contains=fold(text)) if text else rows
    rows = _one_of_each_group(rows)
    if after is not None:
        rows = rows.filter(Q(name__gt=after[0]) | Q(name=after[0], pk__gt=after[1]))
    found = list(rows.select_related("connection").defer("payload").order_by("name", "pk")[: size + 1])
    more, found = len(found) > size, found[:size]
    members = _members(found, user)
    sums = _by_customer([each.pk for group in members.values() for each in group])
    listed = [
        CustomerRow(
            each, members[each.pk], _together(part for one in members[each.pk] for part in sums.get(one.pk, []))
        )
        for each in found
    ]
    return CustomerPage(listed, (found[-1].name, found[-1].pk) if more else None)


def _one_of_each_group(rows: QuerySet[Customer]) -> QuerySet[Customer]:
    """Of linked identities that match, the one that comes first by name."""
    former = rows.filter(group=OuterRef("group")).filter(
        Q(name__lt=OuterRef("name")) | Q(name=OuterRef("name"), pk__lt=OuterRef("pk"))
    )
    return rows.filter(Q(group=None) | ~Exists(former.order_by()))


def _members(found: list[Customer], user) -> dict[int, list[Customer]]:
    groups = {each.group_id for each in found if each.group_id}
    by_group: dict[int, list[Customer]] = defaultdict(list)
    if groups:
        rows = scopes.visible(Customer.objects.filter(group__in=groups), user)
        for row in rows.select_related("connection").defer("payload").order_by("name", "pk"):
            by_group[row.group_id].append(row)
    return {each.pk: by_group[each.group_id] if each.group_id else [each] for each in found}


def _together(parts: Iterable[UnitSum]) -> list[UnitSum]:
    by_key: dict[tuple[int, str], list[UnitSum]] = defaultdict(list)
    for part in parts:
        by_key[part.book, part.unit].append(part)
    return [
        UnitSum(
            Book(book),
            unit,
            sum(each.invoices for each in same),
            sum(each.open for each in same),
            total_of(each.left for each in same),
        )
        for (book, unit), same in sorted(by_key.items())
    ]
