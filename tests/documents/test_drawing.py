"""What a reader finds in the PDF that we draw: everything the provider said, exactly, on as many pages as it takes."""

import hashlib
import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pypdf
import pypdfium2
import pytest

from invoicing.documents import sheet as paper_sheet
from invoicing.documents.drawing import draw
from invoicing.providers.snapshots import (
    Address,
    Adjustment,
    CustomerSnapshot,
    LineSnapshot,
    PaymentSnapshot,
    SubLine,
    Tier,
    UnitTotal,
)
from invoicing.vocabulary import Payment, Status
from tests.documents import paper

D = Decimal


def test_says_who_bills_whom_for_what_and_how_much():
    text = paper.text_of(
        paper.an_invoice(
            billed_to=Address(
                name="Acme Robotics, Inc.", lines=("410 Harbor Way", "Oakland, CA"), tax_id="us_ein 12-3456789"
            ),
            po_number="PO-7781",
            subtotal=D("185.40"),
            discounts=(Adjustment(label="Loyalty", amount=D("-4.00"), unit="USD", percentage=D("2.5")),),
            taxes=(Adjustment(label="California Sales Tax", amount=D("14.80"), unit="USD", percentage=D("8.00")),),
            amount_paid=D("37"),
            memo="Thank you.\nSee you soon.",
            notices=("The last payment failed.",),
        )
    )

    assert "Invoice" in text and "NWRBT-00042" in text and "FINALIZED" in text and "UNPAID" in text
    assert "Orb says “issued”" in text
    assert "Northwind Robotics GmbH Hafenstraße 12 20457 Hamburg Germany Tax id DE123456789" in text
    assert "Acme Robotics, Inc. 410 Harbor Way Oakland, CA Tax id us_ein 12-3456789" in text
    assert "Due 31 Jul 2026" in text and "PO number PO-7781" in text
    assert "Service 1 150,000 0.000642 96.30" in text
    assert (
        "Subtotal USD 185.40 Discount: Loyalty 2.5% USD -4.00 California Sales Tax 8% USD 14.80 Total USD 196.20"
        in text
    )
    assert "Paid USD -37.00 Amount due USD 159.20" in text
    assert "Thank you. See you soon." in text and "The last payment failed." in text


def test_days_are_the_providers_days_and_their_zone_is_named():
    invoice = paper.an_invoice(
        timezone="America/Los_Angeles",  # where 02:30 UTC is still the evening before
        period_start=datetime(2026, 6, 1, 7, tzinfo=UTC),
        period_end=datetime(2026, 7, 1, 7, tzinfo=UTC),
    )

    text = paper.text_of(invoice)

    assert "Issued 30 Jun 2026" in text
    assert "Period 1 – 30 Jun 2026" in text
    assert "Time zone America/Los_Angeles" in text
    assert "30 Jun 2026 19:30 UTC-07:00" in text


def test_is_marked_as_our_copy_with_its_source_on_every_page():
    pages = paper.pages_of(paper.drawn(paper.an_invoice(lines=tuple(paper.a_line(i) for i in range(120)))))

    assert len(pages) > 2
    for number, text in enumerate(pages, 1):
        assert "Copy drawn by Invoice Desk" in text
        assert "Orb · iNv0iceIssued001" in text
        assert f"version 3 as of 2 Jul 2026 14:03 UTC · Page {number} of {len(pages)}" in text
    assert "It is not the provider's own document." in " ".join(pages[-1].split())


def test_three_thousand_lines_all_appear_once_under_a_repeated_header():
    lines = tuple(paper.a_line(i, text=f"Line item no. {i:04} of many", amount=D(i) / 1000) for i in range(3000))

    pages = paper.pages_of(paper.drawn(paper.an_invoice(lines=lines)))

    whole = "\n".join(pages)
    assert all(whole.count(f"Line item no. {i:04} of many") == 1 for i in range(3000))
    with_lines = [text for text in pages if "Line item no." in text]
    assert len(with_lines) > 60
    assert all("Description Quantity Unit price (USD) Amount (USD)" in " ".join(text.split()) for text in with_lines)
    assert all("Invoice NWRBT-00042, continued" in text for text in pages[1:])
    assert "2.999" in whole and "0.001" in whole


def test_shows_every_digit_and_the_currencys_own_decimals():
    amounts = {
        "USD": (D("8"), "8.00"),
        "JPY": (D("1500.0"), "1,500"),
        "BHD": (D("1.5"), "1.500"),
        "credits": (D("250.0"), "250"),
    }
    lines = tuple(
        paper.a_line(i, text=f"In {unit}", unit=unit, amount=amount, quantity=None, unit_price=D("0.00050766"))
        for i, (unit, (amount, _)) in enumerate(amounts.items())
    )

    text = paper.text_of(paper.an_invoice(lines=(*lines, paper.a_line(9, text="Tiny", amount=D("-0.000000000123")))))

    for unit, (_, shown) in amounts.items():
        assert f"In {unit} 0.00050766 {unit} {shown} " in text
    assert "-0.000000000123" in text


def test_what_belongs_to_a_line_stands_under_it():
    line = paper.a_line(
        text="API calls",
        group="orders-prod",
        quantity_unit="CALLS",
        sub_lines=(SubLine(text="us-west", quantity=D(90), unit_price=D("0.0008"), amount=D("0.072")),),
        tiers=(Tier(label="100 and above", quantity=D(10), unit_price=D("0.0005"), amount=D("0.005")),),
        adjustments=(Adjustment(label="Launch partner", amount=D("-10.70"), unit="USD", percentage=D(10)),),
        taxes=(Adjustment(label="VAT", amount=D("7.70"), unit="USD", percentage=D("7.7")),),
        facts=(("Meter", "Requests"),),
    )
    shown_only = paper.a_line(1, text="Minimum", counts=False, group="orders-prod")
    alone = paper.a_line(2, text="Support", quantity=None, unit_price=None, amount=None)

    text = paper.text_of(paper.an_invoice(lines=(line, shown_only, alone)))

    assert "orders-prod API calls 150,000 CALLS 0.000642 96.30 Meter: Requests" in text
    assert "us-west 90 0.0008 0.072" in text
    assert "Tier: 100 and above 10 0.0005 0.005" in text
    assert "Launch partner 10% -10.70 Tax: VAT 7.7% 7.70" in text
    assert "Minimum" in text and "not part of the subtotal" in text
    assert "Other charges Support –" in text  # no amount given is not zero


def test_totals_of_several_units_stand_side_by_side_and_are_never_added():
    text = paper.text_of(
        paper.an_invoice(
            provider="cockroachdb",
            number="",
            total=D("1289.4387"),
            amount_due=None,
            further_totals=(UnitTotal(unit="CRDB_CLOUD_CREDITS", amount=D("250.0")),),
            balances=(UnitTotal(unit="CRDB_CLOUD_CREDITS", amount=D("4750.0")),),
        )
    )

    assert "Total USD 1,289.4387 Total CRDB_CLOUD_CREDITS 250 Left in the account CRDB_CLOUD_CREDITS 4,750" in text
    assert "1,539.4387" not in text
    assert "No number, id iNv0iceIssued001" in text


@pytest.mark.parametrize(
    ("subtotal", "credits", "order"),
    [
        (D("233.20"), D("37"), "Subtotal USD 233.20 Credits USD -37.00 Total USD 196.20"),  # the total is after credits
        (D("196.20"), D("37"), "Total USD 196.20 Credits USD -37.00 Amount due USD 159.20"),  # the total is before them
    ],
)
def test_credits_stand_where_the_providers_own_arithmetic_has_them(subtotal, credits, order):
    assert order in paper.text_of(paper.an_invoice(subtotal=subtotal, credits=credits))


def test_payments_are_listed_with_the_providers_word():
    paid = PaymentSnapshot(
        amount=D("171.2"), unit="USD", status="failed", at=datetime(2026, 7, 1, 19, 15, 3, tzinfo=UTC), method="card"
    )

    assert "1 Jul 2026 19:15:03 UTC failed card USD 171.20" in paper.text_of(paper.an_invoice(payments=(paid,)))


@pytest.mark.parametrize(
    ("changes", "said", "mark"),
    [
        ({"status": Status.VOID}, "This invoice was voided. It stays on record and is not to be paid.", "VOID"),
        ({"status": Status.DRAFT, "issued_at": None}, "This is a draft.", "DRAFT"),
        ({"status": Status.SKIPPED}, "It was never issued.", "SKIPPED"),
        ({"status": Status.FINALIZING}, "has not confirmed it yet", "NOT FINAL"),
        ({"livemode": False}, "This is test data. Nothing is owed on it.", "TEST DATA"),
    ],
)
def test_what_is_not_a_plain_invoice_says_so_on_every_page(changes, said, mark):
    pages = paper.pages_of(paper.drawn(paper.an_invoice(**changes, lines=tuple(paper.a_line(i) for i in range(60)))))

    assert said in " ".join(pages[0].split())
    assert all(mark in text for text in pages)


def test_a_finalized_invoice_carries_no_mark():
    text = paper.text_of(paper.an_invoice())

    assert not any(mark in text for mark in ("VOID", "DRAFT", "TEST DATA", "NOT FINAL"))


def test_a_planned_date_is_never_shown_as_issued():
    draft = paper.an_invoice(status=Status.DRAFT, issued_at=None, planned_issue_at=datetime(2026, 8, 1, 8, tzinfo=UTC))

    text = paper.text_of(draft)

    assert "Planned issue 1 Aug 2026" in text and "Issued" not in text.replace("iNv0iceIssued001", "")


def test_our_own_note_stands_on_the_first_page():
    assert (
        "A newer version is known."
        in paper.pages_of(paper.drawn(paper.an_invoice(), note="A newer version is known."))[0]
    )


def test_an_invoice_that_says_next_to_nothing_can_be_drawn():
    bare = paper.an_invoice(
        customer=CustomerSnapshot(external_id="c"),
        total=None,
        amount_due=None,
        number="",
        issued_at=None,
        due_date=None,
        lines=(),
    )

    text = paper.text_of(bare, issuer=None)

    assert "This invoice has no lines." in text and "Not computed" in text and "Total USD –" in text


WORLD = {
    "Greek": "Υπολογιστική ισχύς, ώρες",
    "Cyrillic": "Вычислительные часы, регион «Север»",
    "Vietnamese": "Giờ tính toán: Đường Nguyễn Huệ",
    "Chinese": "计算时间按小时计费含税",
    "Japanese": "コンピューティング時間、東京リージョン",
    "Korean": "컴퓨팅 시간 (서울 리전)",
    "Central European": "Łódź, Škoda, Čeština, Ğüneş, Ţară",
    "signs": "≥ 100,000 → next tier × 2 – 50 % off • €5",
}


@pytest.mark.parametrize("text", WORLD.values(), ids=WORLD)
def test_draws_the_worlds_letters_with_glyphs_of_their_own(text):
    pdf = paper.drawn(paper.an_invoice(lines=(paper.a_line(text=text),)))

    assert text in " ".join(paper.pages_of(pdf)[0].split())
    assert "\ufffd" not in paper.pages_of(pdf)[0]
    page = pypdfium2.PdfDocument(pdf)[0]
    found = page.get_textpage().search(text.split()[0])
    left, bottom, right, top = page.get_textpage().get_charbox(found.get_next()[0])
    ink = page.render(scale=4).to_pil().convert("L")
    height = page.get_height()
    glyph = ink.crop(tuple(int(side * 4) for side in (left, height - top, right, height - bottom)))
    assert min(glyph.tobytes()) < 128 < max(glyph.tobytes())  # something is drawn there, and it is not a block


def test_letters_no_font_covers_become_visible_replacements_and_are_counted():
    text = paper.text_of(paper.an_invoice(lines=(paper.a_line(text="Before שלום after 😀"),)))

    assert "Before \ufffd\ufffd\ufffd\ufffd after \ufffd" in text
    assert "5 different characters of the provider's text cannot be drawn" in text


def test_all_fonts_are_embedded():
    pdf = paper.drawn(
        paper.an_invoice(lines=tuple(paper.a_line(i, text=text) for i, text in enumerate(WORLD.values())))
    )

    fonts = {}
    for page in pypdf.PdfReader(io.BytesIO(pdf)).pages:
        for font in page["/Resources"]["/Font"].values():
            described = font.get_object().get("/DescendantFonts", [font])[0].get_object()
            fonts[described["/BaseFont"]] = described["/FontDescriptor"]["/FontFile2"].get_object().get_data()

    assert len(fonts) == 5
    assert all(program[:4] == b"\0\1\0\0" for program in fonts.values())
    assert b"Helvetica" not in pdf


def test_same_input_same_bytes_in_another_process():
    pdf = paper.drawn(
        paper.an_invoice(lines=tuple(paper.a_line(i, text=text) for i, text in enumerate(WORLD.values())))
    )
    again = (
        "import hashlib, sys; sys.path.insert(0, '.'); from tests.documents import paper\n"
        f"lines = tuple(paper.a_line(i, text=text) for i, text in enumerate({list(WORLD.values())!r}))\n"
        "print(hashlib.sha256(paper.drawn(paper.an_invoice(lines=lines))).hexdigest())"
    )

    for seed in ("0", "7"):
        answer = subprocess.run(
            [sys.executable, "-c", again], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert answer.stdout.strip() == hashlib.sha256(pdf).hexdigest()


HOSTILE = {
    "markup": "<b>unclosed & <img src='/etc/passwd'/> <a href='javascript:x'>&#0;</a>",
    "pdf syntax": "a) Tj ET endstream endobj %%EOF ( \\( \\ <</Type/Catalog>>",
    "controls": "a\x00b\x07c\x1bd\x9be\ud800f",
    "bidi": "invoice \u202egnp.exe\u202c \u2066x\u2069",
    "zero width": "pay\u200b\u200dpal\ufeff\u00ad\u2060",
    "piled marks": "Z" + "\u0335\u0321" * 500,
    "only marks": "\u0300" * 4000,
    "long word": "W" * 200_000,
    "wide word": "株" * 5000,
    "spaces": " \t\u3000\u2003" * 2000,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈" * 50,
    "line ends": "a\r\nb\u2028c\u2029d\x0be",
    "empty": "",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_in_any_field_is_drawn_as_text_inside_the_page(text):
    address = Address(name=text, email=text, phone=text, lines=(text,) * 60, country=text, tax_id=text)
    adjustment = Adjustment(label=text, amount=D(1), unit=text, percentage=D(1), detail=text)
    hostile = paper.an_invoice(
        **dict.fromkeys(
            (
                "external_id",
                "provider_status",
                "number",
                "kind",
                "po_number",
                "memo",
                "subscription_id",
                "replaces",
                "currency",
                "timezone",
            ),
            text,
        ),
        customer=CustomerSnapshot(external_id=text, name=text, reference=text),
        lines=(
            LineSnapshot(
                position=0,
                amount=D(1),
                quantity=D(1),
                unit_price=D(1),
                **dict.fromkeys(("text", "unit", "quantity_unit", "kind", "group"), text),
                facts=((text, text),) * 3,
                sub_lines=(SubLine(text=text),),
                tiers=(Tier(label=text),),
                adjustments=(adjustment,),
                taxes=(adjustment,),
            ),
        ),
        discounts=(adjustment,),
        credit_items=(adjustment,),
        taxes=(adjustment,),
        payments=(PaymentSnapshot(amount=D(1), unit=text, status=text, method=text, external_id=text),),
        billed_to=address,
        billed_by=address,
        further_totals=(UnitTotal(unit=text, amount=D(1)),),
        notices=(text,),
        facts=((text, text),),
        unrecognized=(text,),
        constituents=(text,) * 200,
    )

    pdf = paper.drawn(hostile, note=text)

    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == len(paper.pages_of(pdf)) < 200
    for page in document:
        words = page.get_textpage()
        for index in range(words.count_rects()):
            left, bottom, right, top = words.get_rect(index)
            assert left > 30 and right < paper_sheet.PAGE_WIDTH - 30
            assert bottom > 20 and top < paper_sheet.PAGE_HEIGHT - 20
    seen = "".join(paper.pages_of(pdf))
    assert not set(seen) & set("\u202e\u202c\u2066\u2069\u200b\u200d\ufeff\u00ad\x00\x07\x1b")
    assert "/JavaScript" not in str(pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"])


def test_what_is_cut_says_how_much():
    text = paper.text_of(paper.an_invoice(lines=(paper.a_line(text="W" * 200_000),), memo="m" * 5000))

    assert "… [199,000 more characters]" in text.replace(" ", "").replace(
        "[199,000morecharacters]", " [199,000 more characters]"
    )
    assert "[1,000 more characters]" in text


@pytest.mark.parametrize(
    "amount",
    [
        "123456789012345678901234567890123456789012345678901234.123456789012345678901234567890",
        "1E+999999",
        "-1E-999999",
        "0E-12",
    ],
)
def test_no_figure_is_too_wide_to_be_drawn_whole(amount):
    invoice = paper.an_invoice(
        total=D(amount), lines=(paper.a_line(amount=D(amount), quantity=D(amount), unit_price=D(amount)),)
    )

    text = paper.text_of(invoice)

    shown = {"1E+999999": "1E+999999", "-1E-999999": "-1E-999999", "0E-12": "0.00"}.get(
        amount, "123,456,789,012,345,678,901,234,567,890,123,456,789,012,345,678,901,234.12345678901234567890123456789"
    )
    assert text.count(shown) >= 4


def test_drawing_opens_no_file_but_its_fonts_and_no_connection():
    script = (
        "import sys; sys.path.insert(0, '.'); import importlib, zoneinfo; from tests.documents import paper\n"
        "lines = (paper.a_line(text=\"<img src='/etc/passwd'/> Привет 漢字 한글 http://127.0.0.1/\"),)\n"
        "invoice = paper.an_invoice(lines=lines, timezone='America/Los_Angeles')\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append((event, str(args[0])))\n"
        "  if event in ('open', 'socket.connect', 'socket.getaddrinfo', 'subprocess.Popen', 'os.system') else None)\n"
        "paper.drawn(invoice)\n"
        "print(*sorted({path.rsplit('/', 2)[-2] + '/' + path.rsplit('/', 1)[-1] if event == 'open' else event for event, path in opened\n"
        "  if 'zoneinfo' not in path and not path.endswith(('.py', '.pyc'))}), sep='\\n')"
    )

    answer = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=True
    )

    assert answer.stdout.split() == [
        *(
            "fonts/DroidSansFallbackFull.ttf",
            "fonts/NanumGothic.ttf",
            "fonts/NotoSans-Bold.ttf",
            "fonts/NotoSans-Regular.ttf",
        )
    ]


def test_a_group_goes_on_under_its_name_and_is_never_left_alone_at_the_foot():
    lines = tuple(paper.a_line(i, group=f"cluster-{i // 7}") for i in range(210))

    for text in paper.pages_of(paper.drawn(paper.an_invoice(lines=lines))):
        shown = [row for row in text.splitlines() if row.startswith(("cluster-", "Service "))]
        assert not shown or not shown[-1].startswith("cluster-")
        assert not shown or shown[0].startswith("cluster-")  # its own heading, or the former one continued


def test_the_file_tells_what_it_is():
    information = pypdf.PdfReader(io.BytesIO(paper.drawn(paper.an_invoice()))).metadata

    assert information.title == "Invoice NWRBT-00042"
    assert information.subject == "Copy drawn by Invoice Desk from version 3 of Orb's invoice iNv0iceIssued001"
    assert information.author == "Northwind Robotics GmbH"
    assert information.creation_date == paper.AS_OF


def test_two_threads_draw_at_once_what_each_draws_alone():
    from concurrent.futures import ThreadPoolExecutor

    invoices = [
        paper.an_invoice(lines=(paper.a_line(text=text * (1 + n % 3)),)) for n, text in enumerate([*WORLD.values()] * 6)
    ]
    alone = [paper.drawn(invoice) for invoice in invoices]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(paper.drawn, invoices)) == alone


def test_another_version_another_document():
    invoice = paper.an_invoice()

    assert paper.drawn(invoice, version=3) != paper.drawn(invoice, version=4)
    assert paper.drawn(invoice) != paper.drawn(replace(invoice, payment_status=Payment.PAID))
    assert draw(invoice, issuer=None, version=3, as_of=paper.AS_OF, note="") != paper.drawn(invoice)
