"""Every text of the screens has its German and its Japanese; what is kept, and what a machine reads, has one language."""

import io
import re

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.http import QueryDict
from django.urls import reverse
from django.utils import translation

from invoicing.exports.asked import Wanted, in_words
from invoicing.exports.making import make
from invoicing.listing.filters import InvoiceFilters
from invoicing.management import wording
from invoicing.models import AuditEntry, Preferences
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import CannotRequest, Wish, request_operation
from invoicing.vocabulary import Direction, OperationState, Payment, Status
from invoicing.web.sentences import said
from tests.factories import make_invoice
from tests.web.pages import read

pytestmark = pytest.mark.django_db
LANGUAGES = ("de", "ja")
SCREENS = (
    "*.html", "account/*", "action/*", "approvals/*", "batches/*", "customer/*", "customers/*", "errors/*", "exports/*",
    "home/*", "invoice/*", "invoices/*", "operation/*", "operations/*", "palette/*", "preferences/*", "views/*",
)  # fmt: skip
PLACES = re.compile(r"%\(\w+\)[sd]")
TAGS = re.compile(r"</?\w+")


@pytest.fixture(params=LANGUAGES)
def catalog(request):
    with wording.catalog_path(request.param).open("rb") as file:
        return read_po(file, locale=request.param)


@pytest.fixture(params=LANGUAGES)
def speaker(request, client, operator):
    """A browser of somebody who reads that language."""
    Preferences.objects.create(user=operator, language=request.param)
    client.force_login(operator)
    client.language = request.param
    return client


def spoken(message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def test_the_screens_say_nothing_that_is_not_translated(catalog):
    missing = [
        text
        for text in wording.of_templates(SCREENS)
        if not (found := catalog.get(text if isinstance(text, str) else text[0])) or not wording.is_said(found)
    ]
    assert missing == [], "make words gathers them; then say them in locale/"


def test_what_verbs_and_statuses_are_called_is_translated(catalog):
    texts = [text for verb in VERBS.values() for text in (verb.name, verb.done, verb.summary)]
    assert [text for text in texts if not (found := catalog.get(text)) or not found.string] == []
    with translation.override(str(catalog.locale)):
        for kind in (Status, Payment, OperationState):
            assert [each.value for each in kind if str(each.label) == each.value.replace("_", " ").capitalize()] == []


def test_a_translation_has_the_same_places_and_the_same_tags(catalog):
    different = [
        message.id
        for message in catalog
        if message.id and wording.is_said(message) and not all(_alike(message.id, text) for text in spoken(message))
    ]
    assert different == []


def _alike(source: str | tuple[str, str], text: str) -> bool:
    sources = (source,) if isinstance(source, str) else source
    return any(
        sorted(PLACES.findall(each)) == sorted(PLACES.findall(text))
        and sorted(TAGS.findall(each)) == sorted(TAGS.findall(text))
        for each in sources
    )


def test_what_is_compiled_is_what_is_written(catalog):
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    assert wording.catalog_path(str(catalog.locale)).with_suffix(".mo").read_bytes() == compiled.getvalue()


def test_the_list_speaks_and_its_machine_values_do_not(speaker, world, march):
    answer = speaker.get("/receivables/?columns=number,status,payment,due,total,left&amount_min=1.5&currency=USD")
    page, html = read(answer), answer.content.decode()

    assert page.one("html").attributes["lang"] == answer["Content-Language"] == speaker.language
    words = {
        "de": (
            "Fällig",
            "Überfällig",
            "Festgeschrieben",
            "Teilweise bezahlt",
            "Offen",
            "01.04.2026",
            "100,50",
        ),
        "ja": ("支払期日", "期限超過", "確定", "一部支払", "未払額", "2026/04/01", "100.50"),
    }[speaker.language]
    assert [word for word in words if word not in page.text] == []
    assert 'datetime="2026-04-01"' in html and 'value="1.5"' in html
    assert not {"Due", "Overdue", "Finalized", "Left to pay", "Customer"} & set(page.text.split())


def test_a_status_and_an_action_of_one_english_word_are_two_words(speaker, world):
    status, action = {"de": ("Storniert", "Stornieren"), "ja": ("無効", "無効化")}[speaker.language]
    with translation.override(speaker.language):
        assert str(Status.VOID.label) == status
        assert said(VERBS["void"].name) == action


def test_the_invoice_and_the_action_page_speak(speaker, world):
    invoice = world["open"]
    refused = {"de": "Orb storniert nur ausgestellte Rechnungen", "ja": "Orbで無効化できるのは発行済みの請求書だけです"}
    page = read(speaker.get(f"/invoices/{invoice.pk}/"))
    assert {"de": "Aktionen", "ja": "操作"}[speaker.language] in page.text
    assert not {"Actions", "Customer", "Total", "Summary"} & set(page.text.split())

    page = read(speaker.get(reverse("action", args=[world["open"].pk, "void"])))
    assert page.one("html").attributes["lang"] == speaker.language
    texts = {"de": "Storniert die Rechnung endgültig.", "ja": "請求書を完全に無効化します。"}
    assert texts[speaker.language] in page.text or refused[speaker.language] in page.text
    assert "Nothing is refunded" not in page.text


def test_a_refusal_is_said_in_the_readers_language_and_kept_in_english(speaker, operator, orb):
    invoice = make_invoice(orb, payment=Payment.PAID)
    why = VERBS["finalize"].refusal(invoice)
    with translation.override(speaker.language), pytest.raises(CannotRequest) as refused:
        request_operation(Wish(verb="finalize", invoice=invoice, by=operator, reason="Once more", token="a" * 32))
    assert str(refused.value) == why
    assert AuditEntry.objects.get(action="finalize.not_requested").facts["why"] == why

    with translation.override(speaker.language):
        assert said(why) != why
        german = "Nur ein Entwurf lässt sich festschreiben; ihr Status ist „Bezahlt“."
        japanese = "確定できるのは下書きだけです。これは「支払済」です。"
        told = said("Only a draft can be finalized; this one is paid.")
        assert told == {"de": german, "ja": japanese}[speaker.language]
        assert said("Acme says: Only a draft") == "Acme says: Only a draft"


def test_a_text_that_is_not_ours_stays_as_it_is():
    for text in ("", "Acme & Söhne", "Zahlung 17", "A paid invoice of somebody"):
        with translation.override("de"):
            assert said(text) == text


def test_one_file_for_every_reader(world):
    """A file is read by programs and compared by its hash: its words and figures do not depend on who asked for it."""
    files = {}
    for language in ("en", *LANGUAGES):
        out = io.BytesIO()
        with translation.override(language):
            make(Wanted(format="csv", query="status=void&status=finalized"), out)
            words = in_words(
                InvoiceFilters(
                    QueryDict("status=void&overdue=on"), direction=Direction.RECEIVABLE, connections=[], reach=None
                )
            )
        files[language] = (out.getvalue(), words)
    assert files["de"] == files["ja"] == files["en"]
    assert b"7.125" in files["de"][0] and "Status: Void" in files["de"][1]
