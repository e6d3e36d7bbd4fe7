"""A provider on the loopback that only serves pages made beforehand, so that it is never what is measured.

The same invoices in two dialects: Orb's, which our adapter reads, and Stripe's, which dj-stripe reads. Objects have every
key the real ones have, about seven kilobytes an invoice of five lines on both sides. `/before/...` serves them as they
were, `/after/...` with one in a hundred paid since.

    python -m invoicing.benchmarks.provider --invoices 5000
"""

import argparse
import json
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from invoicing.benchmarks import dialects
from invoicing.benchmarks.data import Drawn, drawn

PAGE = 100
TODAY = date(2026, 6, 30)


def invoices(count: int, seed: int) -> list[Drawn]:
    """The newest of one connection, in the order lists give them."""
    found = (invoice for invoice in drawn(count * 5 + 500, seed=seed, today=TODAY) if invoice.connection == 0)
    return [invoice for _, invoice in zip(range(count), found, strict=False)]


def changed(invoice: Drawn) -> bool:
    """One in a hundred."""
    return invoice.number % 100 == 7


def _bytes(body: dict) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class Shelf:
    """All answers, by path and cursor."""

    def __init__(self, count: int, seed: int):
        self.answers: dict[tuple[str, str], bytes] = {}
        self.records: dict[str, bytes] = {}
        found = invoices(count, seed)
        people = sorted({invoice.customer for invoice in found})
        for moment in ("before", "after"):
            listed = [
                dialects.paid(invoice) if moment == "after" and changed(invoice) else invoice for invoice in found
            ]
            self._list(f"/{moment}/orb/v1/invoices", [dialects.orb_invoice(each) for each in listed], _orb_page)
            self._list(f"/{moment}/orb/v1/customers", [dialects.orb_customer(each) for each in people], _orb_page)
            self._list(f"/{moment}/v1/invoices", [dialects.stripe_invoice(each) for each in listed], _stripe_page)
            for person in people:
                body = dialects.stripe_customer(person)
                self.records[f"/{moment}/v1/customers/{body['id']}"] = _bytes(body)
            nobody = {"object": "list", "url": "/v1/accounts", "has_more": False, "data": []}
            self.records[f"/{moment}/v1/accounts"] = _bytes(nobody)
            for path in ("account", f"accounts/{dialects.STRIPE_ACCOUNT}"):
                self.records[f"/{moment}/v1/{path}"] = _bytes(dialects.stripe_account())

    def _list(self, path: str, records: list[dict], page) -> None:
        for start in range(0, max(len(records), 1), PAGE):
            part = records[start : start + PAGE]
            more = start + PAGE < len(records)
            cursor, body = page(path, start, part, more)
            self.answers[path, cursor if start else ""] = _bytes(body)
            if start and page is _stripe_page:
                self.answers[path, records[start - 1]["id"]] = self.answers[path, cursor]


def _orb_page(path: str, start: int, part: list[dict], more: bool) -> tuple[str, dict]:
    following = str(start + PAGE) if more else None
    return str(start), {"data": part, "pagination_metadata": {"has_more": more, "next_cursor": following}}


def _stripe_page(path: str, start: int, part: list[dict], more: bool) -> tuple[str, dict]:
    return str(start), {"object": "list", "url": "/v1/invoices", "has_more": more, "data": part}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shelf: Shelf

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        cursor = (query.get("cursor") or query.get("starting_after") or [""])[0]
        body = self.shelf.answers.get((parts.path, cursor)) or self.shelf.records.get(parts.path)
        status = 200 if body is not None else 404
        if body is None:
            body = b'{"error": {"message": "no such thing", "type": "invalid_request_error"}}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments) -> None:
        """Silent."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    Handler.shelf = Shelf(options.invoices, options.seed)
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    sizes = {name: len(_bytes(make(invoices(100, options.seed)[0]))) for name, make in dialects.INVOICES.items()}
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "bytes": sizes}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
