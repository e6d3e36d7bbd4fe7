"""Metronome's API as a plain client sees it, for the tests of its simulator."""

import json
from decimal import Decimal

import requests

USD = "2714e483-4ff1-48e4-9e25-ac732e8f24f2"
NOWHERE = "3f0c9a4e-6d21-4b8a-9c57-1e2f3a4b5c6d"


class Api:
    """One key's view. Numbers keep their digits; an answer of another status than expected fails the test."""

    def __init__(self, sandbox, key="api_key"):
        connection = sandbox.connections["metronome"]
        self.base = connection["base_url"]
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {connection[key]}"

    def get(self, path, expect=200, **query):
        return self._read(self.session.get(self.base + path, params=query, timeout=30), expect)

    def post(self, path, body, expect=200, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        return self._read(self.session.post(self.base + path, json=body, headers=headers, timeout=30), expect)

    @staticmethod
    def _read(answer, expect):
        assert answer.status_code == expect, answer.text[:300]
        return json.loads(answer.content, parse_float=Decimal)

    def pages(self, path, **query):
        rows, token = [], None
        while True:
            page = self.get(path, **query, **({"next_page": token} if token else {}))
            rows += page["data"]
            token = page["next_page"]
            if not token:
                return rows

    def customers(self):
        return self.pages("/v1/customers", limit=100) + self.pages("/v1/customers", limit=100, only_archived="true")

    def invoices(self, customer_id, **query):
        return self.pages(f"/v1/customers/{customer_id}/invoices", limit=100, sort="date_desc", **query)

    def invoice(self, invoice, expect=200):
        found = self.get(f"/v1/customers/{invoice['customer_id']}/invoices/{invoice['id']}", expect)
        return found["data"] if expect == 200 else found
