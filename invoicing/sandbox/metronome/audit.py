"""The audit log: what happened before the sandbox began, and what was done since. Its pages never end."""

from datetime import datetime, timedelta

from .books import Books, Held
from .figures import moment

STAFF = (
    ("Ada Berg", "ada@metronome-user.example"),
    ("Billing automation", None),
    ("Minh Phạm", "minh@metronome-user.example"),
)


class Audit:
    """Rows in order of time; an entry made now comes last."""

    def __init__(self, books: Books, name: str):
        self.books = books
        self.world = books.world
        self.name = name
        self._past: list[dict] | None = None

    def _row(self, number: int, at: datetime, action: str, resource: str, resource_id: str, words: str) -> dict:
        person, email = STAFF[number % len(STAFF)]
        actor = {"id": self.world.uuid(self.name, "staff", number % len(STAFF)), "name": person}
        request = {"id": f"req_{number:06d}"}
        if email:
            actor["email"] = email
            request |= {"ip": f"192.0.2.{10 + number % 90}", "user_agent": "Mozilla/5.0"}
        return {
            "id": f"aud_{number:06d}",
            "request": request,
            "timestamp": at,
            "action": action,
            "actor": actor,
            "description": words,
            "resource_id": resource_id,
            "resource_type": resource,
            "status": "failure" if number % 17 == 16 else "success",
        }

    def past(self) -> list[dict]:
        """What was logged before: voids and regenerations, and the account's daily life, for the customers with a story."""
        if self._past is None:
            events = []
            accounts = self.books.accounts
            for customer in range(min(accounts.count, 16)):
                account = accounts.account(customer)
                contract = accounts.contract_id(customer, 0)
                events.append((account.started, "create", "contract", contract, "Created contract"))
                changed = account.started + timedelta(days=20 * customer + 5, hours=customer)
                events.append((changed, "change_name", "customer", account.id, "Renamed customer"))
                if account.archived_at:
                    events.append((account.archived_at, "archive", "customer", account.id, "Archived customer"))
                for number in accounts.range(customer):
                    events += self._of_invoice(self.books.data.base(number))
            events.sort(key=lambda event: event[0])
            self._past = [self._row(number, *event) for number, event in enumerate(events, 1)]
        return self._past

    def _of_invoice(self, base) -> list[tuple]:
        invoice, day = base.invoice, timedelta(days=1)
        if base.slot.void:
            return [(invoice["issued_at"] + day, "void", "invoice", invoice["id"], "Voided invoice")]
        if source := invoice.get("regenerated_from_invoice_id"):
            return [(invoice["issued_at"], "regenerate", "invoice", source, "Regenerated invoice")]
        return []

    def rows(self) -> list[dict]:
        """All of them, oldest first."""
        now = self.books.now()
        past = [row for row in self.past() if row["timestamp"] <= now]
        return past + [
            row | {"timestamp": moment(row["timestamp"])} for row in self.world.view(self.name, "audit").values()
        ]

    def note(self, action: str, resource: str, resource_id: str, words: str, request=None) -> None:
        """Log what was done now, by whom: the holder of the API key, or one of the staff."""
        number = len(self.past()) + len(self.world.view(self.name, "audit")) + 1
        row = self._row(number, self.books.now(), action, resource, resource_id, words)
        row |= {"timestamp": self.books.now().isoformat(), "status": "success"}
        if request is not None:
            row["actor"] = {"id": self.world.uuid(self.name, "api token"), "name": "API token"}
            agent = request.headers.get("User-Agent") or "unknown"
            row["request"] = {"id": f"req_{number:06d}", "ip": "127.0.0.1", "user_agent": agent}
        self.world.put(self.name, "audit", row["id"], row)


def words_for(action: str, held: Held) -> str:
    """What the log says of a change to an invoice."""
    return {"void": "Voided", "regenerate": "Regenerated"}.get(action, "Changed") + f" invoice of {held.account.name}"
