"""From a quantity and a price to a subtotal and the sub-lines that add up to it."""

from decimal import ROUND_CEILING, Decimal

from .amounts import ZERO, money, number, text


def rate(price: dict, quantity: Decimal, cells: dict | None = None) -> tuple[Decimal, list[dict]]:
    """The subtotal, and the sub-lines where the model has any. Each is rounded, and the subtotal is their sum.

    `cells` splits the quantity: by dimension values (matrix) or by group (grouped_tiered).
    """
    model, currency = price["model_type"], price["currency"]
    config = price[f"{model}_config"]
    if model == "unit":
        return money(quantity * Decimal(config["unit_amount"]), currency), []
    if model == "package":
        packages = (quantity / config["package_size"]).to_integral_value(ROUND_CEILING)
        return money(packages * Decimal(config["package_amount"]), currency), []
    if model == "bulk":
        return money(quantity * _bulk(config["tiers"], quantity), currency), []
    if model == "threshold_total_amount":
        reached = [row for row in config["consumption_table"] if quantity >= Decimal(row["threshold"])]
        return money(Decimal(reached[-1]["total_amount"]), currency), []
    shares = {"tiered": _tiers, "matrix": _matrix, "grouped_tiered": _groups}[model](config, quantity, cells, currency)
    return sum((Decimal(share["amount"]) for share in shares), ZERO), shares


def _bulk(tiers: list[dict], quantity: Decimal) -> Decimal:
    tier = next(tier for tier in tiers if tier["maximum_units"] is None or quantity <= tier["maximum_units"])
    return Decimal(tier["unit_amount"])


def _share(kind: str, name: str, quantity: Decimal, amount: Decimal, currency: str, **more) -> dict:
    return {
        "type": kind,
        "name": name,
        "quantity": number(quantity),
        "amount": text(money(amount, currency)),
        "grouping": None,
        **more,
    }


def _tiers(config: dict, quantity: Decimal, cells, currency: str) -> list[dict]:
    shares = []
    for place, tier in enumerate(config["tiers"], 1):
        last = quantity if tier["last_unit"] is None else min(quantity, Decimal(tier["last_unit"]))
        units = last - tier["first_unit"]
        if units > 0:
            shares.append(
                _share("tier", f"Tier {place}", units, units * Decimal(tier["unit_amount"]), currency, tier_config=tier)
            )
    return shares


def _matrix(config: dict, quantity: Decimal, cells: dict, currency: str) -> list[dict]:
    """Cells not in the table cost the default."""
    listed = {tuple(row["dimension_values"]): row["unit_amount"] for row in config["matrix_values"]}
    return [
        _share(
            "matrix",
            ", ".join(value or "any" for value in values),
            units,
            units * Decimal(listed.get(values, config["default_unit_amount"])),
            currency,
            scaled_quantity=number(units) if values in listed else None,
            matrix_config={"dimension_values": list(values)},
        )
        for values, units in cells.items()
    ]


def _groups(config: dict, quantity: Decimal, cells: dict, currency: str) -> list[dict]:
    """Each group goes through the tiers by itself. Sub-lines of a kind that Orb writes 'null', quotes and all."""
    bounds = [Decimal(tier["tier_lower_bound"]) for tier in config["tiers"]]
    shares = []
    for group, units in cells.items():
        ends = [*bounds[1:], units]
        amount = sum(
            (
                max(ZERO, min(units, end) - bound) * Decimal(tier["unit_amount"])
                for tier, bound, end in zip(config["tiers"], bounds, ends, strict=True)
            ),
            ZERO,
        )
        grouping = {"key": config["grouping_key"], "value": group}
        shares.append(_share("'null'", group or "(none)", units, amount, currency, grouping=grouping))
    return shares
