"""What is sold and deducted: plans with their charges, coupons, tax rates. The same in every sandbox but for ids."""

from decimal import Decimal
from typing import NamedTuple

# How much of a currency a US dollar's worth of list price is.
WORTH = {"usd": "1", "eur": "1", "gbp": "0.8", "jpy": "150", "inr": "80", "kwd": "0.3", "bhd": "0.4", "cad": "1.3",
         "krw": "1300", "isk": "140", "vnd": "25000", "clf": "0.03"}  # fmt: skip


class Charge(NamedTuple):
    """One price of a plan. Units: `unit` in US dollars for one; quantities from `least` to `most`."""

    name: str
    type: str  # FIXED or USAGE
    unit: str
    least: int
    most: int
    free: int = 0
    meter: str = ""


class Plan(NamedTuple):
    name: str
    lookup_key: str
    charges: tuple[Charge, ...]


PLANS = (
    Plan("Growth", "growth", (
        Charge("Growth platform fee", "FIXED", "99", 1, 1, meter="Seats"),
        Charge("API calls", "USAGE", "0.005", 12_000, 90_000, 10_000, "API calls"),
    )),
    Plan("Starter", "starter", (
        Charge("Starter platform fee", "FIXED", "29", 1, 1),
        Charge("Seats", "FIXED", "12", 2, 25, meter="Seats"),
        Charge("Data transfer (GB)", "USAGE", "0.09", 40, 4_000, 100, "Egress"),
    )),
    Plan("データプラン", "data-jp", (
        Charge("基本料金", "FIXED", "60", 1, 1),
        Charge("データ転送 (GB)", "USAGE", "0.11", 100, 9_000, 0, "データ転送"),
        Charge("ストレージ", "USAGE", "0.023", 500, 20_000, 50, "ストレージ"),
    )),
    Plan("Scale", "scale", (
        Charge("Scale platform fee", "FIXED", "499", 1, 1),
        Charge("Compute minutes", "USAGE", "0.0034", 20_000, 800_000, 5_000, "Compute minutes"),
        Charge("Events ingested", "USAGE", "0.00012", 1_000_000, 40_000_000, 1_000_000, "Events"),
        Charge("Premium support", "FIXED", "150", 1, 1),
    )),
    Plan("Tokens", "tokens", (
        Charge("Input tokens (per million)", "USAGE", "2.5", 1, 900, 0, "Input tokens"),
        Charge("Output tokens (per million)", "USAGE", "10", 1, 200, 0, "Output tokens"),
        Charge("Workspace", "FIXED", "20", 1, 4),
    )),
)  # fmt: skip
ONE_OFF_ITEMS = ("Onboarding workshop", "Data migration", "Größere Instanz: Einrichtung", "Security review",
                 "Обучение команды", "Hardware key", "Custom report", "現地サポート")  # fmt: skip
PRICE_UNIT = (
    "crd",
    "Credits",
    "¢r",
    Decimal("0.01"),
)  # code, name, symbol, what one is worth in the invoice's currency


class Coupon(NamedTuple):
    key: str
    name: str
    type: str  # percentage or fixed
    off: str
    currency: str | None = None


COUPONS = (
    Coupon("LAUNCH10", "Launch", "percentage", "10"),
    Coupon("WELCOME25", "Welcome", "fixed", "25"),
    Coupon("FIRSTMETER", "First meter, a quarter off", "percentage", "25"),
    Coupon("ALLFREE", "Pilot customer", "percentage", "100"),
    Coupon("EURO50", "Fair visitor", "fixed", "50", "eur"),
    Coupon("RETIRED5", "Retired", "percentage", "5"),  # archived: creation skips it
)


class TaxRate(NamedTuple):
    code: str
    name: str
    type: str
    value: str
    scope: str = "EXTERNAL"
    country: str = ""


TAX_RATES = (
    TaxRate("de_vat_19", "German VAT", "percentage", "19", country="DE"),
    TaxRate("uk_vat_20", "UK VAT", "percentage", "20", country="GB"),
    TaxRate("jp_ct_10", "消費税", "percentage", "10", country="JP"),
    TaxRate("in_cgst_9", "CGST", "percentage", "9", country="IN"),
    TaxRate("in_sgst_9", "SGST", "percentage", "9", country="IN"),
    TaxRate("us_ny_8875", "New York sales tax", "percentage", "8.875", country="US"),
    TaxRate("ca_gst_5", "GST", "percentage", "5", country="CA"),
    TaxRate("bh_vat_10", "Bahrain VAT", "percentage", "10", country="BH"),
    TaxRate("eco_fee", "Recycling fee", "fixed", "1.5", "INTERNAL"),
)
TAXED_IN = {"eur": ("de_vat_19",), "gbp": ("uk_vat_20",), "jpy": ("jp_ct_10",), "inr": ("in_cgst_9", "in_sgst_9"),
            "cad": ("ca_gst_5",), "bhd": ("bh_vat_10",)}  # fmt: skip
