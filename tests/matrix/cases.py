"""What there is to prove: every verb that changes something, at every provider that offers it, with something to do it to."""

import itertools
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import requests

from invoicing.mirror.refresh import mirror_new
from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import Invoice
from invoicing.operations.registry import VERBS
from invoicing.operations.targets import starting
from invoicing.operations.verb import Call, Verb
from invoicing.providers.base import Endpoint
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import CallClass, Payment
from tests.matrix.place import Place

NUMBER = itertools.count(1)


@dataclass(frozen=True)
class Case:
    """One verb at one connection of the sandbox."""

    verb: Verb
    connection: str
    call: Call

    @property
    def name(self) -> str:
        return f"{self.verb.key}@{self.connection}"

    @property
    def endpoint(self) -> Endpoint:
        return PROVIDERS[self.provider].endpoints[self.call.endpoint]

    @property
    def provider(self) -> str:
        return "flexprice" if self.connection.startswith("flexprice") else self.connection.replace("-", "_")

    @property
    def path(self) -> str:
        """The path of its changing call, as a glob."""
        parts = self.endpoint.path.split("/")
        return "/".join("*" if part.startswith("{") else part for part in parts)

    @property
    def call_class(self) -> CallClass:
        return self.call.call_class


def all_cases(place: Place) -> list[Case]:
    found = []
    for verb in VERBS.values():
        for name, connection in place.connections.items():
            call = None if verb.reads_only else verb.call_at(connection)
            if call:
                found.append(Case(verb, name, call))
    return found


class NotYet(Exception):
    """What would fit belongs to a customer that another cell is busy with."""


class UsedUp(Exception):
    """Every invoice that fits was used: the sandbox must begin anew."""


@dataclass
class Target:
    """What one cell acts on: an invoice of its own (or a customer of its own), through a connection of its own."""

    case: Case
    connection: object
    invoice: Invoice | None = None
    start: object = None
    arguments: dict = field(default_factory=dict)

    @property
    def external_id(self) -> str:
        return self.invoice.external_id if self.invoice else self.start.external_id

    @property
    def marks(self) -> list[str]:
        """The texts by which a read of it can be told from other reads at this provider."""
        if self.invoice is None:
            return [self.start.external_id]
        handles = [value for name, value in self.invoice.handles.items() if name.endswith("_id") and value]
        return list(dict.fromkeys([self.invoice.external_id, self.invoice.customer.external_id, *handles]))


class Supply:
    """Invoices that fit a verb, each given to one cell at a time; cells that run together do not share a customer.

    Which invoices fit is found out once. A verb that leaves its invoice as it was gives it back for the next cell.
    """

    def __init__(self, place: Place, cases: list[Case]):
        self.place, self.used, self.busy = place, set(), set()
        self._all: dict[str, list[Invoice]] = {}
        self._fitting: dict[str, deque[Invoice]] = {}
        self.never: dict[str, str] = {}  # case → why no invoice fits it
        rows = {
            name: list(Invoice.objects.filter(connection=connection).select_related("connection", "customer"))
            for name, connection in place.connections.items()
        }
        for case in cases:
            fits, reasons = FITS.get(case.verb.key, anything), Counter()
            found = self._all[case.name] = []
            for invoice in rows[case.connection]:
                reason = "" if case.verb.starts_from == "customer" else case.verb.refusal(invoice)
                if not reason and fits(case, invoice, place):
                    found.append(invoice)
                reasons[reason or "The sandbox has none that fits."] += 1
            if not found:
                self.never[case.name] = reasons.most_common(1)[0][0]
        self.refill()

    def refill(self) -> None:
        """The sandbox stands as it did in the beginning: everything can be given out again."""
        self.used.clear()
        self.busy.clear()
        self._fitting = {name: deque(found) for name, found in self._all.items()}

    def target(self, case: Case) -> Target:
        """Errors: NotYet; UsedUp."""
        candidates, waiting = self._fitting[case.name], False
        for _ in range(len(candidates)):
            invoice = candidates.popleft()
            who, which = (case.connection, invoice.customer.external_id), (case.connection, invoice.external_id)
            if which in self.used and case.verb.starts_from == "invoice":
                continue
            if who in self.busy:
                candidates.append(invoice)
                waiting = True
                continue
            found = self._made(case, invoice)
            if found is not None:
                self.busy.add(who)
                if case.verb.starts_from == "invoice":
                    self.used.add(which)
                else:
                    candidates.append(invoice)
                return found
        if waiting:
            raise NotYet
        raise UsedUp(f"No invoice is left for {case.name}; the sandbox needs more of them.")

    def _made(self, case: Case, invoice: Invoice) -> Target | None:
        """Mirrored once more through a connection of its own; None where the provider has it otherwise by now."""
        arguments = ARGUMENTS.get(case.verb.key, nothing)(case, invoice, self.place)
        if arguments is None:
            return None
        connection = self.place.connect(case.connection, called=f"{case.connection} {next(NUMBER)}")
        if case.verb.starts_from == "customer":
            start = starting("customer", connection, invoice.customer.external_id)
            return Target(case, connection, start=start, arguments=arguments)
        handles = {"customer_id": invoice.customer.external_id, **invoice.handles}
        own = mirror_new(connection, invoice.external_id, handles=handles)
        return None if case.verb.refusal(own) else Target(case, connection, invoice=own, arguments=arguments)

    def give_back(self, target: Target) -> None:
        """The cell has ended. What its verb leaves as it was goes to the end of the line."""
        case, invoice = target.case, target.invoice
        customer = invoice.customer.external_id if invoice else target.start.external_id
        self.busy.discard((case.connection, customer))
        if invoice and case.verb.key in REPEATABLE:
            self.used.discard((case.connection, invoice.external_id))
            self._fitting[case.name].append(invoice)


# ---- what each verb needs: an invoice it can succeed with, and arguments


def nothing(case, invoice, place):
    return {}


def anything(case, invoice, place):
    return True


def at_provider(case, place, method: str, path: str, body=None):
    """Asked past the desk, as the provider's own dashboard would."""
    given = place.sandbox.connections[case.connection]
    key = given["api_key"]
    headers = {"x-api-key": key} if case.provider == "flexprice" else {"Authorization": f"Bearer {key}"}
    answer = requests.request(method, given["base_url"] + path, headers=headers, json=body, timeout=30)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def has_wallet(case, invoice, place) -> bool:
    return bool(_wallet(case, invoice, place))


def _wallet(case, invoice, place) -> str:
    found = at_provider(case, place, "GET", f"/customers/{invoice.customer.external_id}/wallets")
    for wallet in found if isinstance(found, list) else found.get("items", []):
        if wallet["wallet_status"] == "active" and wallet["currency"].upper() == invoice.currency:
            return wallet["id"]
    return ""


def filled_wallet(case, invoice, place):
    """The wallet is filled first, so that paying from it has an effect."""
    gift = {"credits_to_add": "100", "transaction_reason": "FREE_CREDIT_GRANT"}
    at_provider(case, place, "POST", f"/wallets/{_wallet(case, invoice, place)}/top-up", gift)
    return {}


def chargeable(case, invoice, place) -> bool:
    """Orb can charge the customer, and nothing is under way."""
    customer = at_provider(case, place, "GET", f"/customers/{invoice.customer.external_id}")
    return customer["payment_provider"] in ("stripe", "adyen") and not snapshot_of(invoice).payments


def unpaid(case, invoice, place) -> bool:
    """No payment was ever made through FlexPrice itself, and its metadata may be changed."""
    return invoice.payment_status == Payment.UNPAID and not snapshot_of(invoice).payments


def editable(case, invoice, place) -> bool:
    return case.provider != "flexprice" or invoice.payment_status == Payment.UNPAID


FITS = {"attempt_payment": has_wallet, "pay": chargeable, "record_payment_status": unpaid, "update": editable}


def today(**shift) -> str:
    return (datetime.now(UTC) + timedelta(**shift)).date().isoformat()


def new_line(case, invoice, place):
    day = today(days=-1)
    return {"name": f"Proof {next(NUMBER)}", "amount": "12", "start_date": day, "end_date": day}


def removable_line(case, invoice, place):
    """A line that somebody adds by hand just before."""
    text = f"To be removed {next(NUMBER)}"
    place.sandbox.act(case.connection, "add_line", invoice.external_id, amount="10.00", name=text)
    fresh = mirror_new(place.connections[case.connection], invoice.external_id, handles=invoice.handles)
    line = next(line for line in fresh.lines.select_related("text") if line.text.text == text)
    return {"line_item_id": line.details["external_id"]}


def later_day(case, invoice, place):
    return {"issue_date": today(days=1 + next(NUMBER) % 3)}


def one_off(case, invoice, place):
    lines = [{"text": f"Proof {next(NUMBER)}", "quantity": "1", "unit_price": "12"}]
    if case.provider == "flexprice":
        return {"currency": invoice.currency, "lines": lines} if len(invoice.currency) == 3 else None
    lines_of = invoice.versions.get(number=invoice.version).payload_json()["line_items"]
    items = [line["price"]["item"]["id"] for line in lines_of if line.get("price")]
    billed_in = snapshot_of(invoice).customer.currency or invoice.currency
    if not items or len(billed_in) != 3:
        return None
    return {"currency": billed_in, "lines": lines, "item_id": items[0], "invoice_date": today()}


def charge_that_works(case, invoice, place):
    place.sandbox.act(case.connection, "next_payment", invoice.external_id, outcome="succeeded")
    return {}


REPEATABLE = {"update", "recalculate", "add_line", "remove_line", "trigger_communication", "regenerate_pdf"}
ARGUMENTS = {
    "update": lambda case, invoice, place: {"po_number": f"PO-{next(NUMBER)}"},
    "add_line": new_line,
    "remove_line": removable_line,
    "move_issue_date": later_day,
    "record_payment_status": lambda case, invoice, place: {"payment_status": "SUCCEEDED"},
    "mark_paid": lambda case, invoice, place: {"payment_received_date": today()},
    "create_invoice": one_off,
    "pay": charge_that_works,
    "attempt_payment": filled_wallet,
}
