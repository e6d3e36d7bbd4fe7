"""What happens to an invoice in its life, whoever asked for it: the API, the clock, or the world."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from .amounts import ZERO, midnight, moment, money, stamp, text
from .blueprint import GRACE
from .book import NAME
from .data import Row
from .lines import discount_lines, totals
from .writing import attempt, due_on, links, receipt_link

LEAST_CHARGE = {
    "USD": "0.50", "EUR": "0.50", "GBP": "0.30", "JPY": "50", "VND": "10000", "BHD": "0.200", "KWD": "0.150",
}  # fmt: skip


def issuable_at(row: Row) -> datetime:
    """When a generated draft may be issued: half a day after its date where usage may still come in."""
    return moment(row.date) + (timedelta(0) if row.source == "one_off" else GRACE)


class Life:
    """Transitions of invoices. Each takes a record being edited and changes it; the caller saves it, once.

    The rules of who may ask, and when, stand with the API (writes.py); here it simply happens.
    """

    def stamp_now(self) -> str:
        return stamp(self.world.now())

    # ---- drafts

    def recompute(self, record: dict) -> None:
        """Draw the sums of a draft anew from its lines. The customer's balance has no part before issue."""
        head, lines = record["head"], record["lines"]
        if head["discounts"]:
            discount_lines(lines, head["discounts"], head["currency"], self.book.data.identify)
        head |= totals(lines, head["currency"])
        head["amount_due"] = head["total"]

    def schedule(self, record: dict) -> None:
        """Have the clock issue a draft that issues itself."""
        at = record["head"]["scheduled_issue_at"]
        if at is not None:
            seconds = (moment(at) - self.world.now()).total_seconds()
            self.world.later(max(seconds, 0), self.issue_when_due, record["head"]["id"])

    def issue_when_due(self, identity: str) -> None:
        """A timer: issue a draft that issues itself, unless it has gone, or was moved to a later day."""
        record = self.book.edit(identity)
        if record and record["head"]["status"] == "draft":
            at = record["head"]["scheduled_issue_at"]
            if at is not None and moment(at) <= self.world.now():
                self.issue(record)
                self.book.save(record)

    def issue_all_due(self) -> None:
        """A timer: the generated drafts that issue themselves, as their times come."""
        now, data = self.world.now(), self.book.data
        for _, index, identity in list(self.book.order["draft"]):
            row = self.book.rows[identity]
            if identity in data.index and issuable_at(row) <= now and data.blueprint(index).will_auto_issue:
                self.issue_when_due(identity)
        self.watch_drafts()

    def watch_drafts(self) -> None:
        """Set the timer for when the next generated drafts may be issued."""
        now, rows = self.world.now(), (self.book.rows[identity] for _, _, identity in self.book.order["draft"])
        moments = {issuable_at(row) for row in {row._replace(id="", customer=0, index=0) for row in rows}}
        if ahead := [at for at in moments if at > now]:
            self.world.later((min(ahead) - now).total_seconds(), self.issue_all_due)

    # ---- issue

    def issue_accepted(self, identity: str) -> None:
        """A timer: what `issue` without waiting has set off. May fail, and says so on the draft."""
        record = self.book.edit(identity)
        if record is None or record["head"]["status"] != "draft":
            return
        record["private"].pop("issuing", None)
        if record["private"].pop("issue_fails", False):
            record["head"]["issue_failed_at"] = self.stamp_now()
        else:
            self.issue(record)
        self.book.save(record)

    def issue(self, record: dict, *, wait_for_sync: bool = False) -> None:
        """Freeze a draft and ask for the money: balance applied, due date set, documents drawn."""
        head, private, customer = record["head"], record["private"], self.book.customer_of(record)
        private.pop("issuing", None)
        head["status"], head["issued_at"] = "issued", self.stamp_now()
        head["scheduled_issue_at"] = head["eligible_to_issue_at"] = None
        head["due_date"] = head["due_date"] or due_on(customer, head["issued_at"], private["net_terms"])
        head |= links(self.book.data.identify, head["id"])
        due = Decimal(head["total"])
        if not customer.invoiced_elsewhere and head["currency"] == customer.currency:
            due = self._settle_with_balance(record, due)
        head["amount_due"] = text(money(due, head["currency"]))
        if due <= 0:
            head["status"], head["paid_at"] = "paid", head["issued_at"]
        elif customer.invoiced_elsewhere:
            if wait_for_sync:
                self.sync(record)
            else:
                self.world.later(self.option("sync_seconds"), self.sync_accepted, head["id"])
        elif head["auto_collection"]["enabled"]:
            head["auto_collection"]["next_attempt_at"] = head["due_date"]
            seconds = (moment(head["due_date"]) - self.world.now()).total_seconds()
            self.world.later(max(seconds, 60), self.collect_when_due, head["id"])

    def _settle_with_balance(self, record: dict, total: Decimal) -> Decimal:
        """Use the customer's balance, charge a negative one, keep what is below nothing or too little to charge."""
        number = record["private"]["customer"]
        balance = self.book.balance(number)
        applied = total if total < 0 else min(balance, total)
        if applied:
            self.book.change_balance(number, "applied_to_invoice", -applied, record)
        due = total - applied
        if 0 < due < Decimal(LEAST_CHARGE.get(record["head"]["currency"], "0")):
            self.book.change_balance(number, "small_invoice_carryover", -due, record)
            due = ZERO
        return due

    def sync(self, record: dict) -> None:
        """Hand an issued invoice to the customer's invoicing system; from there nothing comes back."""
        record["head"]["status"] = "synced"
        record["head"]["auto_collection"] |= {"enabled": False, "next_attempt_at": None}

    def sync_accepted(self, identity: str) -> None:
        """A timer: the invoicing system has taken the invoice."""
        record = self.book.edit(identity)
        if record and record["head"]["status"] == "issued":
            self.sync(record)
            self.book.save(record)

    # ---- payment

    def mark_paid(self, record: dict, received: datetime | None = None) -> None:
        """Paid outside; `received` is the day the money came."""
        head = record["head"]
        head["status"], head["paid_at"] = "paid", self.stamp_now()
        head["payment_received_at"] = stamp(received) if received else head["paid_at"]
        head["auto_collection"]["next_attempt_at"] = None

    def undo_paid(self, record: dict) -> None:
        record["head"] |= {"status": "issued", "paid_at": None, "payment_received_at": None}

    def collect(self, record: dict, outcome: str) -> None:
        """One attempt to charge what is due: `succeeded`, `declined`, or `pending` as bank transfers are for days."""
        head, identify = record["head"], self.book.data.identify
        number, now = len(head["payment_attempts"]), self.world.now()
        made = attempt(
            identify,
            head["id"],
            number,
            now,
            Decimal(head["amount_due"]),
            self.book.customer_of(record),
            succeeded=False,
        )
        head["payment_attempts"].append(made)
        head["payment_started_at"] = made["created_at"]
        head["auto_collection"] |= {
            "next_attempt_at": None,
            "previously_attempted_at": made["created_at"],
            "num_attempts": (head["auto_collection"]["num_attempts"] or 0) + 1,
        }
        if outcome == "declined":
            head["payment_failed_at"] = made["created_at"]
        elif outcome == "succeeded":
            self.payment_arrived(record)

    def payment_arrived(self, record: dict) -> None:
        """The attempt under way succeeded."""
        made = record["head"]["payment_attempts"][-1]
        made |= {"succeeded": True, "receipt_pdf": receipt_link(self.book.data.identify, record["head"]["id"])}
        record["private"]["receipt"] = 1
        self.mark_paid(record)

    @staticmethod
    def in_flight(head: dict) -> bool:
        """Whether a payment is under way: started, and neither failed since nor paid."""
        started, failed = head["payment_started_at"], head["payment_failed_at"]
        return head["status"] == "issued" and started is not None and (failed is None or failed < started)

    def collect_when_due(self, identity: str) -> None:
        """A timer: charge an issued invoice on its due date, once."""
        record = self.book.edit(identity)
        if record and record["head"]["status"] == "issued" and record["head"]["auto_collection"]["next_attempt_at"]:
            self.collect(record, "declined" if self.book.customer_of(record).declines else "succeeded")
            self.book.save(record)

    # ---- void, and what it takes with it

    def void(self, record: dict) -> None:
        """Cancel an issued invoice: balance given back, no more attempts, its credit block void, its top-up off."""
        head, private = record["head"], record["private"]
        head["status"], head["voided_at"] = "void", self.stamp_now()
        head["auto_collection"]["next_attempt_at"] = None
        used = ZERO
        for row in head["customer_balance_transactions"]:
            if row["action"] in ("applied_to_invoice", "small_invoice_carryover", "return_from_voiding"):
                used += Decimal(row["amount"]) * (1 if row["type"] == "decrement" else -1)
        if used:
            self.book.change_balance(private["customer"], "return_from_voiding", used, record)
        block = self.book.block_of(record)
        if block and self.book.block(block)["wire"]["credit_block_source"] == "top_up":
            top_up = self.book.data.identify("top up", private["index"])
            self.world.put(NAME, "top_up", top_up, {"disabled_at": head["voided_at"]})

    # ---- documents

    def redraw(self, record: dict, kind: str) -> None:
        """Draw the invoice or its receipt again, at a new address. The old file stays where it was."""
        head, private, identify = record["head"], record["private"], self.book.data.identify
        private[kind] += 1
        if kind == "pdf":
            head["invoice_pdf"] = links(identify, head["id"], private["pdf"])["invoice_pdf"]
            return
        for made in head["payment_attempts"]:
            if made["receipt_pdf"]:
                made["receipt_pdf"] = receipt_link(identify, head["id"], private["receipt"])

    def at_midnight(self, record: dict, day) -> datetime:
        """The customer's midnight of a day; a time without an offset is the customer's, an instant stays what it is."""
        timezone = self.book.customer_of(record).timezone
        if not isinstance(day, datetime):
            return midnight(timezone, day)
        return day if day.tzinfo else day.replace(tzinfo=ZoneInfo(timezone))
