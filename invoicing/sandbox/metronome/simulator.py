"""Metronome over HTTP: every endpoint that an invoice desk needs, and what happens there without us.

What Metronome leaves open is settled so: an illegal transition answers 400; a regenerated invoice is FINALIZED at
once, and once only; a draft and a void invoice have a PDF; lists leave out scheduled invoices when they are asked for
a billing period.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from invoicing.sandbox.core import Refusal, Request, Response, Simulator, World

from .accounts import Account, Accounts
from .audit import Audit, words_for
from .books import DRAFT, FINALIZED, VOID, Books, Held
from .contract_routes import ContractRoutes
from .contracts import Contracts
from .customer_routes import CustomerRoutes
from .data import Data
from .figures import wire
from .idempotency import Idempotency
from .invoice_routes import InvoiceRoutes
from .ledger import Ledger
from .reading import Cursors, Unstored, page, refused


class Metronome(InvoiceRoutes, CustomerRoutes, ContractRoutes, Simulator):
    """One account. Its second key may only read."""

    provider = "metronome"
    mount = "/metronome"
    name = "metronome"
    options = {
        "recalculate": True,  # a regenerated invoice is computed at rates a tenth lower; else at the old ones
        "cancelled_drafts_disappear": True,  # when a contract is archived; else they become VOID
        "empty_page": False,  # lists begin with an empty page that has a next_page
        "repeat_row": False,  # a page begins with the row the page before ended with
    }

    def __init__(self, world: World):
        super().__init__(world)
        self.accounts = Accounts(world, self.name)
        self.data = Data(self.accounts)
        self.books = Books(self.accounts, self.data, self.name)
        self.ledger = Ledger(self.books)
        self.contracts = Contracts(self.books, self.ledger)
        self.audit = Audit(self.books, self.name)
        self.cursors = Cursors(world.hex(16, self.name, "cursors"))
        self.idempotency = Idempotency(world, self.name)

    # ---- keys, errors, idempotency

    def connection(self, origin: str) -> dict:
        self.books.origin = origin + self.mount
        return super().connection(origin) | {"read_only_key": self.read_only_key()}

    def read_only_key(self) -> str:
        return self.world.hex(32, self.name, "read_only_key")

    def _key(self, request: Request) -> str:
        scheme, _, key = (request.headers.get("Authorization") or "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def authorize(self, request: Request) -> None:
        if self._key(request) not in (self.api_key(), self.read_only_key()):
            raise Refusal(Unstored(401, {"message": "Unauthorized"}))
        self.books.origin = request.base_url
        self.cursors.asked = request.path.strip("/")

    def may_write(self, request: Request) -> None:
        """Errors: 403 for the key that may only read."""
        if self._key(request) != self.api_key():
            raise Refusal(Unstored(403, {"message": "Forbidden"}))

    def bad_json(self, request: Request) -> Response:
        return Unstored(400, {"message": "The body must be a JSON object"})

    def method_not_allowed(self, request: Request, allowed: list[str]) -> Response:
        return self.error(405, "Method not allowed")

    def replay(self, request: Request) -> Response | None:
        return self.idempotency.replay(request)

    def remember(self, request: Request, response: Response) -> None:
        self.idempotency.remember(request, response)

    # ---- what all routes use

    def customer(self, customer_id: str) -> Account:
        """A customer by id. Errors: 404."""
        number = self.accounts.find(customer_id)
        if number is None:
            raise refused(404, "Customer not found")
        return self.accounts.account(number)

    def held(self, invoice_id: str) -> Held:
        """An invoice by id. Errors: 404."""
        held = self.books.find(invoice_id)
        if held is None:
            raise refused(404, "Invoice not found")
        return held

    def shown(self, held: Held, skip_zero: bool = False) -> dict:
        """An invoice as sent."""
        style = held.account.story.style
        body = held.body
        rows = body["line_items"]
        if rows is held.base.invoice["line_items"] and held.base.number >= 0:
            sent = self.data.sent_lines(held.base.number)
        else:
            sent = wire(rows, style)
        if skip_zero:
            sent = [line for line, row in zip(sent, rows, strict=True) if row.get("quantity") != 0]
        return {key: sent if key == "line_items" else wire(value, style) for key, value in body.items()}

    def paged(self, rows: list, key: Callable, token: str | None, limit: int, descending: bool = False):
        """One page of rows, and the next page's token or None; with the oddities that are switched on."""
        after = self.cursors.read(token)
        if after is None and rows and self.option("empty_page"):
            return [], self.cursors.write([])
        start = tuple(after) if after else None
        shown, following = page(rows, key, start, limit, descending=descending, overlap=bool(self.option("repeat_row")))
        return shown, None if following is None else self.cursors.write(following)

    def effect(self, request: Request | None, verb: str, target: str) -> None:
        """Record a change that a request really made."""
        if request is not None:
            self.world.effect(self.name, verb, target, request.headers.get("Idempotency-Key"))

    # ---- what happens without us

    def invoices(self) -> Iterator[dict]:
        return (self.shown(held) for held in self.books.all())

    def act(self, what: str, external_id: str, **arguments) -> dict:
        """Someone acts at Metronome or at the billing provider. Answers with the invoice as it stands afterwards.

        void_at_provider, regenerate_at_provider, payment_gate_fails; external_paid (also customer_pays), payment_fails, external_status
        {"status"}; for drafts draft_moves {"quantity"}, edit {"amount"}, finalize, vanish. Of a customer's id:
        archive_customer, and charge_added {"amount", "in_seconds"}, which brings a new scheduled invoice.
        """
        if what in ("archive_customer", "charge_added"):
            return getattr(self, f"_{what}")(external_id, **arguments)
        held = self.books.find(external_id)
        if held is None:
            raise LookupError(f"metronome has no invoice {external_id}")
        acts = {
            "void_at_provider": (FINALIZED, self._void_at_provider),
            "regenerate_at_provider": (VOID, self._regenerate_at_provider),
            "payment_gate_fails": (FINALIZED, self._payment_gate_fails),
            "external_paid": (None, lambda held: self._external(held, "PAID")),
            "customer_pays": (None, lambda held: self._external(held, "PAID")),
            "payment_fails": (None, lambda held: self._external(held, "PAYMENT_FAILED")),
            "external_status": (None, self._external),
            "draft_moves": (DRAFT, self._draft_moves),
            "edit": (DRAFT, self._edit),
            "finalize": (DRAFT, self._finalize),
            "vanish": (DRAFT, lambda held: self.books.cancel(held, True)),
        }
        if what not in acts:
            raise ValueError(
                f"metronome knows the acts {', '.join(acts)}, archive_customer, charge_added; not {what!r}"
            )
        needed, act = acts[what]
        if needed and held.status != needed:
            raise ValueError(f"{what} needs a {needed} invoice; {external_id} is {held.status}")
        changed = act(held, **arguments) or external_id
        now = self.books.find(changed)
        return {"id": changed, "gone": True} if now is None else self.shown(now)

    def _customer_acting(self, customer_id: str) -> Account:
        number = self.accounts.find(customer_id)
        if number is None:
            raise LookupError(f"metronome has no customer {customer_id}")
        return self.accounts.account(number)

    def _charge_added(self, customer_id: str, amount="100", in_seconds=0) -> dict:
        account = self._customer_acting(customer_id)
        issued_at = self.books.now() + timedelta(seconds=in_seconds)
        return self.shown(self.books.find(self.books.schedule(account, issued_at, _decimal(amount))))

    def _archive_customer(self, customer_id: str) -> dict:
        account = self._customer_acting(customer_id)
        self.books.archive_customer(account, disappear=bool(self.option("cancelled_drafts_disappear")))
        self.audit.note("archive", "customer", account.id, "Archived customer")
        return self.customer_shown(account)

    def _void_at_provider(self, held: Held) -> None:
        self.books.void(held)
        self.audit.note("void", "invoice", held.id, words_for("void", held))

    def _payment_gate_fails(self, held: Held) -> None:
        self._external(held, "PAYMENT_FAILED")
        self._void_at_provider(self.books.find(held.id))

    def _regenerate_at_provider(self, held: Held) -> str:
        if self.books.regenerated_from(held):
            raise ValueError(f"{held.id} was regenerated before")
        self.audit.note("regenerate", "invoice", held.id, words_for("regenerate", held))
        return self.books.regenerate(held, self.factor())

    def factor(self) -> Decimal:
        """Today's rates, compared with those of the invoices."""
        return Decimal("0.9") if self.option("recalculate") else Decimal(1)

    def _external(self, held: Held, status: str) -> None:
        if not held.body["external_invoice"]:
            raise ValueError(f"{held.id} was not sent to a billing provider")
        self.books.change(held, external_status=status)

    def _draft_moves(self, held: Held, quantity=1000) -> None:
        self.books.add_line(held, {"type": "usage", "quantity": str(quantity), "price": "0.1"})

    def _edit(self, held: Held, amount="100") -> None:
        charge = self.world.uuid(self.name, "edit", held.id, len(held.change.get("lines", ())))
        line = {"type": "scheduled", "name": "Contract edit", "quantity": "1", "charge_id": charge}
        self.books.add_line(held, line | {"price": str(_decimal(amount))})

    def _finalize(self, held: Held) -> None:
        self.books.change(held, status=FINALIZED, issued_at=self.books.now().isoformat())


def _decimal(amount) -> Decimal:
    try:
        return Decimal(str(amount))
    except InvalidOperation:
        raise ValueError("amount is a number in the invoice's unit") from None


SIMULATORS = [Metronome]
