"""Commits and credits: what was granted, what invoices took from it, and what voiding gave back.

The ledger is read off the invoices: each application line of a finalized invoice is a deduction (a draft's is
pending), and a voided invoice's deduction stands, followed by an entry that credits it.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .accounts import Account, Terms
from .books import DRAFT, FINALIZED, VOID, Books
from .lines import PRODUCTS

PREFIX = {"PREPAID": "PREPAID_COMMIT", "POSTPAID": "POSTPAID_COMMIT", "CREDIT": "CREDIT"}


@dataclass
class Balance:
    """One commit or credit of a customer."""

    account: Account
    number: int
    terms: Terms
    id: str
    segment_id: str
    starting_at: datetime
    ending_before: datetime
    archived_at: datetime | None
    entries: list[tuple[dict, str]]  # a ledger entry, and the status of the invoice behind it

    def amount(self, now: datetime, *, drafts: bool = True) -> Decimal:
        """What can be used at this moment; nothing outside the segment."""
        if self.archived_at or not self.starting_at <= now < self.ending_before:
            return Decimal(0)
        total = sum((e["amount"] for e, status in self.entries if drafts or status != DRAFT), Decimal(0))
        return max(total, Decimal(0))


class Ledger:
    """Reads balances."""

    def __init__(self, books: Books):
        self.books = books
        self.data = books.data
        self.ids = books.data.ids
        self.units = books.data.units

    def of(self, account: Account) -> list[Balance]:
        """The customer's commits and credits, with their ledgers."""
        used = self._used(account)
        return [self._balance(account, n, terms, used) for n, terms in enumerate(account.story.terms)]

    def _used(self, account: Account) -> list[tuple[str, object, Decimal]]:
        """(commit, invoice, amount below zero) for every application line."""
        found = []
        for held in self.books.of(account.index) if account.story.terms else ():
            if held.cancelled or held.body["type"] == "USAGE_CONSOLIDATED":  # copies take nothing
                continue
            sums: dict[str, Decimal] = {}
            for line in held.body["line_items"]:
                if line["type"] == "applied_commit_or_credit":
                    taken = -line["quantity_consumed"] if "quantity_consumed" in line else line["total"]
                    sums[line["commit_id"]] = sums.get(line["commit_id"], Decimal(0)) + taken
            found += [(commit, held, amount) for commit, amount in sums.items()]
        return found

    def _balance(self, account: Account, number: int, terms: Terms, used: list) -> Balance:
        commit = self.data.commit(account.index, number)
        start, end = self.data.access(terms)
        prefix, segment = PREFIX[terms.kind], {"segment_id": commit.segment_id}
        archived_at = self.books.contract_archived_at(account, 0)
        first = {"type": f"{prefix}_SEGMENT_START", "amount": Decimal(terms.amount), "timestamp": start, **segment}
        if terms.kind == "POSTPAID":
            first = {"type": f"{prefix}_INITIAL_BALANCE", "amount": Decimal(terms.amount), "timestamp": start}
        entries = [(first, FINALIZED)]
        for commit_id, held, amount in used:
            if commit_id != commit.id:
                continue
            of = {**segment, "invoice_id": held.id, "contract_id": held.body["contract_id"]}
            taken = {"type": f"{prefix}_AUTOMATED_INVOICE_DEDUCTION", "amount": amount, "timestamp": held.listed_at}
            entries.append((taken | of, held.status))
            if held.status == VOID:
                kind = f"{prefix}_CREDITED" if terms.kind != "POSTPAID" else f"{prefix}_AUTOMATED_INVOICE_DEDUCTION"
                entries.append(({"type": kind, "amount": -amount, "timestamp": held.voided_at, **of}, VOID))
        entries += self._endings(account, terms, prefix, segment, end, archived_at, entries)
        entries.sort(key=lambda entry: entry[0]["timestamp"])
        return Balance(account, number, terms, commit.id, commit.segment_id, start, end, archived_at, entries)

    def _endings(self, account, terms, prefix, segment, end, archived_at, entries) -> list[tuple[dict, str]]:
        """A true-up, an expiration, an entry made by hand."""
        rest = sum((entry["amount"] for entry, _ in entries), Decimal(0))
        if terms.kind == "POSTPAID" and terms.bought_in is not None:
            trueup = self.books.find(self.data.invoice_id(account.index, terms.bought_in))
            if trueup is None or trueup.status != FINALIZED:
                return []
            of = {"invoice_id": trueup.id, "contract_id": trueup.body["contract_id"]}
            entry = {"type": f"{prefix}_TRUEUP", "amount": -trueup.body["total"], "timestamp": trueup.listed_at, **of}
            return [(entry, FINALIZED)]
        over = archived_at if archived_at and archived_at < end else end
        if over <= self.books.now():
            return [({"type": f"{prefix}_EXPIRATION", "amount": -rest, "timestamp": over, **segment}, FINALIZED)]
        if terms.kind == "CREDIT" and account.index == 0:
            by_hand = {"type": "CREDIT_MANUAL", "amount": Decimal(500), "reason": "Goodwill after an outage"}
            return [(by_hand | {"timestamp": self.data.access(terms)[0]}, FINALIZED)]
        return []

    def shown(self, balance: Balance, *, ledger: bool, amount: bool) -> dict:
        """A commit or credit as the API lists it."""
        account, terms = balance.account, balance.terms
        unit = self.units[terms.unit]
        product = 3 if terms.kind != "CREDIT" else terms.products[0]
        found = {
            "id": balance.id,
            "type": terms.kind,
            "rate_type": "LIST_RATE",
            "name": terms.name,
            "description": f"{terms.name} of {account.name}"[:120],
            "priority": 100 - 10 * balance.number,
            "product": {"id": self.ids.of("product", product), "name": PRODUCTS[product][0]},
            "applicable_product_ids": [self.ids.of("product", number) for number in terms.products],
            "access_schedule": {
                "credit_type": unit,
                "access_type": terms.access_type,
                "schedule_items": [
                    {
                        "id": balance.segment_id,
                        "amount": Decimal(terms.amount),
                        "starting_at": balance.starting_at,
                        "ending_before": balance.ending_before,
                    }
                ],
            },
            "uniqueness_key": f"acct-{account.index:05d}-{balance.number}",
        }
        if terms.kind != "CREDIT":
            found["created_at"] = balance.starting_at
        if terms.on_contract:
            contract_id = self.books.accounts.contract_id(account.index, 0)
            found |= {"contract": {"id": contract_id}, "applicable_contract_ids": [contract_id]}
        if terms.on_contract and terms.kind != "CREDIT":
            found |= {"invoice_contract": {"id": contract_id}, "invoice_schedule": self._paid_by(balance, unit)}
        if balance.archived_at:
            found["archived_at"] = balance.archived_at
        if amount:
            found["balance"] = balance.amount(self.books.now())
        if ledger:
            found["ledger"] = [entry for entry, _ in balance.entries]
        return found

    def _paid_by(self, balance: Balance, unit: dict) -> dict:
        """When, and by which invoice, a commit is paid for."""
        terms = balance.terms
        schedule = {"credit_type": unit, "do_not_invoice": terms.bought_in is None, "schedule_items": []}
        bought = None
        if terms.bought_in is not None:
            bought = self.books.find(self.data.invoice_id(balance.account.index, terms.bought_in))
        if bought is not None:
            price = Decimal(terms.amount) if terms.kind == "PREPAID" else bought.body["total"]
            item = {"id": self.ids.of("payment", balance.account.index), "invoice_id": bought.id, "amount": price}
            item |= {"unit_price": price, "quantity": 1, "timestamp": bought.listed_at}
            schedule["schedule_items"].append(item)
        return schedule

    def net(self, account: Account, unit_id: str, access_type: str, filters: list[dict], drafts: bool) -> Decimal:
        """The combined balance of what matches any filter, in one unit."""
        total = Decimal(0)
        for balance in self.of(account):
            terms = balance.terms
            if terms.access_type != access_type:
                continue
            if access_type == "SPEND" and self.units[terms.unit]["id"] != unit_id:
                continue
            if not filters or any(self._matches(balance, wanted) for wanted in filters):
                total += balance.amount(self.books.now(), drafts=drafts)
        return total

    def _matches(self, balance: Balance, wanted: dict) -> bool:
        kinds, ids, fields = wanted.get("balance_types"), wanted.get("ids"), wanted.get("custom_fields")
        return (not kinds or PREFIX[balance.terms.kind] in kinds) and (not ids or balance.id in ids) and not fields
