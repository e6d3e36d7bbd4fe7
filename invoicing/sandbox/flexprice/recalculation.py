"""Computing an invoice again, which means three things by generation.

January 2026: the same draft, synchronously, finalized unless told not to be. Today: `recalculate` voids the invoice,
refunds it to the wallet, creates another and tries to collect, all later in a workflow; `recalculate-v2` does what
January's did.
"""

import uuid
from decimal import Decimal

from ..core import Refusal, Request, Response, route
from .units import ZERO, fresh_id, number, rounded, stamp, text

WORKFLOW = "RecalculateInvoiceWorkflow"
TAKES = 2  # seconds until the worker has done it


class Recalculation:
    """The part of the simulator that computes again."""

    def rate_again(self, invoice: dict, subscription: int) -> None:
        """Lines for the invoice's period from the subscription's plan, its coupons and taxes; then the amounts."""
        lines = invoice["line_items"] = self.book.rate(invoice, subscription)
        for line in lines:
            line["id"] = fresh_id("inv_line", self.world.now())
        whole, on_line = self.book.coupons_of(subscription)
        metered = [line["id"] for line in lines if line["price_type"] == "USAGE"]
        invoice["_coupons"] = [whole["id"]] if whole else []
        invoice["_line_coupons"] = [[metered[0], on_line["id"]]] if on_line and metered else []
        invoice["_rates"] = [rate["id"] for rate in self.book.taxes_of(invoice["currency"], subscription)]
        self.recompute(invoice)

    def _count_usage(self, invoice: dict, in_place: bool) -> list[dict]:
        """The invoice's lines with the usage as it stands now: one percent more than when it was computed."""
        lines = [dict(line) for line in invoice["line_items"]]
        for line in lines:
            if line["price_type"] == "USAGE":
                line["quantity"] = text(number(line["quantity"]) * Decimal("1.01"))
                line["amount"] = text(rounded(Decimal(line["amount"]) * Decimal("1.01"), invoice["currency"]))
            line["updated_at"] = self.now()
            if not in_place:
                line.update(id=fresh_id("inv_line", self.world.now()), created_at=self.now())
        return lines

    def _compute_draft(self, invoice: dict, in_place: bool) -> None:
        """Lines and amounts of a subscription's draft anew."""
        if not invoice["line_items"]:
            self.rate_again(invoice, self.book.subscription_index(invoice["subscription_id"]))
            return
        old = {line["id"]: place for place, line in enumerate(invoice["line_items"])}
        lines = self._count_usage(invoice, in_place)
        invoice["_line_coupons"] = [[lines[old[line]]["id"], coupon] for line, coupon in invoice["_line_coupons"]]
        invoice["line_items"] = lines
        self.recompute(invoice)

    # ---- the same draft, at once

    def recalculate_draft(self, request: Request) -> Response:
        """January's recalculate, today's recalculate-v2. Only the literal `true` finalizes, and it is the default."""
        invoice = self.held(request.params["id"])
        if invoice["invoice_status"] != "DRAFT":
            self.refuse("Only draft invoices can be recalculated", current_status=invoice["invoice_status"])
        if invoice["invoice_type"] != "SUBSCRIPTION":
            self.refuse("Only subscription invoices can be recalculated", invoice_type=invoice["invoice_type"])
        if not invoice["period_start"] or not invoice["period_end"]:
            self.refuse("Invoice must have period start and end dates for recalculation", invoice_id=invoice["id"])
        self._compute_draft(invoice, in_place=not self.early)
        if not self.early:
            self.apply_credits(invoice)
            free = Decimal(invoice["amount_remaining"]) == 0
            invoice["payment_status"] = "SUCCEEDED" if free else "PENDING"
        self.save(invoice)
        self.effect("recalculate", invoice["id"])
        self.publish("invoice.create.drafted" if self.early else "invoice.update", invoice["id"])
        if request.arg("finalize", "true") == "true":
            self.finalize(invoice)
        return Response(200, self.alone(invoice))

    # ---- void and replace, later

    def start_replacement(self, request: Request) -> Response:
        """Accept; nothing is checked here, so what goes wrong later the caller never hears."""
        if self.option("workflow_engine_down"):
            self.refuse("Try again later.", "service_unavailable")
        identity = request.params["id"]
        workflow = fresh_id(f"wf_{WORKFLOW}_{identity}", self.world.now())
        run = str(uuid.uuid4())
        self.world.put(self.name, "workflow", workflow, {
            "workflow_id": workflow,
            "run_id": run,
            "workflow_type": WORKFLOW,
            "status": "Running",
            "start_time": self.now(),
            "task_queue": "invoice-task-queue",
            "history_size": 3,
            "activities": [],
            "metadata": {"invoice_id": identity},
        })  # fmt: skip
        self.world.later(TAKES, self.run_replacement, workflow)
        self.effect("start_replacement", identity, workflow)
        message = "recalculate invoice workflow started"
        return Response(202, {"message": message, "workflow_id": workflow, "run_id": run})

    def run_replacement(self, workflow_id: str) -> None:
        """The worker's part."""
        workflow = self.world.get(self.name, "workflow", workflow_id)
        trouble = None
        try:
            self._replace(workflow["metadata"]["invoice_id"])
        except Refusal as refusal:
            trouble = refusal.response.body["message"]
        activity = {"activity_id": "1", "activity_type": "RecalculateInvoiceActivity",
                    "status": "Failed" if trouble else "Completed", "start_time": workflow["start_time"],
                    "close_time": self.now(), "retry_attempt": 1}  # fmt: skip
        if trouble:
            activity["error"] = {"message": trouble, "type": "validation_error"}
        workflow.update(status=activity["status"], close_time=self.now(), duration_ms=TAKES * 1000,
                        total_duration=f"{TAKES:.1f}s", history_size=11, activities=[activity])  # fmt: skip
        self.world.put(self.name, "workflow", workflow_id, workflow)

    def _replace(self, identity: str) -> None:
        old = self.held(identity)
        if old["invoice_type"] != "SUBSCRIPTION":
            self.refuse(f"only SUBSCRIPTION invoices can be recalculated, got {old['invoice_type']}")
        replacement = old["recalculated_invoice_id"]
        if replacement:
            self.refuse(f"invoice {identity} was already recalculated as {replacement}",
                        recalculated_invoice_id=replacement)  # fmt: skip
        if not old["subscription_id"]:
            self.refuse("subscription_id is required for recalculation")
        if not old["period_start"] or not old["period_end"]:
            self.refuse("period_start and period_end are required for recalculation")
        if old["invoice_status"] != "VOIDED":
            self.refuse_unless_voidable(old)
            self.void(old, {})
        lines = self._count_usage(old, in_place=False)
        if sum((Decimal(line["amount"]) for line in lines), ZERO) == 0:
            self.refuse("recalculation resulted in zero subtotal for this period")
        now = self.world.now()
        new = old | {
            "id": fresh_id("inv", now),
            "idempotency_key": fresh_id("subscription_invoice", now),
            "invoice_number": "",
            "invoice_status": "DRAFT",
            "payment_status": "PENDING",
            **dict.fromkeys(("amount_paid", "adjustment_amount", "refunded_amount", "total_prepaid_credits_applied"), "0"),
            **dict.fromkeys(("overpaid_amount", "paid_at", "voided_at", "invoice_pdf_url", "finalized_at"), None),
            "billing_sequence": self._next_in_sequence(old["subscription_id"]),
            "issue_date": stamp(now),
            "version": 1,
            "is_manually_edited": False,
            "metadata": {"recalculated_from": identity},
            **self.book.base(stamp(now)),
        }  # fmt: skip
        new["line_items"] = [line | {"invoice_id": new["id"]} for line in lines]
        coupons = {line["id"]: place for place, line in enumerate(old["line_items"])}
        new["_line_coupons"] = [[lines[coupons[line]]["id"], coupon] for line, coupon in old["_line_coupons"]]
        self.recompute(new)
        self.world.put(self.name, "key", new["idempotency_key"], {"invoice": new["id"]})
        self.effect("create", new["id"])
        self.finalize(new)
        old["recalculated_invoice_id"] = new["id"]
        self.save(old)
        self.pay_from_wallets(new)


class AsOfJanuary(Recalculation):
    """`recalculate` of the server of January 2026, which has neither of the others."""

    @route("POST", "/invoices/{id}/recalculate")
    def recalculate(self, request: Request) -> Response:
        return self.recalculate_draft(request)


class AsOfToday(Recalculation):
    """`recalculate`, `recalculate-v2` and `compute` of today's server."""

    @route("POST", "/invoices/{id}/recalculate")
    def recalculate(self, request: Request) -> Response:
        return self.start_replacement(request)

    @route("POST", "/invoices/{id}/recalculate-v2")
    def recalculate_v2(self, request: Request) -> Response:
        return self.recalculate_draft(request)

    @route("GET", "/workflows/{workflow_id}/{run_id}")
    def get_workflow(self, request: Request) -> Response:
        workflow = self.world.get(self.name, "workflow", request.params["workflow_id"])
        if workflow is None or workflow["run_id"] != request.params["run_id"]:
            self.refuse("Failed to retrieve workflow details from Temporal", "internal_error")
        return Response(200, workflow)

    @route("POST", "/workflows/search")
    def search_workflows(self, request: Request) -> Response:
        given = self.fields(request, "invalid request body")
        limit, offset = self.page_of(given)
        rows = sorted(self.world.view(self.name, "workflow").values(), key=lambda row: row["start_time"], reverse=True)
        for name, asked in (("workflow_id",) * 2, ("workflow_type",) * 2, ("status", "workflow_status")):
            rows = [row for row in rows if row[name] == given[asked]] if given.get(asked) else rows
        shown = ("workflow_id", "run_id", "workflow_type", "status", "start_time", "close_time", "duration_ms",
                 "total_duration", "task_queue")  # fmt: skip
        page = [{name: row[name] for name in shown if name in row} for row in rows[offset : offset + limit]]
        return self.paged(page, len(rows), limit, offset)

    @route("POST", "/invoices/{id}/compute")
    def compute(self, request: Request) -> Response:
        """Compute a draft or skipped invoice: at once with `sync=true`, else accepted and done a moment later."""
        invoice = self.held(request.params["id"])
        self._refuse_unless_computable(invoice)
        if request.arg("sync") == "true":
            skipped = self.compute_now(invoice["id"])
            return Response(200, {"invoice": self.alone(self.held(invoice["id"])), "skipped": skipped})
        self.world.later(1, self.compute_now, invoice["id"])
        return Response(202, {"message": "compute invoice workflow started",
                              "workflow_id": fresh_id(f"wf_ComputeInvoiceWorkflow_{invoice['id']}", self.world.now()),
                              "run_id": str(uuid.uuid4())})  # fmt: skip

    def _refuse_unless_computable(self, invoice: dict) -> None:
        if invoice["invoice_status"] not in ("DRAFT", "SKIPPED"):
            self.refuse("Only draft or skipped invoices can be computed", current_status=invoice["invoice_status"])

    def compute_now(self, identity: str) -> bool:
        """Compute; nothing used means SKIPPED, and something again means DRAFT. Says whether it was skipped."""
        invoice = self.held(identity)
        if invoice["invoice_status"] not in ("DRAFT", "SKIPPED"):
            return False
        if invoice["invoice_type"] == "SUBSCRIPTION":
            self._compute_draft(invoice, in_place=True)
        else:
            self.recompute(invoice, Decimal(invoice["subtotal"]))
        skipped = Decimal(invoice["subtotal"]) == 0
        invoice["invoice_status"] = "SKIPPED" if skipped else "DRAFT"
        self.save(invoice)
        self.effect("compute", identity)
        return skipped
