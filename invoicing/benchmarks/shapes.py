"""A drawn invoice in its provider's own JSON, and the columns that reading this JSON gives.

Both are written out by hand, because reading a million invoices through the adapters would take longer than anything
that is measured on them. A test reads the JSON through the adapter and finds the very same columns.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from invoicing.benchmarks.data import DIGITS, Drawn, money
from invoicing.mirror.rows import NEVER
from invoicing.models.search import fold
from invoicing.vocabulary import ListedBy, Payment, Status

US_DOLLAR = "2714e483-4ff1-48e4-9e25-ac732e8f24f2"


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def stamp(day: date) -> str:
    return f"{day.isoformat()}T12:00:00Z"


def identity(drawn: Drawn) -> str:
    return f"in_{drawn.connection:02d}{drawn.number * 2654435761 % 2**32:08x}{drawn.number:07d}"


class Shape:
    """What all five have in common; a provider's own is in `fill`."""

    word = {"draft": "draft", "open": "open", "paid": "paid", "void": "void"}
    status = {"draft": Status.DRAFT, "open": Status.FINALIZED, "paid": Status.FINALIZED, "void": Status.VOID}
    payment = {"draft": Payment.UNPAID, "open": Payment.UNPAID, "paid": Payment.PAID, "void": Payment.UNPAID}
    numbered, tells_due, tells_subtotal = True, True, True

    def columns(self, drawn: Drawn, identity: str) -> dict[str, Any]:
        """The columns of rows.SAID but the book."""
        status, payment = self.status[drawn.state].value, self.payment[drawn.state].value
        total = sum(drawn.amounts)
        text = money(total, drawn.currency)
        micros = total * 10 ** (6 - DIGITS.get(drawn.currency, 2))
        due = (text if drawn.state in ("draft", "open") else money(0, drawn.currency)) if self.tells_due else None
        owed = self.tells_due and drawn.state == "open"
        number = f"INV-{drawn.day.year}-{drawn.connection:02d}{drawn.number:07d}" if self.numbered else ""
        issued = noon(drawn.day) if drawn.state != "draft" else None
        due_date = drawn.day + timedelta(days=drawn.days_to_pay) if issued else None
        return dict.fromkeys(
            ("tax", "amount_paid", "planned_issue_at", "finalized_at", "voided_at", "paid_at", "period_start", "period_end",
             "provider_created_at", "provider_updated_at", "line_difference")
        ) | {
            "number": number,
            "po_number": "",
            "kind": "",
            "status": status,
            "payment_status": payment,
            "provider_status": self.word[drawn.state],
            "currency": drawn.currency,
            "subtotal": text if self.tells_subtotal else None,
            "total": text,
            "amount_due": due,
            "total_micros": micros,
            "due_micros": micros if due == text else 0,
            "outstanding": owed,
            "listed_on": drawn.day,
            "listed_by": ListedBy.ISSUED.value if issued else ListedBy.PLANNED.value,
            "due_date": due_date,
            "due_sort": due_date or NEVER,
            "issued_at": issued,
            "replaces": "",
            "replaced_by": "",
            "handles": {},
            "has_pdf": False,
            "unrecognized": False,
            "line_count": len(drawn.amounts),
            "sub_micro": False,
            "search_text": fold(number, identity),
        }  # fmt: skip


class Orb(Shape):
    word = {"draft": "draft", "open": "issued", "paid": "paid", "void": "void"}

    def fill(self, drawn, external_id, customer, texts, columns) -> str:
        issued = columns["issued_at"]
        columns |= {"provider_created_at": noon(drawn.day), "finalized_at": issued}
        columns["handles"] = {"customer_id": customer, "will_auto_issue": "false"}
        columns["planned_issue_at"] = None if issued else noon(drawn.day)
        lines = ",".join(
            f'{{"name":"{texts[text]}","quantity":1,"amount":"{money(amount, drawn.currency)}"}}'
            for text, amount in zip(drawn.texts, drawn.amounts, strict=True)
        )
        when = stamp(drawn.day)
        dates = (
            f'"issued_at":"{when}","due_date":"{columns["due_date"]}"' if issued else f'"scheduled_issue_at":"{when}"'
        )
        return (
            f'{{"id":"{external_id}","invoice_number":"{columns["number"]}","status":"{self.word[drawn.state]}",'
            f'"currency":"{drawn.currency}","subtotal":"{columns["total"]}","total":"{columns["total"]}",'
            f'"amount_due":"{columns["amount_due"]}","customer":{{"id":"{customer}"}},"created_at":"{when}",{dates},'
            f'"line_items":[{lines}]}}'
        )


class FlexPrice(Shape):
    word = {"draft": "DRAFT / PENDING", "open": "FINALIZED / PENDING", "paid": "FINALIZED / SUCCEEDED", "void": "VOIDED / PENDING"}  # fmt: skip

    def fill(self, drawn, external_id, customer, texts, columns) -> str:
        status, payment = self.word[drawn.state].split(" / ")
        planned = noon(drawn.day)
        columns |= {"has_pdf": True, "provider_created_at": planned, "provider_updated_at": planned}
        columns["planned_issue_at"] = planned if drawn.state == "draft" else None
        if drawn.state != "draft":
            columns["finalized_at"] = planned
        lines = ",".join(
            f'{{"display_name":"{texts[text]}","quantity":"1","amount":"{money(amount, drawn.currency)}"}}'
            for text, amount in zip(drawn.texts, drawn.amounts, strict=True)
        )
        when = stamp(drawn.day)
        dates = f',"finalized_at":"{when}","due_date":"{columns["due_date"]}"' if drawn.state != "draft" else ""
        return (
            f'{{"id":"{external_id}","invoice_number":"{columns["number"]}","invoice_status":"{status}",'
            f'"payment_status":"{payment}","currency":"{drawn.currency.lower()}","customer_id":"{customer}",'
            f'"subtotal":"{columns["total"]}","total":"{columns["total"]}","amount_remaining":"{columns["amount_due"]}",'
            f'"issue_date":"{when}","created_at":"{when}","updated_at":"{when}"{dates},"line_items":[{lines}]}}'
        )


class CheckoutPage(Shape):
    def fill(self, drawn, external_id, customer, texts, columns) -> str:
        created = noon(drawn.day)
        columns |= {
            "listed_by": ListedBy.CREATED.value, "issued_at": None, "due_date": None, "due_sort": NEVER,
            "provider_created_at": created, "provider_updated_at": created, "handles": {"number": columns["number"]},
        }  # fmt: skip
        due = sum(drawn.amounts) if drawn.state in ("draft", "open") else 0
        lines = ",".join(
            f'{{"name":"{texts[text]}","quantity":1,"amount":{amount}}}'
            for text, amount in zip(drawn.texts, drawn.amounts, strict=True)
        )
        when = stamp(drawn.day)
        return (
            f'{{"id":"{external_id}","invoiceNumber":"{columns["number"]}","status":"{drawn.state}","customerId":"{customer}",'
            f'"currency":"{drawn.currency.lower()}","amount":{sum(drawn.amounts)},"subtotal":{sum(drawn.amounts)},'
            f'"amountDue":{due},"createdAt":"{when}","updatedAt":"{when}","lineItems":[{lines}]}}'
        )


class Metronome(Shape):
    word = {"draft": "DRAFT", "open": "FINALIZED", "paid": "FINALIZED / PAID", "void": "VOID"}
    payment = {
        "draft": Payment.NOT_TRACKED, "open": Payment.NOT_TRACKED, "paid": Payment.PAID, "void": Payment.NOT_TRACKED
    }  # fmt: skip
    numbered, tells_due, tells_subtotal = False, False, False

    def fill(self, drawn, external_id, customer, texts, columns) -> str:
        columns |= {"has_pdf": True, "handles": {"customer_id": customer}, "due_date": None, "due_sort": NEVER}
        columns["planned_issue_at"] = noon(drawn.day) if drawn.state == "draft" else None
        dollars = drawn.currency == "USD"
        unit = f'{{"id":"{US_DOLLAR}","name":"USD (cents)"}}' if dollars else f'{{"id":"unit-{drawn.currency}","name":"{drawn.currency}"}}'  # fmt: skip

        def number(minor: int) -> str:
            return str(minor) if dollars else money(minor, drawn.currency)

        lines = ",".join(
            f'{{"name":"{texts[text]}","quantity":1,"total":{number(amount)},"credit_type":{unit}}}'
            for text, amount in zip(drawn.texts, drawn.amounts, strict=True)
        )
        copy = ',"external_invoice":{"external_status":"PAID"}' if drawn.state == "paid" else ""
        return (
            f'{{"id":"{external_id}","status":"{self.word[drawn.state].split(" ")[0]}","customer_id":"{customer}",'
            f'"credit_type":{unit},"total":{number(sum(drawn.amounts))},"issued_at":"{stamp(drawn.day)}"{copy},'
            f'"line_items":[{lines}]}}'
        )


class CockroachDB(Shape):
    word = {"draft": "DRAFT", "open": "FINALIZED", "paid": "FINALIZED", "void": "FINALIZED"}
    status = {"draft": Status.DRAFT, "open": Status.FINALIZED, "paid": Status.FINALIZED, "void": Status.FINALIZED}
    payment = dict.fromkeys(("draft", "open", "paid", "void"), Payment.NOT_TRACKED)
    numbered, tells_due, tells_subtotal = False, False, False

    def fill(self, drawn, external_id, customer, texts, columns) -> str:
        begins = drawn.day - timedelta(days=30)
        columns |= {
            "currency": "USD", "listed_by": ListedBy.PERIOD_END.value, "issued_at": None, "due_date": None,
            "due_sort": NEVER, "period_start": begins, "period_end": drawn.day,
        }  # fmt: skip
        total = money(sum(drawn.amounts), "USD")
        columns["total"], columns["total_micros"] = total, sum(drawn.amounts) * 10_000
        lines = ",".join(
            f'{{"description":"{texts[text]}","quantity":1,"total":{{"amount":{money(amount, "USD")},"currency":"USD"}}}}'
            for text, amount in zip(drawn.texts, drawn.amounts, strict=True)
        )
        return (
            f'{{"invoice_id":"{external_id}","status":"{self.word[drawn.state]}","period_start":"{stamp(begins)}",'
            f'"period_end":"{stamp(drawn.day)}","totals":[{{"amount":{total},"currency":"USD"}}],"balances":[],'
            f'"invoice_items":[{{"cluster":{{}},"line_items":[{lines}]}}]}}'
        )


SHAPES: dict[str, Shape] = {
    "metronome": Metronome(),
    "flexprice": FlexPrice(),
    "orb": Orb(),
    "checkout_page": CheckoutPage(),
    "cockroachdb": CockroachDB(),
}


def lines_of(drawn: Drawn, provider: str, texts: list[str]) -> list[tuple[int, str]]:
    """(place of the text, amount) of each line in the order the adapter gives them; FlexPrice's come sorted by name."""
    pairs = list(zip(drawn.texts, drawn.amounts, strict=True))
    if provider == "flexprice":
        pairs.sort(key=lambda pair: texts[pair[0]])
    unit = line_unit(drawn, provider)
    return [(text, money(amount, unit)) for text, amount in pairs]


def line_unit(drawn: Drawn, provider: str) -> str:
    return "USD" if provider == "cockroachdb" else drawn.currency
