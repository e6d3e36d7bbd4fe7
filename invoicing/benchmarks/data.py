"""Made-up invoices, always the same for a seed: enough like the real thing for lists, totals and searches to be fair.

Twelve connections of five providers, customers by Zipf, three years of growing volume, amounts log-normal, five lines on
average, what an invoice is by its age. They come in the order a sync would store them: page by page and connection by
connection, newest first, so that the order on disk is not the order of dates.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

PROVIDERS = {"metronome": 58, "flexprice": 25, "orb": 15, "checkout_page": 10, "cockroachdb": 5}  # shares
CONNECTIONS = (  # provider, name, share of the provider's invoices, live
    ("metronome", "metronome-us", 50, True),
    ("metronome", "metronome-eu", 30, True),
    ("metronome", "metronome-asia", 15, True),
    ("metronome", "metronome-labs", 5, True),
    ("flexprice", "flexprice-cloud", 70, True),
    ("flexprice", "flexprice-own", 25, True),
    ("flexprice", "flexprice-test", 5, False),
    ("orb", "orb-main", 80, True),
    ("orb", "orb-spare", 20, True),
    ("checkout_page", "shop", 90, True),
    ("checkout_page", "shop-events", 10, True),
    ("cockroachdb", "crdb", 100, True),
)
CURRENCIES = {"USD": 58, "EUR": 22, "GBP": 9, "JPY": 5, "CHF": 4, "BHD": 2}
DIGITS = {"JPY": 0, "BHD": 3}
DAYS = 1096
PAGE = 100
MAX_LINES = 60
STATES = (  # up to which age in days, and how invoices of that age are spread
    (20, {"draft": 45, "open": 45, "paid": 9, "void": 1}),
    (60, {"draft": 2, "open": 38, "paid": 56, "void": 4}),
    (400, {"open": 4, "paid": 92, "void": 4}),
    (DAYS + 1, {"open": 1, "paid": 96, "void": 3}),
)
FIRST = [
    "Nord",
    "Süd",
    "Ost",
    "West",
    "Alpha",
    "Blue",
    "Bright",
    "Clear",
    "Cloud",
    "Copper",
    "Deep",
    "Echo",
    "Fair",
    "Fjord",
    "Golden",
    "Green",
    "Grand",
    "Harbor",
    "High",
    "Iron",
]
SECOND = [
    "bridge",
    "field",
    "gate",
    "land",
    "lake",
    "light",
    "line",
    "mark",
    "mill",
    "peak",
    "point",
    "port",
    "ridge",
    "river",
    "rock",
    "stone",
    "stream",
    "tower",
    "vale",
    "wood",
]
KIND = [
    "GmbH",
    "Inc.",
    "Ltd",
    "SA",
    "KK",
    "AB",
    "Oy",
    "B.V.",
    "LLC",
    "Labs",
    "Systems",
    "Energy",
    "Foods",
    "Health",
    "Media",
    "Motors",
    "Robotics",
    "Studio",
    "Works",
    "Group",
]
SERVICES = [
    "API calls",
    "Compute hours",
    "Storage",
    "Egress",
    "Seats",
    "Support plan",
    "Tokens",
    "Messages",
    "Builds",
    "Events",
    "Queries",
    "Backups",
]
PLACES = [
    "us-east",
    "us-west",
    "eu-central",
    "eu-north",
    "ap-south",
    "ap-tokyo",
    "sa-east",
    "af-south",
    "me-central",
    "ca-east",
]
PLANS = [f"tier {number}" for number in range(1, 26)]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One invoice as drawn, before a provider's shape is given to it. Amounts are minor units of `currency`."""

    connection: int  # place in CONNECTIONS
    number: int  # within its connection, 0 is the newest
    customer: int  # place in the connection's customers
    day: date
    state: str
    currency: str
    amounts: tuple[int, ...]
    texts: tuple[int, ...]
    days_to_pay: int


def money(minor: int, currency: str) -> str:
    digits = DIGITS.get(currency, 2)
    return str(minor) if digits == 0 else f"{minor // 10**digits}.{minor % 10**digits:0{digits}d}"


def counts(total: int) -> list[int]:
    """How many invoices each connection has; they add up."""
    whole = sum(PROVIDERS.values())
    shares = [PROVIDERS[provider] / whole * share / 100 for provider, _, share, _ in CONNECTIONS]
    found = [int(total * share) for share in shares]
    found[0] += total - sum(found)
    return found


def customers(total_invoices: int) -> list[list[str]]:
    """Each connection's customers, the first ones having most invoices. 20,000 in all, fewer where invoices are few."""
    whole = min(20_000, max(len(CONNECTIONS), total_invoices // 50))
    names: list[list[str]] = []
    place = 0
    for count in counts(whole):
        part = []
        for _ in range(max(1, count)):
            first, second = FIRST[place % 20], SECOND[place // 20 % 20]
            part.append(f"{first}{second} {KIND[place // 400 % 20]} {place // 8000 or ''}".strip())
            place += 1
        names.append(part)
    return names


def line_texts() -> list[str]:
    return [f"{service}, {place}, {plan}" for service in SERVICES for place in PLACES for plan in PLANS]


def drawn(total: int, *, seed: int, today: date) -> Iterator[Drawn]:
    """All invoices in the order they are stored."""
    left = [_of_connection(place, count, total, seed, today) for place, count in enumerate(counts(total))]
    while left:
        for source in list(left):
            for _ in range(PAGE):
                invoice = next(source, None)
                if invoice is None:
                    left.remove(source)
                    break
                yield invoice


def _of_connection(place: int, count: int, total: int, seed: int, today: date) -> Iterator[Drawn]:
    chance = random.Random(f"{seed}:{place}")
    people = len(customers_of(place, total))
    zipf = list(accumulate((rank + 1) ** -0.7 for rank in range(people)))
    texts = len(SERVICES) * len(PLACES) * len(PLANS)
    spread = [(age, list(words), list(accumulate(words.values()))) for age, words in STATES]
    units, unit_weights = list(CURRENCIES), list(accumulate(CURRENCIES.values()))
    first_day = today - timedelta(days=DAYS - 1)
    for number in range(count):
        day = first_day + timedelta(days=int(DAYS * (1 - (number + 0.5) / count) ** 0.5))
        age = (today - day).days
        words, weights = next((w, c) for limit, w, c in spread if age <= limit)
        lines = 1
        while lines < MAX_LINES and chance.random() < 0.8:
            lines += 1
        currency = chance.choices(units, cum_weights=unit_weights)[0]
        scale = 10 ** DIGITS.get(currency, 2) / 100
        yield Drawn(
            connection=place,
            number=number,
            customer=chance.choices(range(people), cum_weights=zipf)[0],
            day=day,
            state=chance.choices(words, cum_weights=weights)[0],
            currency=currency,
            amounts=tuple(max(1, int(chance.lognormvariate(8, 1.4) * scale)) for _ in range(lines)),
            texts=tuple(chance.randrange(texts) for _ in range(lines)),
            days_to_pay=chance.choice((0, 14, 30, 30, 45, 60)),
        )


_customers: dict[int, list[list[str]]] = {}


def customers_of(place: int, total: int) -> list[str]:
    if total not in _customers:
        _customers[total] = customers(total)
    return _customers[total][place]
