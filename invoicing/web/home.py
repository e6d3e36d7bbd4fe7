"""The first page of a day: what waits, what is owed and since when, what was billed, how fresh all that is."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from invoicing.access import rights
from invoicing.listing.overview import AGES, Owed, Part, billed, owed
from invoicing.models import Book, Connection
from invoicing.money import total_of
from invoicing.vocabulary import OWED, Direction, Environment, Status
from invoicing.web import charts, formats, marks
from invoicing.web.context import Shell, address, shell_of
from invoicing.web.home_needs import may_connect, my_open_operations, needs_of
from invoicing.web.setup import elsewhere

MONTHS = 12
AGE_NAMES = {
    "not_due": gettext_lazy("Not due"),
    "d30": gettext_lazy("1–30 days"),
    "d60": gettext_lazy("31–60 days"),
    "d90": gettext_lazy("61–90 days"),
    "older": gettext_lazy("Over 90 days"),
}
AGE_DAYS = {"not_due": (None, 0), "d30": (1, 30), "d60": (31, 60), "d90": (61, 90), "older": (91, None)}


@dataclass
class Section:
    """One direction's money: what is outstanding by unit and age, and what was billed in one unit by month."""

    direction: Direction
    test: bool
    owed: list["OwedRow"]
    units: list[dict]
    volume: "Volume | None"

    @property
    def undated(self) -> list[Owed]:
        return [row.owed for row in self.owed if row.owed.undated.invoices]

    @property
    def path(self) -> str:
        return address(f"{self.direction}s")


@dataclass
class OwedRow:
    """A unit of the ageing chart and its table."""

    owed: Owed
    bar: list[charts.Rectangle]
    cells: list[dict]
    url: str
    overdue_url: str
    soon_url: str


@dataclass
class Volume:
    unit: str
    columns: list[charts.Rectangle]
    ticks: list[str]
    months: list[dict]
    providers: list[dict]
    whole: Part = field(default_factory=Part)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    if not rights.can(request.user, "view"):
        return elsewhere(request)
    shell, today = shell_of(request), timezone.localdate()
    sees_money = rights.can(request.user, "view_money")
    context = {
        "today": today,
        "needs": needs_of(shell, today),
        "mine": my_open_operations(shell),
        "sections": [found for each in Direction if (found := _section(request, shell, each, today))]
        if sees_money
        else [],
        "sees_money": sees_money,
        "may_connect": may_connect(shell),
        "ages": AGE_NAMES.items(),
    }
    return render(request, "home/page.html", context)


def _section(request: HttpRequest, shell: Shell, direction: Direction, today: date) -> Section | None:
    """Live data where there is some; a desk that only tries things out sees its test data, and is told so."""
    own = [each for each in shell.connections if each.direction == direction]
    if not own:
        return None
    test = all(each.environment == Environment.TEST for each in own)
    book, ids = Book.of(direction, live=not test), [each.pk for each in own]
    data = {"data": "test"} if test else {}
    months = _months(today)
    volumes = billed(book, months[0], months[-1], ids)
    units = sorted(volumes, key=lambda unit: (-sum(part.invoices for part in volumes[unit].values()), unit))
    name = f"{direction}_unit"
    unit = request.GET.get(name) if request.GET.get(name) in volumes else next(iter(units), "")
    return Section(
        direction=direction,
        test=test,
        owed=_ageing(owed(book, today, ids), address(f"{direction}s"), data, today),
        units=[{"unit": each, "url": f"?{urlencode({name: each})}", "here": each == unit} for each in units],
        volume=_volume(unit, volumes[unit], months, own) if unit else None,
    )


def _ageing(rows: list[Owed], path: str, data: dict, today: date) -> list[OwedRow]:
    found = []
    for row in rows:
        asked = {"status": Status.FINALIZED, "payment": list(OWED), "currency": row.unit, **data}

        def url(asked=asked, **more) -> str:
            return f"{path}?{urlencode({**asked, **more}, doseq=True)}"

        slices = [charts.Slice(f"age-{age}", row.ages[age].amount, _said(age, row)) for age in AGES]
        cells = [
            {
                "age": age,
                "part": row.ages[age],
                "words": ngettext("%(n)s invoice", "%(n)s invoices", row.ages[age].invoices)
                % {"n": row.ages[age].invoices},
                "url": url(**_due(age, today)) if row.ages[age].invoices else "",
            }
            for age in AGES
        ]
        found.append(
            OwedRow(
                owed=row,
                bar=charts.bar(slices, whole=charts.height_of(slices)),
                cells=cells,
                url=url(),
                overdue_url=f"{path}?{urlencode({'overdue': 'on', 'currency': row.unit, **data})}",
                soon_url=url(due_from=today.isoformat(), due_to=(today + timedelta(days=6)).isoformat()),
            )
        )
    return found


def _said(age: str, row: Owed) -> str:
    return f"{AGE_NAMES[age]}: {formats.money_text(row.ages[age].amount, row.unit)}"


def _due(age: str, today: date) -> dict[str, str]:
    """The list's filter for an age. Not due is what is due today or later; the page says how many have no due day."""
    least, most = AGE_DAYS[age]
    if least is None:
        return {"due_from": today.isoformat()}
    days = {"due_to": (today - timedelta(days=least)).isoformat()}
    if most is not None:
        days["due_from"] = (today - timedelta(days=most)).isoformat()
    return days


def _months(today: date) -> list[date]:
    """The first days of the last twelve months, this one last."""
    count = today.year * 12 + today.month - 1
    return [date(each // 12, each % 12 + 1, 1) for each in range(count - MONTHS + 1, count + 1)]


def _volume(
    unit: str, parts: dict[tuple[date, str], Part], months: list[date], connections: list[Connection]
) -> Volume:
    providers = sorted({provider for _month, provider in parts} & {each.provider for each in connections})
    stacks, rows = [], []
    for month in months:
        own = [parts.get((month, provider), Part()) for provider in providers]
        stacks.append(
            [
                charts.Slice(
                    f"of-{provider}",
                    part.amount,
                    _("%(provider)s, %(month)s: %(amount)s")
                    % {
                        "provider": marks.provider_name(provider),
                        "month": formats.month_text(month),
                        "amount": formats.money_text(part.amount, unit),
                    },
                )
                for provider, part in zip(providers, own, strict=True)
            ]
        )
        rows.append(
            {
                "month": formats.month_text(month),
                "short": formats.month_text(month, short=True),
                "parts": own,
                "invoices": sum(part.invoices for part in own),
                "amount": total_of(part.amount for part in own),
            }
        )
    top = charts.round_top(max(map(charts.height_of, stacks)))
    return Volume(
        unit=unit,
        columns=charts.columns(stacks, top=top),
        ticks=[formats.short_number(each) for each in (top, top / 2, Decimal(0))],
        months=rows,
        providers=[{"key": each, "name": marks.provider_name(each)} for each in providers],
        whole=Part(sum(row["invoices"] for row in rows), total_of(row["amount"] for row in rows)),
    )
