"""Contracts as both generations of the API show them, and the billing providers behind them."""

from datetime import datetime

from .accounts import STORIES, Account
from .books import Books
from .ledger import Balance, Ledger
from .lines import ONBOARDING, PRODUCTS

COLLECTION = ("send_invoice", "charge_automatically")


class Contracts:
    """Reads contracts."""

    def __init__(self, books: Books, ledger: Ledger):
        self.books = books
        self.ledger = ledger
        self.accounts = books.accounts
        self.ids = books.data.ids

    # ---- billing providers

    def provider_configuration(self, account: Account) -> dict | None:
        """Where the customer's invoices are sent."""
        provider = account.story.provider
        if provider is None:
            return None
        method = {"stripe_account_id": "acct_Example0001", "leave_invoices_in_draft": False}
        return {
            "id": self.ids.of("configuration", account.index),
            "billing_provider": provider,
            "customer_id": account.id,
            "configuration": self._customer_there(account),
            "delivery_method": "direct_to_billing_provider",
            "delivery_method_id": self.ids.of("delivery", len(provider)),
            "delivery_method_configuration": (
                method | {"skip_zero_dollar_invoices": False} if provider == "stripe" else {}
            ),
            "archived_at": None,
        }

    def former_configuration(self, account: Account) -> dict | None:
        """Every fourth customer was once with another provider."""
        if account.index % 4 or account.story.provider is None:
            return None
        return {
            "id": self.ids.of("former configuration", account.index),
            "billing_provider": "custom",
            "customer_id": account.id,
            "configuration": {},
            "delivery_method": "aws_sqs",
            "delivery_method_id": self.ids.of("delivery", 99),
            "delivery_method_configuration": {"queue": "invoices"},
            "archived_at": account.started,
        }

    def _customer_there(self, account: Account) -> dict:
        digits = self.books.world.hex(14, self.books.name, "outside", account.index)
        if account.story.provider == "stripe":
            return {"stripe_customer_id": f"cus_{digits}", "stripe_collection_method": COLLECTION[account.index % 2]}
        if account.story.provider == "aws_marketplace":
            return {"aws_customer_id": digits, "aws_product_code": digits[:8], "aws_region": "us-east-1"}
        return {"netsuite_customer_id": str(int(digits[:6], 16))}

    def legacy_configuration(self, account: Account, provider: str) -> dict | None:
        """The older read, one provider at a time."""
        if account.story.provider != provider:
            return None
        there = self._customer_there(account)
        if provider == "stripe":
            return {
                "billing_provider_customer_id": there["stripe_customer_id"],
                "stripe_collection_method": there["stripe_collection_method"],
            }
        if provider == "aws_marketplace":
            return {
                **there,
                "billing_provider_customer_id": there["aws_customer_id"],
                "aws_is_subscription_product": True,
            }
        return {"billing_provider_customer_id": there["netsuite_customer_id"]}

    # ---- contracts

    def _terms(self, account: Account, contract: int, balances: list[Balance], ledger: bool, amount: bool) -> dict:
        """What both generations say alike."""
        on_it = [b for b in balances if contract == 0 and b.terms.on_contract]
        shown = [self.ledger.shown(balance, ledger=ledger, amount=amount) for balance in on_it]
        found = {
            "name": f"Contract {contract + 1}",
            "rate_card_id": self.ids.of("rate_card", 0),
            "starting_at": account.started,
            "net_payment_terms_days": 30,
            "commits": [balance for balance in shown if balance["type"] != "CREDIT"],
            "credits": [balance for balance in shown if balance["type"] == "CREDIT"],
            "overrides": [],
            "scheduled_charges": self._charges(account, contract),
            "transitions": [],
            "usage_statement_schedule": {"frequency": "MONTHLY", "billing_anchor_date": account.started},
            "created_at": account.started,
            "created_by": "Ada Berg",
        }
        end = self.accounts.contract_end(account.index, contract)
        if end is not None:
            found["ending_before"] = end
        links = self._hierarchy(account)
        return found | ({"hierarchy_configuration": links} if links else {})

    def _charges(self, account: Account, contract: int) -> list[dict]:
        charges = []
        for held in self.books.of(account.index):
            if held.body["type"] != "SCHEDULED" or held.place[1] != contract:
                continue
            for line in held.body["line_items"]:
                if "scheduled_charge_id" not in line:
                    continue
                item = {
                    "id": line["scheduled_charge_id"],
                    "invoice_id": held.id,
                    "amount": line["total"],
                    "unit_price": line["unit_price"],
                    "quantity": line["quantity"],
                    "timestamp": held.listed_at,
                }
                charges.append(
                    {
                        "id": line["scheduled_charge_id"],
                        "name": line["name"],
                        "product": {"id": line["product_id"], "name": PRODUCTS[ONBOARDING][0]},
                        "schedule": {"credit_type": line["credit_type"], "schedule_items": [item]},
                        "custom_fields": {},
                    }
                )
        return charges

    def _hierarchy(self, account: Account) -> dict | None:
        payer = account.story.payer
        if payer is None:
            return None

        def link(customer: int) -> dict:
            return {
                "contract_id": self.accounts.contract_id(customer, 0),
                "customer_id": self.ids.of("customer", customer),
            }

        if payer != account.index:
            return {"parent": link(payer), "payer": "PARENT", "usage_statement_behavior": "CONSOLIDATE"}
        children = [n for n, story in enumerate(STORIES) if story.payer == payer and n != payer]
        return {
            "children": [link(child) for child in children],
            "parent_behavior": {"invoice_consolidation_type": "CONCATENATE"},
        }

    def shown(
        self, account: Account, contract: int, version: int, *, ledger: bool, amount: bool, balances=None
    ) -> dict:
        """One contract, in version 1 or 2 of the API."""
        balances = self.ledger.of(account) if balances is None else balances
        terms = self._terms(account, contract, balances, ledger, amount)
        found = {"id": self.accounts.contract_id(account.index, contract), "customer_id": account.id}
        if version == 2:
            for commit in terms["commits"]:
                del commit["uniqueness_key"]
            found |= terms | {"usage_filter": []}
        else:
            found |= {"initial": terms, "current": terms, "amendments": []}
        found["custom_fields"] = {}
        configuration = self.provider_configuration(account)
        if configuration is not None:
            found["customer_billing_provider_configuration"] = configuration
        archived_at = self.books.contract_archived_at(account, contract)
        return found | ({"archived_at": archived_at} if archived_at else {})

    def listed(self, account: Account, version: int, *, archived: bool, starting_at: datetime | None,
               covering: datetime | None, ledger: bool, amount: bool) -> list[dict]:  # fmt: skip
        """A customer's contracts."""
        balances, found = self.ledger.of(account), []
        for contract in range(account.contracts):
            end = self.accounts.contract_end(account.index, contract)
            if self.books.contract_archived_at(account, contract) and not archived:
                continue
            if starting_at is not None and account.started < starting_at:
                continue
            if covering is not None and not (account.started <= covering and (end is None or covering < end)):
                continue
            options = {"ledger": ledger, "amount": amount, "balances": balances}
            found.append(self.shown(account, contract, version, **options))
        return found
