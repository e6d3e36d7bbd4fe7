"""Pictures of every page, for docs/screens: `python -m tests.screenshots`, or with names of pages for those alone.

Starts a desk of its own beside the sandbox, lets things happen in it, and looks with Chromium. For Japanese names install
Debian's fonts-noto-cjk. `--desk http://127.0.0.1:8000 --data data` takes a desk that runs already (things happen in it, too).
"""

import argparse
import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent.parent
TO = HERE / "docs" / "screens"
DESKTOP, PHONE = {"width": 1440, "height": 680}, {"width": 390, "height": 844}
COLORS = 48
SETTINGS = {"DESK_BATCH_CANCEL_SECONDS": "0", "DESK_QUIET_SECONDS": "3", "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def a_desk():
    """A desk with the sandbox's data, alone in a folder that is thrown away: its address and its folder."""
    data = tempfile.mkdtemp(prefix="desk-pictures-")
    port, sandbox = free_port(), free_port()
    command = [sys.executable, "-m", "invoicing.starting", "--port", str(port), "--sandbox-port", str(sandbox)]
    running = subprocess.Popen(command, cwd=HERE, env=os.environ | SETTINGS | {"DESK_DATA": data})
    try:
        wait_for(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close() is None, 300)
        yield f"http://127.0.0.1:{port}", data
    finally:
        running.terminate()
        running.wait(30)
        shutil.rmtree(data, ignore_errors=True)


def wait_for(found, seconds: float = 60):
    """What `found` gives once it gives something. Errors: TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if it := found():
                return it
        time.sleep(0.3)
    raise TimeoutError("What the pictures should show did not happen.")


def happen() -> dict[str, str]:
    """What has happened in the desk, done by its people and its worker: the objects the pages are about."""
    from invoicing.bulk.outcomes import standing_of
    from invoicing.models import AuditEntry, Connection, Export, Invoice, Operation, User
    from tests import everything

    person = {each.email.partition("@")[0]: each for each in User.objects.all()}
    operator, reviewer, controller = (person[each] for each in ("operator", "reviewer", "controller"))
    second = User.objects.create_user(
        username="grace@desk.example", email="grace@desk.example", first_name="Grace", last_name="Lindqvist"
    )
    second.groups.set(controller.groups.all())
    for who, first, last in ((operator, "Mara", "Okafor"), (reviewer, "Jonas", "Weber"), (controller, "Elif", "Aydın")):
        User.objects.filter(pk=who.pk).update(first_name=first, last_name=last)

    invoices = Invoice.objects.select_related("connection", "customer").order_by("-listed_on", "-pk")
    owed = invoices.filter(
        status="finalized", payment_status="unpaid", outstanding=True, customer__name__regex=r"^[^<=+@-]"
    )
    orb, flexprice = (Connection.objects.filter(provider=each).first() for each in ("orb", "flexprice"))
    to_void = list(owed.filter(connection=orb).exclude(total=None)[:16])
    done = everything.asked_for(to_void[0], by=operator)
    running = everything.batch_of(to_void[1:6], by=operator, confirmed=True)
    wait_for(lambda: Operation.objects.get(pk=done.pk).state == "succeeded")
    wait_for(lambda: standing_of(running).succeeded == running.size)
    _, draft = everything.policies(controller, second)
    rehearsed = everything.batch_of([*to_void[6:9], to_void[0]], by=operator, confirmed=False)
    selected = everything.batch_of(to_void[9:11], by=operator, confirmed=None)
    waiting = everything.asked_for(to_void[11], by=operator)
    everything.asked_for(list(owed.filter(connection=flexprice))[0], by=controller)
    stuck = everything.stuck(to_void[12], operator)
    found = everything.incident(to_void[13])
    unreadable = everything.unreadable(orb)
    everything.stands_in(controller, second)
    everything.files(operator)
    view = everything.view(operator)
    wait_for(lambda: Export.objects.filter(state="ready").exists())
    everything.reviewed(to_void[6:9], by=operator)
    shown = owed.filter(connection=orb).exclude(pk__in=[each.pk for each in to_void]).first() or to_void[14]
    entry = AuditEntry.objects.filter(action="policy.published").last()
    payable = Invoice.objects.filter(connection__direction="payable").first()
    return {
        "operator": operator, "reviewer": reviewer, "controller": controller, "access-admin": person["access-admin"],
        "invoice": shown.pk, "voided": to_void[0].pk, "payable": payable.pk, "customer": shown.customer_id,
        "operation": done.pk, "waiting": waiting.pk, "approval": waiting.approval_request.pk, "batch": running.pk,
        "rehearsed": rehearsed.pk, "selected": selected.pk, "policy": draft.number, "incident": found.pk,
        "stuck": stuck.pk, "unreadable": unreadable.pk, "view": view.slug, "viewer": person["viewer"].pk,
        "connection": orb.pk, "reviewed": to_void[6].pk, "entry": entry.sequence,
    }  # fmt: skip


PAGES = {  # file → what it shows, its address, who looks
    "home": ("Home: what needs you now, what is owed, how old it is", "/", "operator"),
    "receivables": ("The list of receivables", "/receivables/", "operator"),
    "filtered": ("Filtered, in groups, with totals per currency",
                 "/receivables/?status=finalized&group=customer&sort=due&order=asc", "operator"),
    "payables": ("Bills to you stand in a list of their own", "/payables/", "operator"),
    "no-match": ("Nothing matches: what to take away", "/receivables/?q=nothing+is+called+that&status=void", "operator"),
    "invoice": ("An invoice", "/invoices/{invoice}/", "operator"),
    "invoice-lines": ("Its lines", "/invoices/{invoice}/?tab=lines", "operator"),
    "invoice-documents": ("Its documents", "/invoices/{voided}/?tab=documents", "operator"),
    "invoice-history": ("Its versions, and what changed between them", "/invoices/{voided}/?tab=history", "operator"),
    "invoice-activity": ("Who did what", "/invoices/{voided}/?tab=activity", "operator"),
    "invoice-raw": ("What the provider sent", "/invoices/{invoice}/?tab=raw", "operator"),
    "invoice-provider": ("What its provider can do", "/invoices/{invoice}/?tab=provider", "operator"),
    "payable": ("A bill", "/invoices/{payable}/", "operator"),
    "void": ("Before anything is sent: what it will do, and what it will not", "/invoices/{invoice}/actions/void/", "operator"),
    "operation": ("An operation from its request to the proof", "/operations/{operation}/", "operator"),
    "operation-waiting": ("One that waits for approval", "/operations/{waiting}/", "operator"),
    "settle": ("An outcome that nobody could read back, settled by two", "/operations/{stuck}/settle/", "controller"),
    "operations": ("The ledger of operations", "/operations/", "operator"),
    "queue": ("What has to be reviewed", "/queue/", "reviewer"),
    "zen": ("One review at a time, by keyboard", "/queue/zen/{reviewed}/", "reviewer"),
    "invoice-review": ("The review of an invoice", "/invoices/{reviewed}/?tab=review", "reviewer"),
    "review-rules": ("Rules of review", "/queue/rules/", "controller"),
    "audit": ("The audit trail", "/audit/", "controller"),
    "audit-entry": ("One entry of it, and that the chain holds", "/audit/{entry}/", "controller"),
    "audit-verify": ("Whether the chain holds", "/audit/verify/", "controller"),
    "evidence": ("Evidence packs", "/audit/evidence/", "controller"),
    "approvals": ("Approvals", "/approvals/", "reviewer"),
    "approval": ("Deciding: what is signed", "/approvals/{approval}/", "reviewer"),
    "batch-selected": ("Many at once: why", "/batches/{selected}/", "operator"),
    "batch-rehearsed": ("The rehearsal: which ones can, which cannot and why", "/batches/{rehearsed}/", "operator"),
    "batch": ("A batch and the outcome of each row", "/batches/{batch}/", "operator"),
    "batch-receipt": ("Its receipt", "/batches/{batch}/receipt/", "operator"),
    "batches": ("Batches", "/batches/", "operator"),
    "exports": ("Files", "/exports/", "operator"),
    "views": ("Saved views", "/views/", "operator"),
    "customers": ("Customers", "/customers/", "operator"),
    "customer": ("A customer over all providers", "/customers/{customer}/", "operator"),
    "fetch": ("Fetching one invoice by its id", "/invoices/fetch/", "operator"),
    "start": ("What starts from a customer", "/start/{connection}/customer/{customer_id}/", "operator"),
    "incidents": ("Incidents", "/incidents/", "controller"),
    "incident": ("An incident: something no operation explains", "/incidents/{incident}/", "controller"),
    "unreadable": ("Records that could not be read, kept whole", "/unreadable/", "operator"),
    "unreadable-record": ("One of them", "/unreadable/{unreadable}/", "operator"),
    "connections": ("Connections and their syncs", "/connections/", "operator"),
    "jobs": ("Jobs", "/jobs/", "operator"),
    "switches": ("Switches: stopping a provider, a verb or everything", "/switches/", "controller"),
    "capabilities": ("What each provider can do", "/capabilities/", "operator"),
    "statuses": ("What the words mean", "/statuses/", "operator"),
    "policies": ("Policies of approval", "/policies/", "controller"),
    "policy": ("A draft beside what is in force", "/policies/{policy}/", "controller"),
    "policy-edit": ("Editing rules", "/policies/{policy}/edit/", "controller"),
    "policy-trial": ("What a draft would have asked for", "/policies/{policy}/trial/", "controller"),
    "delegations": ("Standing in", "/delegations/", "controller"),
    "people": ("People", "/people/", "access-admin"),
    "person": ("What one person may do, and how far", "/people/{viewer}/", "access-admin"),
    "roles": ("Roles", "/people/roles/", "access-admin"),
    "duties": ("Duties that should not meet in one person", "/people/duties/", "access-admin"),
    "setup": ("Setting up", "/setup/", "access-admin"),
    "preferences": ("Preferences", "/preferences/", "operator"),
    "keys": ("Keys", "/preferences/keys/", "operator"),
    "sign-in": ("Signing in", "/accounts/login/", ""),
    "not-found": ("An address that leads nowhere", "/nowhere/", "operator"),
}  # fmt: skip
ON_A_PHONE = ("home", "receivables", "invoice", "void", "operation", "approval", "batch", "customer")


def look(desk: str, things: dict, names: list[str]) -> None:
    from django.conf import settings
    from django.test import Client
    from playwright.sync_api import sync_playwright

    from invoicing.models import Invoice

    things["customer_id"] = Invoice.objects.get(pk=things["invoice"]).customer.external_id
    program = os.environ.get("DESK_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for who in dict.fromkeys(page[2] for page in PAGES.values()):
            context = chromium.new_context(base_url=desk, viewport=DESKTOP, reduced_motion="reduce")
            if who:
                client = Client()
                client.force_login(things[who])
                cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
                context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": desk}])
            page = context.new_page()
            for name in names:
                if PAGES[name][2] == who:
                    pictures(page, name, PAGES[name][1].format(**things))
            context.close()
        chromium.close()


def pictures(page, name: str, address: str) -> None:
    """Light and dark; of some also as a phone shows them."""
    page.set_viewport_size(DESKTOP)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    for width, ending in ((DESKTOP, ""), (PHONE, "-phone")):
        if ending and name not in ON_A_PHONE:
            continue
        page.set_viewport_size(width)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.wait_for_timeout(100)
            small(page.screenshot(), TO / f"{name}{ending}-{theme}.png")


def small(png: bytes, path: Path) -> None:
    """With a palette of the colors that fill it and of those that stand out, so that neither is bent."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    common = sorted(picture.getcolors(1 << 24), reverse=True)[: COLORS // 2]
    apart = picture.quantize(COLORS - len(common), Image.Quantize.MAXCOVERAGE).getpalette()[
        : 3 * (COLORS - len(common))
    ]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(part for _count, color in common for part in color), *apart])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def book() -> str:
    """docs/screens.md: every page in both themes."""
    told = ["# Every page", "", "Made by `python -m tests.screenshots` from the sandbox's data.", ""]
    for name, (caption, _, _) in PAGES.items():
        told += [f"## {caption}", "", "| light | dark |", "|---|---|"]
        for ending in ("", "-phone") if name in ON_A_PHONE else ("",):
            cells = (f"![{caption}, {theme}](screens/{name}{ending}-{theme}.png)" for theme in ("light", "dark"))
            told.append(f"| {' | '.join(cells)} |")
        told.append("")
    return "\n".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots")
    parser.add_argument("names", nargs="*", choices=[*PAGES, []], metavar="page")
    parser.add_argument("--desk", help="the address of a desk that runs already")
    parser.add_argument("--data", help="its DESK_DATA")
    asked = parser.parse_args()
    TO.mkdir(parents=True, exist_ok=True)
    with contextlib.nullcontext((asked.desk, asked.data)) if asked.desk else a_desk() as (desk, data):
        os.environ |= SETTINGS | {"DESK_DATA": data, "DJANGO_SETTINGS_MODULE": "invoicing.settings"}
        import django

        django.setup()
        look(desk, happen(), asked.names or list(PAGES))
    (HERE / "docs" / "screens.md").write_text(book())
    print(
        f"{len(list(TO.glob('*.png')))} pictures, {sum(each.stat().st_size for each in TO.glob('*.png')) / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
