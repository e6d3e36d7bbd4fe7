"""What Orb's tests ask with: plain requests, pages followed, and shapes held against the example bodies."""

import json
import uuid
from decimal import Decimal
from pathlib import Path

import requests

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
EVERY_STATUS = [("status[]", status) for status in ("draft", "issued", "paid", "synced", "void")]
NEWER = {"scaling_factor"}  # in the examples, and refused by the closed schema of the published document
MAPS = {"metadata"}


class Api:
    """One Orb account in a running sandbox."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.base_url = sandbox.connections["orb"]["base_url"]
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {sandbox.connections['orb']['api_key']}"

    def ask(self, method, path, status=200, **given):
        """The answer's JSON, its status checked."""
        answer = self.raw(method, path, **given)
        assert answer.status_code == status, f"{answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def raw(self, method, path, **given):
        return self.session.request(method, self.base_url + path, timeout=30, **given)

    def get(self, path, *params):
        return self.ask("GET", path, params=list(params))

    def post(self, path, body=None, status=200, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        return self.ask("POST", path, status, json=body, headers=headers)

    def refused(self, method, path, code, **given):
        """The problem's detail (or its errors), after its form was checked."""
        answer = self.raw(method, path, **given)
        problem = answer.json()
        assert problem["type"] == f"https://docs.withorb.com/reference/error-responses#{code}", answer.text
        assert answer.status_code == problem["status"] == int(code[:3])
        assert answer.headers["Content-Type"] == "application/json"
        assert set(problem) == {"type", "status", "title", "detail"} | ({"validation_errors"} & set(problem))
        assert ("validation_errors" in problem) == (code == "400-request-validation-errors")
        return problem.get("validation_errors") or problem["detail"]

    def every(self, path, *params, limit=100):
        """All rows of a list."""
        rows, cursor = [], []
        while True:
            page = self.get(path, *params, ("limit", limit), *cursor)
            rows += page["data"]
            following = page["pagination_metadata"]
            assert following["has_more"] == (following["next_cursor"] is not None)
            if not following["has_more"]:
                return rows
            cursor = [("cursor", following["next_cursor"])]

    def invoices(self, *params):
        return self.every("/invoices", *EVERY_STATUS, *params)

    def invoice(self, identity):
        return self.get(f"/invoices/{identity}")

    def customer(self, invoice):
        return self.get(f"/customers/{invoice['customer']['id']}")

    def act(self, what, identity, **arguments):
        return self.sandbox.act("orb", what, identity, **arguments)

    def one_off(self, customer, *lines, status=201, **more):
        """A new one-off invoice: a draft, dated today. A line is (quantity, unit amount)."""
        item = self.get("/items")["data"][0]["id"]
        wanted = {
            "customer_id": customer["id"],
            "currency": customer["currency"],
            "invoice_date": "2026-10-14",
            "line_items": [
                {
                    "start_date": "2026-10-01",
                    "end_date": "2026-10-02",
                    "quantity": quantity,
                    "name": f"Line {place}",
                    "item_id": item,
                    "model_type": "unit",
                    "unit_config": {"unit_amount": amount},
                }
                for place, (quantity, amount) in enumerate(lines)
            ],
        }
        return self.post("/invoices", wanted | more, status)

    def customers(self, **wanted):
        """Customers whose fields are as wanted, newest first."""
        return [
            customer
            for customer in self.every("/customers")
            if all(customer[name] == value for name, value in wanted.items())
        ]


def new_key():
    return str(uuid.uuid4())


def example(name):
    return json.loads((EXAMPLES / f"orb_{name}.json").read_text())


def unexplained(ours, sample, path=""):
    """Where our answer's keys, nesting or types are not the example's. Null may stand for anything, and is looked at
    where an example has it filled."""
    if isinstance(ours, dict) and isinstance(sample, dict):
        if path.rsplit(".", 1)[-1] in MAPS:
            return
        for name in sorted((set(ours) ^ set(sample)) - NEWER):
            yield f"{path}.{name} {'is ours alone' if name in ours else 'is missing'}"
        for name in set(ours) & set(sample):
            yield from unexplained(ours[name], sample[name], f"{path}.{name}")
    elif isinstance(ours, list) and isinstance(sample, list):
        for one in ours:
            alike = [other for other in sample if kind(other) == kind(one)]
            for other in alike[:1]:
                yield from unexplained(one, other, f"{path}[]")
    elif ours is not None and sample is not None and family(ours) is not family(sample):
        yield f"{path} is {ours!r}, the example has {sample!r}"


def kind(value):
    """What tells the members of a union apart."""
    if not isinstance(value, dict):
        return type(value)
    told = tuple(value.get(name) for name in ("type", "adjustment_type", "discount_type") if "tax_rate" not in value)
    price = value.get("price")
    return (*told, price["model_type"]) if isinstance(price, dict) else told


def family(value):
    return float if type(value) is int else type(value)


def sums(invoice):
    """(total by its lines, amount due by what lowers it)."""
    total = sum(
        Decimal(line["amount"]) + sum(Decimal(tax["amount"]) for tax in line["tax_amounts"])
        for line in invoice["line_items"]
    )
    signed = {"decrement": 1, "increment": -1}
    applied = sum(
        signed[row["type"]] * Decimal(row["amount"])
        for row in invoice["customer_balance_transactions"]
        if row["action"] in ("applied_to_invoice", "small_invoice_carryover")
    )
    credited = sum(
        Decimal(note["total"])
        for note in invoice["credit_notes"]
        if note["type"] == "adjustment" and not note["voided_at"]
    )
    return Decimal(total), Decimal(total) - credited - applied
