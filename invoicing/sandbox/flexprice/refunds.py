"""Refunds as the newest servers list them: where the money of voided invoices and credit notes went.

Today's server has no such list; the newest client asks for it, so it is answered from the wallets' transactions.
"""

from ..core import Request, Response, route


class Refunds:
    """The part of the simulator that lists refunds."""

    @route("GET", "/refunds")
    def list_refunds(self, request: Request) -> Response:
        given = self.query(request, ("invoice_ids",))
        limit, offset = self.page_of(given)
        wanted = [one for value in given.get("invoice_ids", ()) for one in value.split(",")]
        rows = [row for row in self._refunds() if not wanted or row["invoice_id"] in wanted]
        page = {"total": len(rows), "limit": limit, "offset": offset}
        return Response(200, {"items": rows[offset : offset + limit], "pagination": page})

    @route("GET", "/refunds/{id}")
    def get_refund(self, request: Request) -> Response:
        found = [row for row in self._refunds() if row["id"] == request.params["id"]]
        if not found:
            self.no_such("refund", request.params["id"])
        return Response(200, found[0])

    def _refunds(self) -> list[dict]:
        return [
            self._refund(wallet, transaction)
            for wallet in self._every_wallet()
            for transaction in self.transactions_of(wallet["id"])
            if transaction["transaction_reason"] in ("INVOICE_VOID_REFUND", "CREDIT_NOTE")
        ]

    def _refund(self, wallet: dict, transaction: dict) -> dict:
        at = transaction["created_at"]
        note = transaction["transaction_reason"] == "CREDIT_NOTE"
        refund = {
            "id": transaction["id"].replace("wtxn_", "refund_"),
            "invoice_id": transaction["reference_id"],
            "credit_note_id": transaction["idempotency_key"] if note else None,
            "amount": transaction["amount"],
            "settled_amount": transaction["amount"],
            "currency": transaction["currency"],
            "refund_status": "SUCCEEDED",
            "refund_reason": "OTHER",
            "refund_destination": "WALLET",
            "refund_destination_id": wallet["id"],
            "attempt": 1,
            "failure_reason": "",
            "idempotency_key": f"refund-{transaction['id'][-12:].lower()}",
            "metadata": {},
            "initiated_at": at,
            "succeeded_at": at,
            "failed_at": None,
            "cancelled_at": None,
            "environment_id": self.book.environment,
            **self.book.base(at),
        }
        return {name: value for name, value in refund.items() if value is not None or name.endswith("_at")}
