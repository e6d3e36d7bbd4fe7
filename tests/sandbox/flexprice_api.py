"""A plain HTTP client for the tests of FlexPrice's simulator: what a stranger with the documentation would write."""

import requests

EVERY_STATUS = ["DRAFT", "FINALIZED", "VOIDED", "SKIPPED"]


class Api:
    """One FlexPrice connection. Answers are `requests` responses; `found` and `read` are their bodies."""

    def __init__(self, sandbox, name="flexprice"):
        self.sandbox, self.name = sandbox, name
        self.connection = sandbox.connections[name]
        self.session = requests.Session()
        self.session.headers["x-api-key"] = self.connection["api_key"]

    def __call__(self, method, path, json=None, **query):
        return self.session.request(method, self.connection["base_url"] + path, json=json, params=query, timeout=30)

    def get(self, path, **query):
        return self("GET", path, **query)

    def post(self, path, json=None, **query):
        return self("POST", path, json, **query)

    def put(self, path, json):
        return self("PUT", path, json)

    def search(self, **filters):
        """A page of invoices, as a body."""
        answer = self.post("/invoices/search", {"limit": 1000, "invoice_status": EVERY_STATUS} | filters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def one(self, **facts):
        """Some invoice with these fields, the newest first."""
        for invoice in self.search()["items"]:
            if all(invoice.get(name) == value for name, value in facts.items()):
                return invoice
        raise AssertionError(f"no invoice with {facts}")

    def read(self, identity):
        answer = self.get(f"/invoices/{identity}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, **given):
        """A one-off invoice over 100 dollars for a customer of no subscription, unless told otherwise."""
        given = {"customer_id": self.stranger(), "invoice_type": "ONE_OFF", "currency": "USD", "subtotal": "100",
                 "total": "100", "amount_due": "100"} | given  # fmt: skip
        return self.post("/invoices", given)

    def created(self, **given):
        answer = self.create(**given)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def stranger(self):
        """A customer without subscriptions."""
        return self.post("/customers/search", {"limit": 1}).json()["items"][0]["id"]

    def wallets(self, customer):
        return self.get(f"/customers/{customer}/wallets").json()

    def refused(self, answer, status, message, **details):
        """Check a refusal in today's shape."""
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert (body["message"], body["http_status_code"]) == (message, status)
        for name, value in details.items():
            assert body["details"][name] == value
        return body
