"""Adding, changing and removing lines of a draft, as the newest servers offer it.

Today's server has the logic but no route to it; the newest client calls it, so it is answered.
"""

from ..core import Request, Response, route
from .units import fresh_id, number, rounded, text


class Editing:
    """The part of the simulator that edits a draft's lines."""

    @route("POST", "/invoices/{id}/modify/execute")
    def modify_invoice(self, request: Request) -> Response:
        given = self.fields(request, "invalid request")
        change = given.get("line_item_params")
        if given.get("type") != "line_item" or not isinstance(change, dict):
            self.refuse("invalid request")
        invoice = self.held(request.params["id"])
        if invoice["invoice_status"] != "DRAFT":
            self.refuse("Only draft invoices can be modified", current_status=invoice["invoice_status"])
        lines = invoice["line_items"]
        action = change.get("action")
        if action == "add":
            for item in change.get("items") or ():
                self.required(item, display_name="DisplayName", amount="Amount", quantity="Quantity")
                lines.append(self.line_from(invoice, len(lines), item))
        elif action in ("update", "remove"):
            wanted = {change.get("line_item_id"), *(change.get("line_item_ids") or ())} - {None}
            for missing in wanted - {line["id"] for line in lines}:
                self.no_such("invoice line item", missing)
            kept = [line for line in lines if line["id"] not in wanted]
            replaced = [
                self._replaced(invoice, line, change.get("update") or {}) for line in lines if line["id"] in wanted
            ]
            invoice["line_items"] = kept + (replaced if action == "update" else [])
        else:
            self.refuse("invalid request")
        invoice["is_manually_edited"] = True
        self.recompute(invoice)
        self.save(invoice)
        self.effect("modify", invoice["id"])
        self.publish("invoice.update", invoice["id"])
        return Response(200, {"invoice": self.alone(invoice)})

    def _replaced(self, invoice: dict, line: dict, update: dict) -> dict:
        """A line that was edited: a new one that names the old as its parent."""
        changed = {name: update[name] for name in ("display_name",) if update.get(name)}
        for name in ("amount", "quantity"):
            if update.get(name) is not None:
                changed[name] = text(
                    rounded(number(update[name]), invoice["currency"]) if name == "amount" else number(update[name])
                )
        return line | changed | {"id": fresh_id("inv_line", self.world.now()), "parent_line_item_id": line["id"]}
