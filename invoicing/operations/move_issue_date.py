from datetime import UTC, datetime, timedelta

from django import forms
from django.utils import timezone

from invoicing.operations.arguments import Arguments, DayField
from invoicing.operations.reading_back import by_value, fresh
from invoicing.operations.verb import Call, Consequence, Effect, Reading, Verb
from invoicing.vocabulary import CallClass, Status


class IssueDay(Arguments):
    issue_date = DayField(label="New issue date", help_text="Midnight UTC of this day.")

    def clean_issue_date(self):
        day = self.cleaned_data["issue_date"]
        if day < timezone.now().astimezone(UTC).date():
            raise forms.ValidationError("This day is past: a draft is issued today or later.")
        if self.about and planned(self.about) == midnight(day.isoformat()):
            raise forms.ValidationError("It is planned for this day already.")
        return day


class MoveIssueDate(Verb):
    """Have Metronome issue a draft on another day. It is the nearest thing to finalizing it by hand."""

    key = "move_issue_date"
    name = "Move issue date"
    done = "moved"
    summary = "Metronome finalizes the draft on another day than planned."
    destructive = False
    form = IssueDay
    calls = {
        "metronome": Call(
            endpoint="move_issue_date",
            call_class=CallClass.KEYED,
            key_window=timedelta(hours=24),
            replays_errors=True,
        ),
    }

    def refusal_by_status(self, invoice):
        if invoice.status != Status.DRAFT:
            return f"Only a draft's issue date can be moved; this one is {invoice.status}."
        if not invoice.handles.get("contract_id"):
            return "Metronome moves the dates of contract invoices only; this one belongs to no contract."
        return ""

    def consequences(self, invoice, snapshot):
        yield Consequence(effect=Effect.CHANGE, text="This draft alone moves; the contract's schedule stays.")
        yield Consequence(
            effect=Effect.CHANGE,
            text="Until then usage still flows in, so the total can change; from then on it is owed.",
        )
        yield Consequence(effect=Effect.NOT, text="It cannot be moved beyond the end of its contract.")
        yield Consequence(effect=Effect.NOT, text="Nothing is sent to the customer now.")

    def before(self, invoice):
        return {"Planned issue date": planned(invoice)}

    def proof(self, reading: Reading):
        now = planned(fresh(reading))
        wanted = midnight(reading.operation.arguments["issue_date"])
        before = reading.operation.seen["before"]["Planned issue date"]
        return by_value(f"Planned for {now or 'no day'}", now=now, wanted=wanted, before=before)


def planned(invoice) -> str | None:
    """When it is to be issued, or was since, as an instant in UTC."""
    moment = invoice.planned_issue_at or invoice.issued_at
    return moment.astimezone(UTC).isoformat() if moment else None


def midnight(day: str) -> str:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).isoformat()
