"""Customers, their billing providers and plans, and the account's pricing units."""

from datetime import timedelta

from invoicing.sandbox.core import Request, Response, route

from .accounts import Account
from .figures import wire
from .reading import Body, Query, refused

PAGE = 20  # rows on a page when no limit is sent
PROVIDERS = ("aws_marketplace", "stripe", "netsuite", "custom", "azure_marketplace", "quickbooks_online", "workday",
             "gcp_marketplace", "metronome")  # fmt: skip


class CustomerRoutes:
    """Part of the simulator."""

    def customer_shown(self, account: Account) -> dict:
        """A customer as sent."""
        index = account.index
        alias = [] if index % 11 == 10 else [f"acct-{index:05d}"]
        archived_at = self.books.archived_at(account)
        created_at = account.started - timedelta(days=index % 300, hours=14)
        return wire(
            {
                "id": account.id,
                "external_id": alias[0] if alias else account.id,
                "created_at": created_at,
                "updated_at": archived_at or created_at + timedelta(days=200, seconds=8271),
                "archived_at": archived_at,
                "ingest_aliases": alias,
                "name": account.name,
                "customer_config": {"salesforce_account_id": self._salesforce(index)},
                "custom_fields": account.customer_fields,
                "current_billable_status": {
                    "value": "billable" if account.story.billable else "unbillable",
                    "effective_at": created_at,
                },
            },
            "ms",
        )

    def _salesforce(self, index: int) -> str | None:
        return None if index % 7 == 6 else f"0015g00000{index:06d}AA"

    @route("GET", "/v1/customers")
    def list_customers(self, request: Request) -> Response:
        query = Query(request)
        limit, archived = query.limit(PAGE), query.flag("only_archived")
        ids, alias, salesforce = (
            query.many("customer_ids"),
            query.text("ingest_alias"),
            query.many("salesforce_account_ids"),
        )
        since = {self.accounts.find(customer_id) for customer_id in self.world.view(self.name, "customer")}
        numbers = [n for n in range(self.accounts.count) if (n in since or self.accounts.archived(n)) == archived]
        if ids is not None:
            wanted = {self.accounts.find(customer_id) for customer_id in ids}
            numbers = [n for n in numbers if n in wanted]
        if alias is not None:
            numbers = [n for n in numbers if n % 11 != 10 and f"acct-{n:05d}" == alias]
        if salesforce is not None:
            numbers = [n for n in numbers if self._salesforce(n) in salesforce]
        shown, token = self.paged(numbers, lambda number: (number,), query.text("next_page"), limit)
        rows = [self.customer_shown(self.accounts.account(number)) for number in shown]
        return Response(body={"data": rows, "next_page": token})

    @route("GET", "/v1/customers/{customer_id}")
    def get_customer(self, request: Request) -> Response:
        return Response(body={"data": self.customer_shown(self.customer(request.params["customer_id"]))})

    @route("POST", "/v1/customers/archive")
    def archive_customer(self, request: Request) -> Response:
        self.may_write(request)
        account = self.customer(Body(request).uuid("id"))
        if self.books.archived_at(account):
            raise refused(400, "The customer is already archived.")
        self.books.archive_customer(account, disappear=bool(self.option("cancelled_drafts_disappear")))
        self.audit.note("archive", "customer", account.id, "Archived customer", request)
        self.effect(request, "archive_customer", account.id)
        return Response(body={"data": {"id": account.id}})

    # ---- billing providers

    @route("POST", "/v1/getCustomerBillingProviderConfigurations")
    def billing_provider_configurations(self, request: Request) -> Response:
        body = Body(request)
        account, archived = self.customer(body.uuid("customer_id")), body.flag("include_archived")
        found = [self.contracts.provider_configuration(account)]
        if archived:
            found.append(self.contracts.former_configuration(account))
        return Response(body={"data": wire([one for one in found if one is not None], "ms")})

    @route("GET", "/v1/customers/{customer_id}/billing-config/{billing_provider_type}")
    def billing_config(self, request: Request) -> Response:
        account, provider = self.customer(request.params["customer_id"]), request.params["billing_provider_type"]
        found = self.contracts.legacy_configuration(account, provider)
        if found is None:
            raise refused(404, "The customer has no such billing configuration")
        return Response(body={"data": found})

    # ---- legacy plans

    def customer_plan_id(self, account: Account) -> str:
        return self.accounts.ids.of("customer_plan", account.index)

    @route("GET", "/v1/customers/{customer_id}/plans")
    def list_plans(self, request: Request) -> Response:
        account, query = self.customer(request.params["customer_id"]), Query(request)
        limit, plans = query.limit(PAGE), []
        if account.story.plan:
            plan = {
                "id": self.customer_plan_id(account),
                "plan_id": self.accounts.ids.of("plan", account.index),
                "plan_name": "Legacy plan",
                "plan_description": "Sold before contracts",
                "starting_on": account.started,
                "net_payment_terms_days": 30,
                "custom_fields": {},
            }
            plans.append(wire(plan, "ms"))
        shown, token = self.paged(plans, lambda plan: (plan["starting_on"],), query.text("next_page"), limit)
        return Response(body={"data": shown, "next_page": token})

    # ---- pricing units

    @route("GET", "/v1/credit-types/list")
    def list_pricing_units(self, request: Request) -> Response:
        query = Query(request)
        numbered = list(enumerate(self.accounts.units.listed()))
        limit = query.limit(PAGE)
        shown, token = self.paged(numbered, lambda row: (row[0],), query.text("next_page"), limit)
        return Response(body={"data": [unit for _, unit in shown], "next_page": token})
