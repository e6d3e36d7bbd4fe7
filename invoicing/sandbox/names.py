"""Names, addresses and products to pick from: many scripts, very long ones, and some that mean harm."""

import random
import re
import unicodedata

COMPANIES = (
    "Northwind Logistics Inc.", "Atelier Lumière SARL", "Müller & Söhne GmbH", "Ærø Skibsværft A/S",
    "Łódź Textiles Sp. z o.o.",
    "Çelik Yapı A.Ş.", "Señorita Café S.L.", "Žižkov Pivovar s.r.o.", "Ólafsson Fisheries hf.", "Großhandel Weiß KG",
    "Ναυτιλιακή Αιγαίου Α.Ε.", "Ελαιόλαδο Κρήτης ΟΕ", "ООО «Северный ветер»", "Київські пекарні ТОВ",
    "Софийска печатница ЕООД",
    "Công ty TNHH Phở Hà Nội", "Xưởng Gốm Bát Tràng", "株式会社さくら商事", "東京データ株式会社", "合同会社ひかり",
    "上海云帆科技有限公司", "深圳市明日贸易有限公司", "台北茶葉股份有限公司", "주식회사 한빛", "서울데이터 유한회사",
    "Blue Heron Analytics LLC", "Kestrel Robotics Ltd", "Quarry & Pine", "Ferro Energia S.p.A.",
    "Nørrebro Cykler ApS",
    "Tūrangawaewae Design", "Åland Maritime Ab", "Îles & Océans SAS", "Straße 9 Verlag", "O'Connell, Byrne & Co.",
    "Ida-Viru Põlevkivi OÜ", "Gdańska Stocznia S.A.", "Companhia do Açúcar Lda.", "Întreprinderea Mureș SRL",
    "Dž Trgovina d.o.o.",
)  # fmt: skip
HOSTILE = (
    "<script>alert(1)</script>", '=HYPERLINK("http://x","y")', '"><img src=x onerror=alert(1)>', "{{7*7}}",
    "'; DROP TABLE invoices;--",
    "+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "Zero\u200bWidth & Sons", "Right\u202eot-tfel Ltd",
    "Tab\tand\nnewline GmbH",
)  # fmt: skip
LONG = (
    ("Consolidated Worldwide Amalgamated Holdings and Subsidiaries of the Greater Northern Region, " * 3)[:200],
    ("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3)[:200],
)
PRODUCTS = (
    "API requests", "Compute hours", "Object storage", "Egress", "Seats", "Premium support", "Photo workshop seat",
    "Data retention", "Größere Instanz", "Sauvegarde quotidienne", "Анализ данных", "データ転送", "存储空间",
    "Onboarding", "Audit log export",
)  # fmt: skip
STREETS = ("14 Quai des Belges", "Keizersgracht 99", "1 Main Street", "Hauptstraße 12a", "Calle de Alcalá 45",
           "ул. Ленина, 7",
           "丸の内1-9-1", "Đường Láng 88", "12 Rue de l'Église", "Ermou 31")  # fmt: skip
CITIES = (  # city, state, postal code, country, VAT number's form
    ("Marseille", "PAC", "13001", "FR", "FR########### eu_vat"),
    ("Amsterdam", "NH", "1015 CN", "NL", "NL#########B01 eu_vat"),
    ("München", "BY", "80331", "DE", "DE######### eu_vat"), ("Springfield", "IL", "62701", "US", "##-####### us_ein"),
    ("Madrid", "M", "28014", "ES", "ESB######## eu_vat"), ("東京", "13", "100-0005", "JP", "T############# jp_trn"),
    ("Hà Nội", "HN", "100000", "VN", "########## vn_tin"), ("Αθήνα", "I", "105 63", "GR", "EL######### eu_vat"),
    ("London", "", "EC1A 1BB", "GB", "GB######### gb_vat"), ("المنامة", "", "317", "BH", "############### bh_vat"),
)  # fmt: skip


def company(rng: random.Random, index: int) -> str:
    """A company's name. Of any 20 in a row one is hostile; of any 50 one is 200 characters long."""
    if index % 20 == 13:
        return HOSTILE[index // 20 % len(HOSTILE)]
    if index % 50 == 37:
        return LONG[index // 50 % len(LONG)]
    name = COMPANIES[index % len(COMPANIES)]
    return name if index < len(COMPANIES) else f"{name} {index // len(COMPANIES) + 1}"


def email(name: str, index: int) -> str:
    """An address that fits the name; always ASCII, unique by index, and under a reserved domain."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:24].strip("-") or "billing"
    return f"accounts{index}@{word}.example"


def product(rng: random.Random) -> str:
    return rng.choice(PRODUCTS)


def address(rng: random.Random) -> dict:
    """line1, line2, city, state, postal_code, country, tax_id and tax_id_type."""
    city, state, postal_code, country, tax = rng.choice(CITIES)
    form, tax_id_type = tax.rsplit(" ", 1)
    return {
        "line1": rng.choice(STREETS),
        "line2": rng.choice(("", "", "2nd floor")),
        "city": city,
        "state": state,
        "postal_code": postal_code,
        "country": country,
        "tax_id": "".join(str(rng.randrange(10)) if sign == "#" else sign for sign in form),
        "tax_id_type": tax_id_type,
    }
