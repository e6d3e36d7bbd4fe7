"""One configuration of every pricing model Orb sends: what stands under `<model_type>_config`.

The models that we rate (rating.py) have configurations of their own; these are for the one invoice that shows all.
"""

TWO_TIERS = [{"tier_lower_bound": "0", "unit_amount": "0.50"}, {"tier_lower_bound": "100", "unit_amount": "0.25"}]
TWO_PACKAGE_TIERS = [{"tier_lower_bound": "0", "per_unit": "5.00"}, {"tier_lower_bound": "100", "per_unit": "4.00"}]
CELLS = [{"dimension_values": ["eu-west", "large"], "unit_amount": "0.10"}]
PLANE = {"first_dimension": "region", "second_dimension": "tier"}
SCALES = [{"first_dimension_value": "eu-west", "second_dimension_value": "large", "scaling_factor": "1.5"}]

MODELS: dict[str, dict] = {
    "unit": {"unit_amount": "1.00", "prorated": False},
    "tiered": {"tiers": [{"first_unit": 0, "last_unit": None, "unit_amount": "1.00"}], "prorated": True},
    "bulk": {"tiers": [{"maximum_units": 100, "unit_amount": "0.50"}, {"maximum_units": None, "unit_amount": "0.25"}]},
    "bulk_with_filters": {"filters": [{"property_key": "plan", "property_value": "pro"}], "tiers": TWO_TIERS},
    "package": {"package_amount": "5.00", "package_size": 100},
    "matrix": {"default_unit_amount": "0.15", "dimensions": ["region", "size"], "matrix_values": CELLS},
    "threshold_total_amount": {
        "consumption_table": [{"threshold": "0", "total_amount": "0.00"}, {"threshold": "10", "total_amount": "9.00"}],
        "prorate": False,
    },
    "tiered_package": {"package_size": "10", "tiers": TWO_PACKAGE_TIERS},
    "tiered_with_minimum": {
        "tiers": [{**tier, "minimum_amount": "1.00"} for tier in TWO_TIERS],
        "hide_zero_amount_tiers": True,
        "prorate": False,
    },
    "grouped_tiered": {"grouping_key": "workspace", "tiers": TWO_TIERS},
    "grouped_tiered_matrix": {
        "default_unit_amount": "0.15",
        "dimension": "region",
        "tiers": [{"dimension_value": "eu-west", "tier_lower_bound": "0", "unit_amount": "0.10"}],
    },
    "tiered_package_with_minimum": {
        "package_size": 10,
        "tiers": [{**tier, "minimum_amount": "1.00"} for tier in TWO_PACKAGE_TIERS],
    },
    "package_with_allocation": {"allocation": "50", "package_amount": "5.00", "package_size": "100"},
    "unit_with_percent": {"percent": "2.9", "unit_amount": "0.30"},
    "matrix_with_allocation": {
        "allocation": "20",
        "default_unit_amount": "0.15",
        "dimensions": ["region", "size"],
        "matrix_values": CELLS,
    },
    "matrix_with_threshold_discounts": {
        **PLANE,
        "default_unit_amount": "0.15",
        "matrix_values": [
            {"first_dimension_value": "eu-west", "second_dimension_value": "large", "unit_amount": "0.10"}
        ],
        "threshold_discount_groups": [
            {
                "description": "Europe",
                "cell_coordinates": "eu-west,large",
                "threshold_amount": "100.00",
                "below_threshold_discount_percentage": "0",
                "above_threshold_discount_percentage": "0.1",
            }
        ],
    },
    "tiered_with_proration": {"tiers": TWO_TIERS},
    "unit_with_proration": {"unit_amount": "1.00"},
    "grouped_allocation": {"allocation": "50", "grouping_key": "workspace", "overage_unit_rate": "0.50"},
    "bulk_with_proration": {"tiers": TWO_TIERS},
    "grouped_with_prorated_minimum": {"grouping_key": "workspace", "minimum": "5.00", "unit_rate": "0.50"},
    "grouped_with_metered_minimum": {
        "grouping_key": "workspace",
        "minimum_unit_amount": "5.00",
        "pricing_key": "plan",
        "scaling_key": "region",
        "scaling_factors": [{"scaling_value": "eu-west", "scaling_factor": "1.5"}],
        "unit_amounts": [{"pricing_value": "pro", "unit_amount": "0.50"}],
    },
    "grouped_with_min_max_thresholds": {
        "grouping_key": "workspace",
        "minimum_charge": "5.00",
        "maximum_charge": "50.00",
        "per_unit_rate": "0.50",
    },
    "matrix_with_display_name": {
        "dimension": "region",
        "unit_amounts": [{"dimension_value": "eu-west", "display_name": "Europe (West)", "unit_amount": "0.50"}],
    },
    "grouped_tiered_package": {"grouping_key": "workspace", "package_size": "10", "tiers": TWO_PACKAGE_TIERS},
    "max_group_tiered_package": {"grouping_key": "workspace", "package_size": "10", "tiers": TWO_TIERS},
    "scalable_matrix_with_unit_pricing": {
        **PLANE,
        "grouping_key": None,
        "matrix_scaling_factors": SCALES,
        "prorate": False,
        "unit_price": "0.50",
    },
    "scalable_matrix_with_tiered_pricing": {**PLANE, "matrix_scaling_factors": SCALES, "tiers": TWO_TIERS},
    "cumulative_grouped_bulk": {
        "group": "workspace",
        "dimension_values": [{"grouping_key": "alpha", "tier_lower_bound": "0", "unit_amount": "0.50"}],
    },
    "cumulative_grouped_allocation": {
        "cumulative_allocation": "100",
        "group_allocation": "10",
        "grouping_key": "workspace",
        "unit_amount": "0.50",
    },
    "daily_credit_allowance": {
        "daily_allowance": "10",
        "default_unit_amount": "0.15",
        "dimensions": ["region", "size"],
        "event_day_property": "day",
        "matrix_values": CELLS,
    },
    "metered_allowance": {
        "allowance_grouping_value": "included",
        "consumption_grouping_value": "used",
        "grouping_key": "kind",
        "unit_amount": "0.50",
        "allowance_display_name": "Included",
        "consumption_display_name": "Used",
    },
    "minimum_composite": {"minimum_amount": "5.00", "prorated": False},
    "percent": {"percent": 1, "minimum_amount": None, "maximum_amount": "50.00", "prorated": False},
    "event_output": {"unit_rating_key": "rated_amount", "default_unit_rate": "0.50", "grouping_key": None},
}
