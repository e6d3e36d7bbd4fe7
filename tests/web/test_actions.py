"""Asking for an action: the consequences first, a reason, one operation however often it is sent, and never a call."""

import re

import pytest

from invoicing.models import Attempt, AuditEntry, Invoice, Job, Operation
from tests.web.mirrored import HOSTILE, body, changed, everywhere, mirrored
from tests.web.test_invoice import text_of

SAY = {"reason": "Billed twice"}


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def issued(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


@pytest.fixture(autouse=True)
def no_wire(monkeypatch):
    """A page that called a provider would fail here."""
    from invoicing.providers.http import Wire

    def call(*_, **__):
        raise AssertionError("A provider was called from a page.")

    monkeypatch.setattr(Wire, "call", call)


def address(invoice, verb="void"):
    return f"/invoices/{invoice.pk}/actions/{verb}/"


def hidden(html: str) -> dict:
    """The token and the version that a rendered form carries."""
    found = dict(re.findall(r'name="(token|seen)" value="([^"]*)"', html))
    assert set(found) == {"token", "seen"}
    return found


def opened(client, invoice, verb="void") -> dict:
    return hidden(client.get(address(invoice, verb)).content.decode())


def test_the_card_says_what_moves_and_what_will_not(signed_in, issued):
    html = signed_in.get(address(issued)).content.decode()
    said = text_of(html)

    money, change, never = (said.index(words) for words in ("What will happen", "What changes", "What will not happen"))
    assert change < never
    assert money < said.index("25.00 USD goes back to the customer's Orb balance") < change
    assert said.index("Nothing is refunded to a card") > never
    assert "Void NWRBT-00042" in said


def test_paid_and_prepaid_money_is_stated_before_the_button(signed_in, connection_to):
    connection = connection_to("flexprice")
    connection.facts = {"generation": "B"}
    connection.save()
    payload = changed(body("flexprice_invoice_get"), invoice_status="FINALIZED", payment_status="SUCCEEDED")
    payload |= {"amount_paid": "40.00", "total_prepaid_credits_applied": "10.00", "amount_remaining": "0"}
    paid = mirrored(connection, payload)

    html = signed_in.get(address(paid)).content.decode()

    assert f"50.00 {paid.currency} is credited to the customer's prepaid wallet" in text_of(html)
    assert html.index("50.00") < html.index('id="do-it"')
    assert 'name="typed"' in html, "where money goes back the number is typed"


def test_a_request_is_stored_and_nothing_is_sent(signed_in, operator, issued):
    answer = signed_in.post(
        address(issued), {**opened(signed_in, issued), "reference": " TICKET-7 ", **SAY}, REMOTE_ADDR="192.0.2.7"
    )

    operation = Operation.objects.get()
    assert answer.url == f"/operations/{operation.pk}/"
    assert (operation.verb, operation.invoice, operation.requester) == ("void", issued, operator)
    assert (operation.reason, operation.reference) == ("Billed twice", "TICKET-7")
    assert operation.seen["version"] == 1
    assert not Attempt.objects.exists()
    assert Job.objects.get().task == "invoicing.operations.tasks.dispatch_operation"
    assert AuditEntry.objects.get(action="void.requested").ip == "192.0.2.7"


def test_a_suggested_reason_is_enough_and_words_add_to_it(signed_in, issued):
    form = opened(signed_in, issued)
    signed_in.post(address(issued), {**form, "suggested": "Wrong amount", "reason": "Seats counted twice"})

    assert Operation.objects.get().reason == "Wrong amount: Seats counted twice"


def test_only_what_was_suggested_counts_as_suggested(signed_in, issued):
    answer = signed_in.post(address(issued), {**opened(signed_in, issued), "suggested": "Because"})

    assert answer.status_code == 422
    assert not Operation.objects.exists()


def test_a_missing_reason_is_asked_for_and_what_was_typed_is_kept(signed_in, issued):
    form = opened(signed_in, issued)

    answer = signed_in.post(address(issued), {**form, "reason": "   ", "reference": "TICKET-7"})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Say why." in html and 'value="TICKET-7"' in html and 'aria-invalid="true"' in html
    assert hidden(html) == form, "the form stays the same form"
    assert not Operation.objects.exists()


def test_the_same_form_sent_twice_is_one_operation(signed_in, issued):
    form = {**opened(signed_in, issued), **SAY}

    first, second = signed_in.post(address(issued), form), signed_in.post(address(issued), form)

    assert Operation.objects.count() == 1
    assert first.url == second.url
    assert Job.objects.count() == 1


def test_two_forms_for_one_invoice_are_one_operation(signed_in, issued):
    one, other = opened(signed_in, issued), opened(signed_in, issued)
    assert one["token"] != other["token"]
    signed_in.post(address(issued), {**one, **SAY})

    answer = signed_in.post(address(issued), {**other, **SAY})

    operation = Operation.objects.get()
    assert answer.status_code == 422
    assert "under way" in answer.content.decode() and f"/operations/{operation.pk}/" in answer.content.decode()


def test_a_forms_token_serves_its_own_invoice_alone(signed_in, issued):
    form = {**opened(signed_in, issued), **SAY}
    signed_in.post(address(issued), form)
    other = mirrored(issued.connection, changed(body("orb_invoice_issued"), id="an0ther"))

    answer = signed_in.post(address(other), form)

    assert answer.status_code == 422 and "used for something else already" in answer.content.decode()
    assert Operation.objects.count() == 1


@pytest.mark.parametrize("token", ["", "x" * 32, "A" * 32, "0" * 31, "../" + "0" * 29])
def test_a_forged_token_is_no_form_of_ours(signed_in, issued, token):
    answer = signed_in.post(address(issued), {"token": token, "seen": "1", **SAY})

    assert answer.status_code == 422 and "no longer valid" in answer.content.decode()
    assert not Operation.objects.exists()


def test_an_invoice_that_changed_meanwhile_is_shown_again_first(signed_in, issued):
    form = {**opened(signed_in, issued), **SAY}
    mirrored(issued.connection, changed(body("orb_invoice_issued"), amount_due="100.00"))

    answer = signed_in.post(address(issued), form)

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "changed after this form was opened" in html
    assert "159.20 USD → became 100.00 USD" in text_of(html)
    assert "Billed twice" in html and not Operation.objects.exists()

    again = signed_in.post(address(issued), {**hidden(html), **SAY})
    assert again.status_code == 302 and Operation.objects.get().seen["version"] == 2


def test_a_large_amount_wants_the_number_typed(signed_in, issued, settings):
    settings.DESK_TYPED_CONFIRMATION = "196.20"
    form = {**opened(signed_in, issued), **SAY}

    for typed in ("", "NWRBT-0004", "nwrbt-00042"):
        answer = signed_in.post(address(issued), {**form, "typed": typed})
        assert answer.status_code == 422 and "exactly as it stands" in answer.content.decode()
    assert not Operation.objects.exists()

    assert signed_in.post(address(issued), {**form, "typed": " NWRBT-00042 "}).status_code == 302

    settings.DESK_TYPED_CONFIRMATION = "196.21"
    small = mirrored(issued.connection, changed(body("orb_invoice_issued"), id="small"))
    assert 'name="typed"' not in signed_in.get(address(small)).content.decode()


def test_a_negative_amount_is_large_too(signed_in, issued, settings):
    settings.DESK_TYPED_CONFIRMATION = "100"
    Invoice.objects.filter(pk=issued.pk).update(total="-100.00")

    assert 'name="typed"' in signed_in.get(address(issued)).content.decode()


def test_a_forbidden_verb_shows_its_reason_and_offers_no_form(signed_in, connection_to):
    draft = mirrored(connection_to("orb"), body("orb_invoice_draft"))

    html = signed_in.get(address(draft)).content.decode()

    assert "Orb voids issued invoices only." in text_of(html)
    assert 'id="do-it"' not in html
    menu = text_of(signed_in.get(f"/invoices/{draft.pk}/").content.decode())
    assert "Not possible now" in menu and "Orb voids issued invoices only." in menu


def test_a_forbidden_verb_posted_anyway_is_refused_and_audited(signed_in, connection_to):
    bill = mirrored(connection_to("cockroachdb"), body("cockroachdb_invoice"))

    answer = signed_in.post(address(bill), {"token": "0" * 32, "seen": "1", **SAY})

    assert answer.status_code == 422 and "only reads" in answer.content.decode()
    assert not Operation.objects.exists() and not Job.objects.exists()
    assert AuditEntry.objects.get(action="void.not_requested").reason == "Billed twice"


def test_a_viewer_may_not_act_and_learns_what_is_missing(client, person, issued):
    client.force_login(person("viewer"))

    looked = client.get(address(issued))
    assert looked.status_code == 403 and "needs the role" in text_of(looked.content.decode())
    assert "needs the role" in text_of(client.get(f"/invoices/{issued.pk}/").content.decode())

    asked = client.post(address(issued), {"token": "0" * 32, "seen": "1", **SAY})
    assert asked.status_code == 403
    assert not Operation.objects.exists() and not Job.objects.exists()
    assert AuditEntry.objects.get(action="void.not_requested").actor.email.startswith("viewer")


def test_whoever_may_not_see_it_finds_no_action(client, person, issued):
    client.force_login(person())

    assert client.get(address(issued)).status_code == 404
    assert client.post(address(issued), {"token": "0" * 32, "seen": "1", **SAY}).status_code == 404
    assert not AuditEntry.objects.exists()


def test_a_verb_that_nobody_knows(signed_in, issued):
    assert signed_in.get(address(issued, "explode")).status_code == 404


def test_no_field_of_an_operation_can_be_set_from_outside(signed_in, operator, issued, person):
    other = person("controller")
    forged = {
        "state": "succeeded",
        "requester": other.pk,
        "requester_id": other.pk,
        "external_id": "else",
        "connection": "99",
        "call_class": "R",
        "key": "mine",
        "settled_by": "person",
        "arguments": '{"a": 1}',
        "verb": "regenerate_pdf",
        "amount": "0.01",
    }

    signed_in.post(address(issued), {**opened(signed_in, issued), **SAY, **forged})

    operation = Operation.objects.get()
    assert (operation.state, operation.requester, operation.verb) == ("approved", operator, "void")
    assert (operation.external_id, operation.arguments, operation.settled_by) == ("iNv0iceIssued001", {}, "")
    assert operation.call_class == "K" and operation.key != "mine"


def test_a_request_needs_the_token_of_the_site(operator, issued):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator)

    assert strict.post(address(issued), {"token": "0" * 32, "seen": "1", **SAY}).status_code == 403
    assert not Operation.objects.exists()


def test_hostile_text_stays_text(signed_in, connection_to):
    invoice = mirrored(connection_to("orb"), everywhere(body("orb_invoice_issued"), HOSTILE))
    form = {**opened(signed_in, invoice), "reason": HOSTILE, "reference": HOSTILE, "typed": HOSTILE}

    for html in (
        signed_in.get(address(invoice)).content.decode(),
        signed_in.post(address(invoice), {**form, "token": "bad"}).content.decode(),
        signed_in.post(address(invoice), form, follow=True).content.decode(),
    ):
        assert "<script>alert" not in html and "<img src=x" not in html
        assert "&lt;script&gt;" in html
    assert Operation.objects.get().reason == HOSTILE.strip()


def test_a_switched_off_connection_is_asked_nothing(signed_in, issued):
    form = {**opened(signed_in, issued), **SAY}
    issued.connection.enabled = False
    issued.connection.save()

    answer = signed_in.post(address(issued), form)

    assert answer.status_code == 422 and "switched off" in answer.content.decode()
    assert not Operation.objects.exists()


def test_arguments_are_asked_for_kept_and_stored_exactly(signed_in, connection_to):
    draft = mirrored(connection_to("orb"), body("orb_invoice_draft"))
    form = {**opened(signed_in, draft, "add_line"), **SAY}
    line = {"name": "Setup", "amount": "1,000", "start_date": "2026-08-01", "end_date": "2026-08-31"}

    wrong = signed_in.post(address(draft, "add_line"), {**form, **line})
    html = wrong.content.decode()
    assert wrong.status_code == 422 and "without thousands separators" in html
    assert 'value="Setup"' in html and 'value="2026-08-01"' in html and not Operation.objects.exists()

    signed_in.post(address(draft, "add_line"), {**form, **line, "amount": "1000.10", "state": "succeeded"})

    operation = Operation.objects.get()
    assert operation.arguments == {**line, "amount": "1000.10"}
    assert operation.state == "approved"


def test_in_two_tabs_the_second_keeps_what_was_written_though_it_can_no_longer_be_sent(signed_in, issued):
    first, second = opened(signed_in, issued), opened(signed_in, issued)
    signed_in.post(address(issued), {**first, **SAY})

    late = signed_in.post(address(issued), {**second, "reason": "Seats counted <twice>", "reference": "TICKET-9"})

    said = text_of(late.content.decode())
    assert late.status_code == 422 and "Void is under way" in said
    assert (
        "What you had written" in said and "Seats counted &lt;twice&gt;" in late.content.decode() and "TICKET-9" in said
    )
    assert Operation.objects.count() == 1


def test_nothing_is_asked_of_what_the_provider_no_longer_has(signed_in, issued):
    form = opened(signed_in, issued)
    Invoice.objects.filter(pk=issued.pk).update(gone_at="2026-03-01T00:00:00Z")

    answer = signed_in.post(address(issued), {**form, "reason": "Billed twice"})

    said = text_of(answer.content.decode())
    assert answer.status_code == 422 and "Orb no longer has this invoice." in said and "Billed twice" in said
    assert not Operation.objects.exists()


def test_a_day_in_the_past_and_a_line_on_an_issued_invoice_are_refused_in_words(signed_in, connection_to, issued):
    metronome = connection_to("metronome")
    draft = mirrored(metronome, body("metronome_invoice_draft"))
    past = {**opened(signed_in, draft, "move_issue_date"), **SAY, "issue_date": "2020-01-01"}

    html = signed_in.post(address(draft, "move_issue_date"), past).content.decode()
    assert "This day is past" in html and 'value="2020-01-01"' in html and "Billed twice" in html
    refused = text_of(signed_in.get(address(issued, "add_line")).content.decode())
    assert "Lines can be added to drafts only; this invoice is issued" in refused
    assert not Operation.objects.exists()


def test_a_one_off_starts_from_the_invoices_customer(signed_in, connection_to):
    invoice = mirrored(connection_to("orb"), body("orb_invoice_issued"))
    html = signed_in.get(address(invoice, "create_invoice")).content.decode()
    assert f"One-off invoice for {invoice.customer}" in text_of(html)
    given = {"currency": "USD", "lines": "Setup | 2 | 50.5", "item_id": "item1", "invoice_date": "2026-12-01"}

    answer = signed_in.post(address(invoice, "create_invoice"), {**hidden(html), **SAY, **given})

    operation = Operation.objects.get()
    assert answer.url == f"/operations/{operation.pk}/"
    assert operation.invoice is None and operation.external_id == invoice.customer.external_id
    assert operation.arguments["lines"] == [{"text": "Setup", "quantity": "2", "unit_price": "50.5"}]
    assert signed_in.get(answer.url).status_code == 200
    assert signed_in.get("/operations/").status_code == 200
    again = signed_in.post(address(invoice, "create_invoice"), {**hidden(html), **SAY, **given})
    assert again.url == answer.url and Operation.objects.count() == 1


def test_what_only_reads_has_a_page_of_its_own_and_is_no_operation(signed_in, connection_to):
    invoice = mirrored(connection_to("orb"), body("orb_invoice_issued"))

    upcoming = signed_in.get(address(invoice, "upcoming"))
    assert f"/ask/{invoice.connection_id}/subscription/upcoming/" in upcoming.url
    assert signed_in.get(upcoming.url).status_code == 200
    assert not Operation.objects.exists()


def test_every_verb_has_a_page_for_every_provider(signed_in, connection_to):
    """Offered or refused, it is said in words, never with an error."""
    from invoicing.operations.registry import VERBS

    examples = {
        "orb": "orb_invoice_draft",
        "metronome": "metronome_invoice_draft",
        "flexprice": "flexprice_invoice_get",
        "cockroachdb": "cockroachdb_invoice",
        "checkout_page": "checkoutpage_invoice",
    }
    for provider, example in examples.items():
        invoice = mirrored(connection_to(provider), body(example))
        for verb in (verb for verb in VERBS.values() if not verb.reads_only):
            html = signed_in.get(address(invoice, verb.key)).content.decode()
            assert ('id="do-it"' in html) != ("is not possible now" in html), (provider, verb.key)
