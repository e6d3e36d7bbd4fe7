"""The page of what each provider allows is drawn from the verbs; these are the cells one would be sorry to get wrong."""

import pytest

from invoicing.operations.capabilities import matrix, standings
from invoicing.operations.registry import VERBS
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import CallClass

pytestmark = pytest.mark.django_db


@pytest.fixture
def cell():
    """cell("orb", "void", "issued") is the capability; a server's name narrows where there are several."""
    every = matrix()

    def find(provider, verb, words, server="August"):
        found = [
            each
            for each in every
            if (each.provider.key, each.verb.key, each.standing.words) == (provider, verb, words)
            and (server in each.server or "server" not in each.server)
        ]
        assert len(found) == 1, found
        return found[0]

    return find


def test_every_verb_has_a_cell_in_every_status_and_every_refusal_says_why():
    found = matrix()
    for provider in PROVIDERS.values():
        words = {each.words for each in standings(provider)}
        for verb in VERBS.values():
            cells = [each for each in found if each.provider is provider and each.verb is verb]
            assert {each.standing.words for each in cells} == (words if verb.starts_from == "invoice" else {""})
            for each in cells:
                assert each.offered or each.refusal.endswith((".", ")")), each
                if each.offered:
                    assert each.endpoint and each.call.call_class


@pytest.mark.parametrize(
    ("provider", "verb", "words", "call_class"),
    [
        ("orb", "void", "issued", "K"),
        ("orb", "mark_paid", "synced", "K"),
        ("orb", "update", "paid", "S"),
        ("orb", "remove_line", "draft", "S"),
        ("orb", "pay", "issued", "K"),
        ("metronome", "void_and_replace", "FINALIZED", "K"),
        ("metronome", "move_issue_date", "DRAFT", "K"),
        ("flexprice", "void", "FINALIZED / SUCCEEDED", "G"),
        ("flexprice", "recalculate", "DRAFT / PENDING", "U"),
        ("flexprice", "void_and_replace", "VOIDED / PENDING", "U"),
        ("flexprice", "attempt_payment", "FINALIZED / FAILED", "U"),
        ("flexprice", "record_payment_status", "DRAFT / PENDING", "S"),
        ("flexprice", "trigger_communication", "SKIPPED / PENDING", "V"),
        ("flexprice", "create_invoice", "", "K"),
        ("checkout_page", "regenerate_pdf", "paid", "S"),
    ],
)
def test_what_is_offered_and_what_makes_it_safe(cell, provider, verb, words, call_class):
    found = cell(provider, verb, words)
    assert found.offered, found.refusal
    assert found.call.call_class == CallClass(call_class)


@pytest.mark.parametrize(
    ("provider", "verb", "words", "says"),
    [
        ("orb", "void", "draft", "issued first"),
        ("orb", "void", "paid", "credit note"),
        ("orb", "void", "synced", "cancelled there"),
        ("orb", "add_line", "issued", "drafts only"),
        ("metronome", "finalize", "DRAFT", "finalizes drafts by itself"),
        ("metronome", "regenerate_invoice", "FINALIZED", "Void it first"),
        ("flexprice", "void", "FINALIZED / REFUNDED", "refunded"),
        ("flexprice", "finalize", "SKIPPED / PENDING", "nothing to bill"),
        ("flexprice", "add_line", "DRAFT / PENDING", "only by recalculating"),
        ("flexprice", "attempt_payment", "DRAFT / PENDING", "finalized invoices only"),
        ("cockroachdb", "void", "FINALIZED", "read"),
        ("checkout_page", "pay", "open", "does not offer"),
    ],
)
def test_what_is_refused_and_why(cell, provider, verb, words, says):
    found = cell(provider, verb, words)
    assert not found.offered and says in found.refusal


def test_what_recalculate_means_decides_what_is_offered(cell):
    assert (
        cell("flexprice", "recalculate", "DRAFT / PENDING", "January").endpoint
        == "POST /invoices/{invoice_id}/recalculate"
    )
    assert cell("flexprice", "recalculate", "DRAFT / PENDING", "August").endpoint.endswith("recalculate-v2")
    for verb, words in (("recalculate", "DRAFT / PENDING"), ("void_and_replace", "FINALIZED / PENDING")):
        assert "is not known" in cell("flexprice", verb, words, "not known").refusal
    assert "drafts only" in cell("flexprice", "void_and_replace", "FINALIZED / PENDING", "January").refusal
    assert "pending or failed" in cell("flexprice", "void", "FINALIZED / SUCCEEDED", "January").refusal


def test_payables_can_be_asked_for_nothing():
    assert not any(each.offered for each in matrix() if each.provider.key == "cockroachdb")
