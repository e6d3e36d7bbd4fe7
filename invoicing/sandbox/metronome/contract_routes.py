"""Contracts, and the commits and credits that invoices draw down."""

from invoicing.sandbox.core import Refusal, Request, Response, route

from .accounts import Account
from .figures import wire
from .ids import NO_UNIT, USD
from .reading import Body, invalid, refused


class ContractRoutes:
    """Part of the simulator."""

    # ---- contracts

    def _contract(self, account: Account, contract_id: str) -> int:
        """The place of a customer's contract. Errors: 404."""
        found = self.accounts.find_contract(contract_id)
        if found is None or found[0] != account.index:
            raise refused(404, "Contract not found")
        return found[1]

    def _listed(self, request: Request, version: int) -> Response:
        body = Body(request)
        starting_at, covering = body.instant("starting_at"), body.instant("covering_date")
        if starting_at and covering:
            raise invalid("starting_at cannot be used with covering_date")
        options = {"ledger": body.flag("include_ledgers"), "amount": body.flag("include_balance")}
        archived, account = body.flag("include_archived"), self.customer(body.uuid("customer_id"))
        found = self.contracts.listed(
            account, version, archived=archived, starting_at=starting_at, covering=covering, **options
        )
        return Response(body={"data": wire(found, "ms")})

    def _got(self, request: Request, version: int) -> Response:
        body = Body(request)
        customer_id, contract_id = body.uuid("customer_id"), body.uuid("contract_id")
        options = {"ledger": body.flag("include_ledgers"), "amount": body.flag("include_balance")}
        if body.instant("as_of_date") and options["ledger"]:
            raise invalid("include_ledgers cannot be used with as_of_date")
        account = self.customer(customer_id)
        found = self.contracts.shown(account, self._contract(account, contract_id), version, **options)
        return Response(body={"data": wire(found, "ms")})

    def _second_version(self, answer, request: Request) -> Response:
        """Version 2 says 400 and a code where version 1 says 404; it has no code for anything else."""
        try:
            return answer(request, 2)
        except Refusal as refusal:
            if refusal.response.status != 404:
                raise
            message = refusal.response.body["message"]
            return Response(400, {"code": message.title().replace(" ", ""), "message": message})

    @route("POST", "/v1/contracts/list")
    def list_contracts(self, request: Request) -> Response:
        return self._listed(request, 1)

    @route("POST", "/v2/contracts/list")
    def list_contracts_v2(self, request: Request) -> Response:
        return self._second_version(self._listed, request)

    @route("POST", "/v1/contracts/get")
    def get_contract(self, request: Request) -> Response:
        return self._got(request, 1)

    @route("POST", "/v2/contracts/get")
    def get_contract_v2(self, request: Request) -> Response:
        return self._second_version(self._got, request)

    @route("POST", "/v1/contracts/archive")
    def archive_contract(self, request: Request) -> Response:
        self.may_write(request)
        body = Body(request)
        customer_id, contract_id = body.uuid("customer_id"), body.uuid("contract_id")
        void_invoices = body.flag("void_invoices", required=True)
        account = self.customer(customer_id)
        contract = self._contract(account, contract_id)
        if self.books.contract_archived_at(account, contract):
            raise refused(400, "The contract is already archived.")
        disappear = bool(self.option("cancelled_drafts_disappear"))
        self.books.archive_contract(account, contract, void_invoices=void_invoices, disappear=disappear)
        self.audit.note("archive", "contract", contract_id, "Archived contract", request)
        self.effect(request, "archive_contract", contract_id)
        return Response(body={"data": {"id": contract_id}})

    # ---- balances

    @route("POST", "/v1/contracts/customerBalances/list")
    def list_balances(self, request: Request) -> Response:
        body = Body(request)
        wanted, kind = body.uuid("id", required=False), body.choice("access_type", "SPEND", "QUANTITY")
        covering, start = body.instant("covering_date"), body.instant("starting_at")
        before, limit = body.instant("effective_before"), body.limit(25, 25)
        token = body.text("next_page", required=False) or request.arg("next_page")
        on_contracts, archived = body.flag("include_contract_balances"), body.flag("include_archived")
        ledger, amount = body.flag("include_ledgers"), body.flag("include_balance")
        exclude_zero = body.flag("exclude_zero_balances")
        account, now = self.customer(body.uuid("customer_id")), self.books.now()
        rows = [
            balance
            for balance in self.ledger.of(account)
            if (wanted is None or balance.id == wanted)
            and (kind is None or balance.terms.access_type == kind)
            and (on_contracts or wanted or not balance.terms.on_contract)
            and (archived or balance.archived_at is None)
            and (covering is None or balance.starting_at <= covering < balance.ending_before)
            and (start is None or balance.ending_before > start)
            and (before is None or balance.starting_at < before)
            and not (exclude_zero and balance.amount(now) == 0)
        ]
        shown, following = self.paged(rows, lambda balance: (balance.number,), token, limit)
        data = [self.ledger.shown(balance, ledger=ledger, amount=amount) for balance in shown]
        return Response(body={"data": wire(data, "ms"), "next_page": following})

    @route("POST", "/v1/contracts/customerBalances/getNetBalance")
    def net_balance(self, request: Request) -> Response:
        body = Body(request)
        kind = body.choice("access_type", "SPEND", "QUANTITY") or "SPEND"
        unit, mode = body.uuid("credit_type_id", required=False), body.choice(
            "invoice_inclusion_mode", "FINALIZED", "FINALIZED_AND_DRAFT"
        )  # fmt: skip
        filters = body.array("filters")
        if kind == "QUANTITY" and unit:
            raise invalid("credit_type_id cannot be used with QUANTITY")
        if not all(isinstance(wanted, dict) for wanted in filters):
            raise invalid("filters must be objects")
        account = self.customer(body.uuid("customer_id"))
        unit = NO_UNIT if kind == "QUANTITY" else unit or USD
        balance = self.ledger.net(account, unit, kind, filters, drafts=mode != "FINALIZED")
        return Response(body={"data": wire({"balance": balance, "credit_type_id": unit})})
