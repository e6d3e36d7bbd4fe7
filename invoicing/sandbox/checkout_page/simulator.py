"""Checkout Page over HTTP: lists with two cursors, one change (draw the PDF again), links that die after an hour."""

import hmac
import secrets
from collections.abc import Iterator, Sequence

from .. import names
from ..core import Refusal, Request, Response, Simulator, World, route
from ..pdf import small_pdf
from . import asking
from .acts import HIDDEN, Acts
from .data import PAYMENT_OF, Store, stamp

INVOICE_STATUSES = ("draft", "open", "paid", "uncollectible", "refunded", "partially_refunded", "void")
PAYMENT_STATUSES = ("created", "pending", "unpaid", "partially_paid", "paid", "canceled", "failed", "partial_refund",
                    "refunded", "draft", "draft_expired")  # fmt: skip
KNOWN_PARAMETERS = {"limit", "starting_after", "ending_before", "search", "status", "chargeId", "pageId"}
LINK_SECONDS = 3600


class CheckoutPage(Acts, Simulator):
    """One store. What the documentation leaves open can be switched; the defaults are what it says or implies."""

    provider, mount, name = "checkout_page", "/checkoutpage", "checkout-page"
    options = {
        "rate_limit": None,  # requests a minute and key; the contract's figure is 100
        "read_only_key": False,  # the key may not regenerate: 403
        "reject_unknown_parameters": False,  # 400 for a query parameter the documentation does not name
        "regenerate_renews_names": True,  # False: customerName, customerEmail, productTitle only where empty
        "regenerate_moves_updated_at": True,
    }

    def __init__(self, world: World):
        super().__init__(world)
        self.store = Store(world, self.name)
        self.changes = 0  # since the start; what was found for a filter holds until the next one
        self._found: dict[tuple, tuple[int, Sequence]] = {}
        self._payments: list[tuple] | None = None
        self._minute, self._calls = 0, 0

    # ---- keys and errors

    def api_key(self) -> str:
        return f"sk_live_{self.world.hex(48, self.name, 'api_key')}"

    def authorize(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.api_key()}":
            raise Refusal(Response(401, {"error": "Unauthorized", "message": "Missing or invalid API key"}))
        limit = self.option("rate_limit")
        if limit:
            minute = int(self.world.now().timestamp() // 60)
            self._calls = self._calls + 1 if minute == self._minute else 1
            self._minute = minute
            if self._calls > limit:
                raise Refusal(self.error(429, "Rate limit exceeded. Please try again later."))
        unknown = {name for name, _ in request.query} - KNOWN_PARAMETERS
        if unknown and self.option("reject_unknown_parameters"):
            raise asking.invalid(min(unknown), "Unknown parameter", request.arg(min(unknown)))

    def error(self, status: int, message: str) -> Response:
        return asking.problem(status, message)

    def not_found(self, request: Request) -> Response:
        return self.error(404, "Not Found")

    # ---- records as they are now

    def current(self, index: int) -> dict:
        """An invoice with what changed since it was made, without its link."""
        base = self.store.invoice(index)
        changed = self.world.view(self.name, "invoice").get(base["id"], {})
        return {**base, **{field: value for field, value in changed.items() if field not in HIDDEN}}

    def current_customer(self, index: int) -> dict:
        base = self.store.customer(index)
        return {**base, **self.world.view(self.name, "customer").get(base["id"], {})}

    def current_payment(self, key: tuple) -> dict:
        """A payment; key is its sort key, (seconds, kind, index)."""
        _, kind, index = key
        if kind == "loose":
            return self.store.loose_payment(index)
        first = self.store.invoice(index)
        now = self.current(index)
        kept = {"billing": first.get("billing", {}), "updatedAt": first["updatedAt"]}
        payment = self.store.payment(index, {**now, **kept})
        return {**payment, **self.world.view(self.name, "payment").get(payment["id"], {})}

    def linked(self, invoice: dict, base_url: str) -> dict:
        """The invoice as answered: every answer carries a link of its own."""
        if "invoiceUrl" not in invoice:
            return invoice
        expires = int(self.world.now().timestamp()) + LINK_SECONDS
        path = f"/files/{invoice['id']}/{invoice['invoiceNumber']}.pdf"
        nonce = secrets.token_hex(4)
        signature = self._signature(invoice["id"], str(expires), nonce)
        return {**invoice, "invoiceUrl": f"{base_url}{path}?expires={expires}&nonce={nonce}&signature={signature}"}

    def _signature(self, *signed: str) -> str:
        secret = self.world.hex(64, self.name, "links").encode()
        return hmac.new(secret, ":".join(signed).encode(), "sha256").hexdigest()

    def invoices(self) -> Iterator[dict]:
        for index in self.matching():
            yield self.linked(self.current(index), self.world.origin + self.mount)

    # ---- invoices

    @route("GET", "/v1/invoices")
    def list_invoices(self, request: Request) -> Response:
        status = asking.one_of(request, "status", INVOICE_STATUSES)
        text, charge = asking.searched(request), asking.filtered_id(request, "chargeId")
        keys = self.matching(status, text, charge)
        return asking.page(
            request,
            keys,
            lambda cursor: self.store.index("invoice", cursor),
            lambda index: self.linked(self.current(index), request.base_url),
        )

    def matching(self, status: str | None = None, text: str | None = None, charge: str | None = None) -> Sequence[int]:
        """The indexes of the invoices that match, oldest first; remembered until something changes."""
        asked = (status, text, charge)
        if self.world.looking_back:
            return self._find(*asked)
        changes, found = self._found.get(asked, (None, ()))
        if changes != self.changes:
            found = self._find(*asked)
            self._found = {k: v for k, v in list(self._found.items())[-7:] if v[0] == self.changes}
            self._found[asked] = (self.changes, found)
        return found

    def _find(self, status: str | None, text: str | None, charge: str | None) -> Sequence[int]:
        store, found = self.store, range(self.store.total())
        if charge is not None:
            index = store.index("payment", charge)
            found = [] if index is None else [index]
        changed = {store.index("invoice", i): fields for i, fields in self.world.view(self.name, "invoice").items()}
        vanished = {index for index, fields in changed.items() if "vanished" in fields}
        if vanished:
            found = [index for index in found if index not in vanished]
        if status:
            moved = {index: fields["status"] for index, fields in changed.items() if "status" in fields}
            found = [index for index in found if (moved.get(index) or store.status(index)) == status]
        if text:
            test = self._test(text)
            found = [index for index in found if test(index, changed.get(index))]
        return found

    def _test(self, text: str):
        """What `search` looks at depends on the shape of the text: an e-mail, a number, several words, one word."""
        store, customers = self.store, range(self.store.customer_count)

        def having(field: str) -> set[int]:
            return {buyer for buyer in customers if text in store.customer(buyer).get(field, "").lower()}

        titles = {position for position, title in enumerate(names.PRODUCTS) if text in title.lower()}
        if "@" in text:
            fields, buyers, titles, numbers = ("customerEmail",), having("email"), set(), False
        elif any(sign.isdigit() or sign in "_-" for sign in text):
            fields, buyers, titles, numbers = ("invoiceNumber",), set(), set(), True
        elif " " in text:
            fields, buyers, numbers = ("customerName", "productTitle"), having("name"), False
        else:
            fields, numbers = ("customerName", "customerEmail", "productTitle"), False
            buyers = having("name") | having("email")

        def test(index: int, changed: dict | None) -> bool:
            if changed and changed.keys() & set(fields):
                current = self.current(index)
                return any(text in current.get(field, "").lower() for field in fields)
            return (
                store.buyer(index) in buyers
                or store.product(index) in titles
                or (numbers and text in store.number(index).lower())
            )

        return test

    @route("POST", "/v1/invoices/{id}/regenerate")
    def regenerate(self, request: Request) -> Response:
        """Billing details anew from the payment and its customer, and the PDF drawn over the old one."""
        invoice_id = asking.identity("id", request.params["id"])
        if request.body and not isinstance(request.json(), dict):
            raise asking.invalid("body", "The body must be an object")
        if self.option("read_only_key"):
            raise Refusal(self.error(403, "This API key has no permission to regenerate invoices"))
        index = self.known(invoice_id)
        invoice, payment = self.current(index), self.current_payment((0, "payment", index))
        customer = self.current_customer(self.store.buyer(index))
        billing = {k: v for k, v in payment.get("billing", {}).items() if k in ("name", "email", "phone", "address")}
        billing |= {field: customer[field] for field in ("taxId", "taxIdType") if field in customer}
        changed = {"billing": billing, "invoiceUrl": ""}
        ordered = next((f["value"] for f in payment.get("fields", ()) if f.get("element") == "po-number"), None)
        if ordered:
            changed |= {"poNumber": ordered, "poNumberLabel": "PO number"}
        newest = {"customerName": customer.get("name"), "customerEmail": customer["email"],
                  "productTitle": names.PRODUCTS[self.store.product(index)]}  # fmt: skip
        renew = self.option("regenerate_renews_names")
        changed |= {field: value for field, value in newest.items() if value and (renew or not invoice.get(field))}
        changed["revision"] = self._revision(invoice_id) + 1
        if self.option("regenerate_moves_updated_at"):
            changed["updatedAt"] = stamp(self.world.now())
        self.change(invoice_id, **changed)
        self.world.effect(self.name, "regenerate", invoice_id)
        return Response(body={"data": self.linked(self.current(index), request.base_url)})

    def known(self, invoice_id: str) -> int:
        """The index of an invoice that exists. Errors: Refusal 404."""
        index = self.store.index("invoice", invoice_id)
        if index is None or self.world.view(self.name, "invoice").get(invoice_id, {}).get("vanished"):
            raise Refusal(asking.problem(404, "Not Found", "id", None, "Invoice not found"))
        return index

    def _revision(self, invoice_id: str) -> int:
        return self.world.view(self.name, "invoice").get(invoice_id, {}).get("revision", 0)

    @route("GET", "/files/{id}/{file}", public=True)
    def download(self, request: Request) -> Response:
        """The PDF behind a signed link; the link names the file, not its state, and dies by the world's clock."""
        invoice_id, expires = request.params["id"], request.arg("expires", "")
        signature = self._signature(invoice_id, expires, request.arg("nonce", ""))
        if not hmac.compare_digest(signature.encode(), request.arg("signature", "").encode()):
            return Response(403, b"Signature does not match.", content_type="text/plain")
        if int(expires) <= self.world.now().timestamp():
            return Response(403, b"Link has expired.", content_type="text/plain")
        invoice = self.current(self.known(invoice_id))
        billing = invoice.get("billing", {})
        lines = [f"Drawing {self._revision(invoice_id) + 1}", f"Bill to: {billing.get('name', '')}",
                 f"Tax id: {billing.get('taxId', '')}", f"Purchase order: {invoice.get('poNumber', '')}", ""]  # fmt: skip
        lines += [f"{line['quantity']} x {line['name']}: {line['amount']}" for line in invoice["lineItems"]]
        lines += ["", f"Total: {invoice['amount']} {invoice['currency']} (minor units)"]
        pdf = small_pdf(f"Invoice {invoice['invoiceNumber']}", lines)
        return Response(body=pdf, content_type="application/pdf", headers={"Cache-Control": "no-store"})

    # ---- neighbors

    @route("GET", "/v1/customers")
    def list_customers(self, request: Request) -> Response:
        text = asking.searched(request)
        keys = [
            index
            for index in range(self.store.customer_count)
            if text is None
            or any(text in str(self.current_customer(index).get(f, "")).lower() for f in ("name", "email"))
        ]
        return asking.page(request, keys, lambda cursor: self.store.index("customer", cursor), self.current_customer)

    @route("GET", "/v1/customers/{customerId}")
    def fetch_customer(self, request: Request) -> Response:
        index = self.store.index("customer", asking.identity("customerId", request.params["customerId"]))
        if index is None:
            raise Refusal(Response(404, {"message": "Customer not found"}))
        return Response(body={"data": self.current_customer(index)})

    @route("GET", "/v1/payments")
    def list_payments(self, request: Request) -> Response:
        status, text = asking.one_of(request, "status", PAYMENT_STATUSES), asking.searched(request)
        page_id = asking.filtered_id(request, "pageId")
        keys = self._payment_keys()
        if status or text or page_id:
            changed = {
                self.store.index("invoice", identity): fields["status"]
                for identity, fields in self.world.view(self.name, "invoice").items()
                if "status" in fields
            }
            keys = [key for key in keys if self._payment_matches(key, status, text, page_id, changed)]
        return asking.page(request, keys, self._payment_key, self.current_payment)

    def _payment_matches(self, key, status: str | None, text: str | None, page_id: str | None, changed: dict) -> bool:
        _, kind, index = key
        store = self.store
        if page_id and store.page_id(index) != page_id:
            return False
        if kind == "loose":
            payment = store.loose_payment(index)
            found, email, order = payment["status"], payment["customerEmail"], payment["orderId"]
        else:
            found = PAYMENT_OF[changed[index]] if index in changed else store.payment_status(index, store.status(index))
            email = store.customer(store.buyer(index))["email"]
            order = store.order_id(store.payment_id(index), index)
        return status in (None, found) and (text is None or text in email.lower() or text in order.lower())

    def _payment_keys(self) -> Sequence[tuple]:
        """Sort keys of all payments, oldest first; computed once and again after a purchase."""
        store, total = self.store, self.store.total()
        if self._payments is None or len(self._payments) != total + store.loose_count:
            keys = [(store.created(index).timestamp(), "payment", index) for index in range(total)]
            keys += [(store.loose_created(index).timestamp(), "loose", index) for index in range(store.loose_count)]
            self._payments = sorted(keys)
        return self._payments

    def _payment_key(self, cursor: str) -> tuple | None:
        for kind, at in (("payment", self.store.created), ("loose", self.store.loose_created)):
            index = self.store.index(kind, cursor)
            if index is not None:
                return at(index).timestamp(), kind, index
        return None

    @route("GET", "/v1/subscriptions")
    def list_subscriptions(self, request: Request) -> Response:
        text, status = asking.searched(request), asking.single(request, "status")
        page_id = asking.filtered_id(request, "pageId")
        keys = []
        for index in range(self.store.subscription_count):
            one = self.store.subscription(index)
            words = f"{one['customerEmail']} {one['orderId']}".lower()
            if (
                status in (None, one["status"])
                and page_id in (None, one["pageId"])
                and (text is None or text in words)
            ):  # fmt: skip
                keys.append(index)
        return asking.page(
            request, keys, lambda cursor: self.store.index("subscription", cursor), self.store.subscription
        )


SIMULATORS = [CheckoutPage]
