"""Every page there is, light and dark, on a desktop and on a phone: what axe finds, what sticks out, what is fetched.

The pages are those of the table of addresses: a new one that is in neither SAMPLES nor NOT_PAGES fails here.
"""

import json
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from invoicing.models import AuditEntry, Export, Invoice, WorkerBeat
from invoicing.operations import approving, customer_links, questions
from invoicing.operations.targets import starting
from tests import everything
from tests.access.table import ACCOUNTS, SIGNED_IN, TABLE
from tests.factories import make_customer, make_invoice
from tests.web.browser.conftest import AXE, DESKTOP, PHONE
from tests.web.mirrored import body, changed, mirrored

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NOT_PAGES = {  # files, answers to a program, parts of a page that are swapped in, what only leads on
    *("start", "palette", "peek", "operation_state", "invoice_job", "batch_progress", "document", "export_file"),
    *("connection", "zen"),
    *("export_summary", "batch_receipt_csv", "batch_receipt_json", "duties_file", "review_evidence"),
    *("healthz", "readyz"),
}
ALONE = {"people", "person_add", "person", "roles", "role", "connection_issuer"}  # for who may approve nothing
OWN = {  # pages of one's own account; the others of django-allauth are steps between them
    *("account_change_password", "mfa_index", "mfa_activate_totp", "usersessions_list", "account_reauthenticate"),
}
OVERLAYS = {  # what opens over the list → how, and what is to be seen then
    "the palette": (lambda page: page.keyboard.press("Control+k"), "dialog[open]"),
    "the keys": (lambda page: page.keyboard.press("?"), "dialog[open]"),
    "a peek": (lambda page: (page.keyboard.press("j"), page.keyboard.press("p")), "#peek h2"),
    "the columns": (lambda page: page.locator("#choose-columns").click(), "#menu-columns[open]"),
    "the files": (lambda page: page.keyboard.press("e"), "#menu-export[open]"),
    "the bar": (lambda page: page.locator("#pick-page").check(), "#bulk"),
}

WATCH = """
window.moved = [];
new PerformanceObserver(list => { for (const each of list.getEntries())
  window.moved.push([each.value, ...each.sources.map(it => it.node?.id || it.node?.className || it.node?.nodeName || '')]);
}).observe({type: 'layout-shift', buffered: true});
"""


@pytest.fixture
def made(connection_to, person, settings, tmp_path, transactional_db):
    """One of everything: who looks, and name of an address → what it is opened with, arguments and the rest of the address."""
    settings.DESK_EXPORTS, settings.DATA, settings.MEDIA_ROOT = tmp_path / "exports", tmp_path, tmp_path / "files"
    cache.clear()
    WorkerBeat.objects.create(name="w", seen_at=timezone.now())
    orb, flexprice = connection_to("orb"), connection_to("flexprice")
    flexprice.facts = {"generation": "B"}
    flexprice.save()
    operator, controller, other = person("operator"), person("controller", "auditor"), person("controller")
    payload = body("orb_invoice_issued")
    issued = [mirrored(orb, changed(payload, id=f"inv_{at}", invoice_number=f"ORB-{at:03}")) for at in range(12)]
    mirrored(orb, changed(payload, id="inv_0", invoice_number="ORB-000", total="9.00"))
    long = make_invoice(orb, number="N" * 60, total="12345678901234.1234567891", customer="Donaudampfschifffahrt" * 4)
    whom = starting("customer", flexprice, mirrored(flexprice, body("flexprice_invoice_get")).customer.external_id)
    running = everything.batch_of(issued[1:3], by=operator, confirmed=True)
    _, draft = everything.policies(controller, other)
    rehearsed, selected = (
        everything.batch_of(issued[each], by=controller, confirmed=how)
        for each, how in ((slice(3, 5), False), (slice(5, 7), None))
    )
    waiting, mine = everything.asked_for(issued[7], by=operator), everything.asked_for(issued[8], by=controller)
    asked = mine.approval_request
    everything.files(controller)
    Invoice.objects.filter(pk=issued[8].pk).update(total="250.00")
    approving.check(asked)  # the seal breaks
    stuck = everything.stuck(issued[9], operator)
    bill = mirrored(connection_to("cockroachdb"), body("cockroachdb_invoice"))
    draft_invoice = mirrored(connection_to("metronome"), body("metronome_invoice_draft"))
    lost, unreplaced = everything.unknown(issued[0], operator), everything.unreplaced(draft_invoice, operator)
    orb.last_error, orb.last_error_at = "Orb does not accept the key for this.", timezone.now()
    orb.save()
    customer_links.link(issued[0].customer, make_customer(flexprice, "Twin"), by=operator, reason="Same company")
    Export.objects.create(requested_by=controller, format="jsonl", state="failed", error="x" * 300)
    everything.stands_in(controller, other)
    everything.reviewed(issued[6:8], by=operator)
    question = questions.pose("customer_summary", whom, by=controller, token="one", reason="For a call")
    customer = {"connection_id": orb.pk, "kind": "customer", "external_id": issued[0].customer.external_id}
    asking = {
        "connection_id": flexprice.pk,
        "kind": "customer",
        "verb": "customer_summary",
        "external_id": whom.external_id,
    }
    tabs = ("lines", "documents", "review", "history", "activity", "raw", "provider")
    return (controller, person("access admin", "sync admin")), {
        "receivables": [
            ({}, ""),
            ({}, "?q=nothing-is-called-that"),
            ({}, "?total_from=x"),
            ({}, "?status=x"),
            ({}, "?columns=number"),
        ],
        "view": [({"slug": everything.view(controller).slug}, "")],
        "invoice": [({"pk": issued[0].pk}, f"?tab={tab}" if tab else "") for tab in ("", *tabs)]
        + [({"pk": each.pk}, "") for each in (long, issued[10])]
        + [({"pk": bill.pk}, "?tab=lines"), ({"pk": draft_invoice.pk}, "")],
        "action": [({"pk": each.pk, "verb": "void"}, "") for each in (issued[11], issued[7], bill)]
        + [({"pk": draft_invoice.pk, "verb": "move_issue_date"}, "")],
        "unreadable_record": [({"pk": everything.unreadable(orb).pk}, "")],
        "incident": [({"pk": everything.incident(issued[10]).pk}, "")],
        "start_from": [(customer, "")],
        "ask": [(asking, "")],
        "asked": [({"job_id": question}, "")],
        "customer": [({"pk": each.customer_id}, "") for each in (issued[0], long)],
        "operation": [({"pk": each.pk}, "") for each in (waiting, stuck, lost)],
        "operation_settle": [({"pk": each.pk}, "") for each in (stuck, unreplaced)],
        "batch": [({"pk": each.pk}, "") for each in (running, rehearsed, selected)],
        "batch_receipt": [({"pk": running.pk}, "")],
        "approval": [({"pk": each.pk}, "") for each in (waiting.approval_request, asked)],
        "approval_rework": [({"pk": asked.pk}, "")],
        **{name: [({"number": draft.number}, "")] for name in ("policy", "policy_edit", "policy_trial")},
        "connection_issuer": [({"pk": orb.pk}, "")],
        "person": [({"pk": operator.pk}, "")],
        **{name: [({"pk": issued[6].pk}, "")] for name in ("review", "zen_item", "invoice_comments")},
        "operation_comments": [({"pk": waiting.pk}, "")],
        "audit_entry": [({"sequence": AuditEntry.objects.get(action="policy.published").sequence}, "")],
        "role": [({"pk": Group.objects.get(name="viewer").pk}, "")],
        "capabilities": [({}, "?server=orb")],
    }


def addresses(samples, alone):
    """Every page as (name, address), for who may approve or for who may set up."""
    for name, row in TABLE.items():
        if row.get is None or name in NOT_PAGES or (name in ALONE) != alone:
            continue
        assert name in samples or not row.about, f"{name}: add it to the samples, or to what is no page"
        for arguments, rest in samples.get(name, [({}, "")]):
            yield name, reverse(name, kwargs=arguments) + rest
    if not alone:
        yield from ((name, reverse(name)) for name in sorted(ACCOUNTS[SIGNED_IN]) if name in OWN)
        yield "404", "/nowhere/"


class Looking:
    """What is wrong with what a page shows, in every width and theme, without loading it again."""

    def __init__(self, page):
        self.page, self.wrong = page, []

    def _axe(self, where, only):
        asked = {"runOnly": only, "resultTypes": ["violations"]}
        found = self.page.evaluate(f"axe.run(document, {json.dumps(asked)}).then(r => r.violations)")
        self.wrong += [f"{where}: {each['id']} {[node['target'] for node in each['nodes']][:3]}" for each in found]

    def at(self, name, *, turned=False):
        """Everything axe knows on a desktop in the light; then what can differ on a phone in the dark: colors and the size
        of targets. `turned`: the other way round, dark on the desktop and light on the phone.
        """
        page, themes = self.page, ("dark", "light") if turned else ("light", "dark")
        page.evaluate(AXE)
        for theme, width, wide in zip(themes, (DESKTOP, PHONE), ("desktop", "phone"), strict=True):
            page.set_viewport_size(width)
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            self._axe(f"{name}, {wide}, {theme}", RULES if width == DESKTOP else ["color-contrast", "target-size"])
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            self.wrong += [f"{name}, {wide}: {over} px wider than the screen"] if over > 0 else []
        page.set_viewport_size(DESKTOP)


def test_every_page_is_accessible_and_fits_in_every_width_and_theme(made, open_page, live_server):
    people, samples = made
    wrong, elsewhere, loose = [], set(), set()
    for alone, who in enumerate(people):
        page = open_page("/preferences/", person=who)
        page.on("request", lambda asked: urlsplit(asked.url).netloc in live_server.url or elsewhere.add(asked.url))
        looking = Looking(page)
        for number, (name, address) in enumerate(list(addresses(samples, bool(alone)))):
            answer = page.goto(address)
            if answer.status not in (200, 404 if name == "404" else 200):
                wrong.append(f"{name} {address}: {answer.status}")
            strict = answer.headers.get("content-security-policy", "")
            if "default-src 'self'" not in strict or "unsafe" in strict:
                loose.add(f"{name}: {strict}")
            looking.at(f"{name} {address}", turned=number % 2 == 1)
        wrong += looking.wrong
    assert not wrong, "\n".join(wrong)
    assert not elsewhere and not loose


@pytest.fixture
def listed(connection_to, transactional_db):
    orb = connection_to("orb")
    return [make_invoice(orb, number=f"ORB-{at:03}", total="12345678901234.5678", due="7") for at in range(30)]


def test_what_opens_over_the_list_too(listed, open_page):
    page = open_page("/receivables/")
    looking = Looking(page)
    for name, (open_it, shown) in OVERLAYS.items():
        page.goto("/receivables/")
        open_it(page)
        page.locator(shown).first.wait_for()
        looking.at(name)
        looking.at(name, turned=True)
    assert not looking.wrong, "\n".join(looking.wrong)


def test_nothing_moves_while_one_works(listed, open_page):
    """How far things move, as browsers measure it; 0.1 is what one begins to feel. Of what follows a click browsers count
    nothing; here it counts, so that a chip may grow by a word and a table may not jump.
    """
    page = open_page("/preferences/")
    page.context.add_init_script(WATCH)
    moved = {}

    def measured(what, *, most=0.05):
        page.wait_for_timeout(150)
        found = page.evaluate("() => window.moved.splice(0)")
        if sum(far for far, *_ in found) >= most:
            moved[what] = found

    page.goto("/receivables/?rows=25")
    measured("a list", most=0.02)
    page.locator("#page-on").click()
    page.wait_for_url("**after=**")
    measured("a page turned")
    page.locator("#tab-open").click()
    page.wait_for_url("**status=finalized**")
    measured("a filter")
    page.goto(reverse("invoice", args=[listed[0].pk]))
    measured("an invoice", most=0.02)
    page.get_by_role("link", name="Activity").click()
    page.wait_for_url("**tab=activity**")
    measured("a tab of an invoice")
    assert moved == {}
