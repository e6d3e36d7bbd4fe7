"""Rows for changes whose fault lasts until somebody mends it: no way there, wrong certificates, reads that lie, keys, people."""

import threading
import time
from urllib.parse import urlsplit, urlunsplit

from django.db import connection as database

from invoicing.mirror.refresh import mirror_new
from invoicing.models import Connection, Incident, Operation
from invoicing.operations import ghosts
from invoicing.operations.requesting import CannotRequest, cancel
from invoicing.providers.errors import ProviderError
from tests.matrix.faults import (
    DEADLINE,
    Fault,
    after_the_change,
    applied,
    by_answer_or_reading,
    change,
    nothing_was_sent,
    reads,
    refused,
    silent,
)
from tests.matrix.place import QUIET
from tests.matrix.strangers import OneGuest, SilentPort

LASTS = {"lasts": True, "meanwhile": nothing_was_sent}


def about_an_invoice(case) -> str:
    return (
        ""
        if case.verb.starts_from == "invoice"
        else "It starts from a customer: nothing of it is read before it is sent."
    )


# ---- no way there


def lead(to) -> dict:
    """Let the connection lead elsewhere; `to(cell)` gives (scheme, host, port) or something with a port to close."""

    def prepare(cell):
        there = to(cell)
        if not isinstance(there, tuple):
            cell.marks["there"] = there
            there = ("http", "127.0.0.1", there.port)
        _move(cell, *there)

    def heal(cell):
        if there := cell.marks.pop("there", None):
            there.close()
        parts = urlsplit(cell.place.sandbox.url)
        _move(cell, parts.scheme, parts.hostname, parts.port)

    return {"prepare": prepare, "heal": heal, **LASTS}


def _move(cell, scheme: str, host: str, port: int) -> None:
    connection = Connection.objects.get(pk=cell.target.connection.pk)
    connection.base_url = urlunsplit((scheme, f"{host}:{port}", urlsplit(connection.base_url).path, "", ""))
    connection.set_api_key(cell.place.sandbox.connections[cell.case.connection]["api_key"])  # a key belongs to its host
    connection.save()


def tls(**certificate):
    def there(cell):
        listener = cell.marks["there"] = cell.place.authority.listener(**certificate)
        return "https", "localhost", listener.port

    return lead(there)


def plain_port(cell):
    return "https", "127.0.0.1", urlsplit(cell.place.sandbox.url).port


def door(cell):
    return OneGuest(urlsplit(cell.place.sandbox.url).port)


def one_read_only(case) -> str:
    """Whether all that is read before the change goes over one connection, so that the door shuts right before it."""
    return about_an_invoice(case) or ("It fetches a document first." if case.verb.key == "regenerate_pdf" else "")


NO_WAY = [
    Fault("F1", "refused", **lead(lambda cell: ("http", "127.0.0.1", 1))),
    Fault("F1", "no such name", **lead(lambda cell: ("http", "nobody.invalid", 80))),
    Fault("F1", "connect timeout", **lead(lambda cell: SilentPort())),
    Fault("F1", "gone between the read and the change", applies=one_read_only, **lead(door)),
    Fault("F26", "unknown authority", **tls(known=False)),
    Fault("F26", "expired", **tls(days=-1)),
    Fault("F26", "certificate of another", **tls(name="other.example")),
    Fault("F26", "plain text on the TLS port", **lead(plain_port)),
]


# ---- what is read right before it is sent


STATUS = {"orb": "status", "flexprice": "invoice_status", "metronome": "status", "checkout_page": "status"}
TOTAL = {"orb": "total", "flexprice": "total", "metronome": "total", "checkout_page": "amount"}


def of_provider(rule, fields: dict, **more):
    return lambda cell: rule(field=fields[cell.case.provider], **more)(cell)


def has_total(case) -> str:
    return about_an_invoice(case)


BEFORE = [
    Fault("F15", "status unknown in the read before", reads(fault="unknown_status"), refused, applies=about_an_invoice),
    Fault("F16", "status missing in the read before", of_provider(reads, STATUS, fault="drop_field"), applies=about_an_invoice, **LASTS),
    Fault("F16", "status null in the read before", of_provider(reads, STATUS, fault="set_field", value=None), applies=about_an_invoice, **LASTS),
    Fault("F16", "id missing in the answer", change(fault="drop_field", field="id"), by_answer_or_reading),
    Fault("F18", "total is 1e400", of_provider(reads, TOTAL, fault="set_field", raw="1e400"), applies=has_total, **LASTS),
    Fault("F18", "total is NaN", of_provider(reads, TOTAL, fault="set_field", raw="NaN"), applies=has_total, **LASTS),
    Fault("F42", "changed by somebody else before it is sent", of_provider(reads, TOTAL, fault="set_field", raw="98765425"),
          refused, applies=has_total),
]  # fmt: skip


# ---- the server means something else by it than it did


def ambiguous(case) -> str:
    """Only where the same address means two things on two servers."""
    both = case.provider == "flexprice" and case.verb.key in ("recalculate", "void_and_replace")
    return "" if both else "Its address means the same on every server we know."


def another_server(cell):
    """The question that tells the two servers apart is answered as the other one answers it."""
    early = "2026-01" in cell.case.connection
    no_route = {"body": "404 page not found", "content_type": "text/plain"}
    nobody = {"body": {"success": False, "error": {"message": "invoice not found"}}}
    path = {"method": "POST", "path": "/invoices/*/recalculate-v2", "times": None}
    return [{**path, "fault": "status", "status": 404, **(nobody if early else no_route)}]


ANOTHER = [
    Fault(
        "F19", "another server answers at the same address", another_server, refused, lasts=True, applies=ambiguous,
        felt=lambda cell: not cell.current.open, alone="connection",
        meanwhile=lambda cell: ["SENT to a server that may mean another thing"] if cell.attempts().exists() else [],
    ),
]  # fmt: skip


# ---- what is read back


def cannot_tell(cell) -> list[str]:
    fine = ("unknown", "accepted", "needs_person")
    return [] if cell.current.state in fine else [f"{cell.current.state}, though nothing could be read"]


def quiet_has_passed(cell) -> bool:
    """Several looks failed, and the quiet time is over: absence would be concluded by now, if it could be."""
    looks = [seen for seen in cell.current.evidence if "verdict" in seen]
    last = cell.current.quiet_at
    return len(looks) >= 3 and last is not None and cell.seconds_since(last) > 0.5


def can_be_read_back(case) -> str:
    if case.call_class == "V":
        return "It cannot be read back."
    return "Its own answer is the proof." if case.verb.answer_proves else ""


AFTER, BEFORE_IT = change(fault="drop_after"), change(fault="drop_before")
BLIND = {"lasts": True, "felt": quiet_has_passed, "meanwhile": cannot_tell, "applies": can_be_read_back}
READ_BACK = [
    Fault("F29", "500", after_the_change(AFTER, reads(fault="status", status=500)), applied, **BLIND),
    Fault("F29", "403", after_the_change(AFTER, reads(fault="status", status=403)), applied, **BLIND),
    Fault("F29", "HTML", after_the_change(AFTER, reads(fault="wrong_type")), applied, **BLIND),
    Fault("F29", "404 by a stranger", after_the_change(BEFORE_IT, reads(fault="status", status=404, body="no such page", content_type="text/plain")), silent, **BLIND),
    Fault("F29", "malformed, nothing applied", after_the_change(BEFORE_IT, reads(fault="malformed")), silent, **BLIND),
    Fault("F29", "stale once", after_the_change(AFTER, reads(fault="stale", times=1)), applied, alone="connection", applies=can_be_read_back),
]  # fmt: skip


# ---- the network, keys, clocks


NETWORK = [
    Fault("F30", "delivered twice", change(fault="repeat_request"), by_answer_or_reading, doubles_by_itself=True),
    Fault("F43", "key revoked", reads(fault="status", status=401), applies=about_an_invoice, **LASTS),
    Fault("F43", "key refused for the change", change(fault="status", status=401), refused),
    Fault("F43", "key without the right", change(fault="status", status=403), refused),
    Fault("F3", "effect just within the quiet time", change(fault="delay", seconds=DEADLINE + QUIET * 0.7, late=True), applied),
]  # fmt: skip


# ---- an effect that comes when nobody waits for it any more

AFTER_ALL = DEADLINE + QUIET + 6.0


def comes_late(case) -> set[str]:
    """Sent again where that cannot double; called absent otherwise, unless it came while somebody still looked."""
    return silent(case) | {"succeeded"}


def not_there_yet(cell) -> bool:
    if "heard" not in cell.marks and cell.hits():
        cell.marks["heard"] = time.monotonic()
    return time.monotonic() < cell.marks.get("heard", cell.until) + AFTER_ALL + 1


def nothing_is_noticed(cell) -> list[str]:
    """What was called absent and came all the same is an incident as soon as the mirror has seen it."""
    if cell.state != "not_done" or cell.case.verb.key == "recalculate":
        return []  # providers compute drafts by themselves: a newer total proves nothing
    invoice = cell.target.invoice
    mirror_new(invoice.connection, invoice.external_id, handles=invoice.handles)
    ghosts.scan()
    return [] if Incident.objects.filter(operation=cell.operation).exists() else ["it came late, and nobody is told"]


LATE = [
    Fault(
        "F42", "the effect comes after all", change(fault="delay", seconds=AFTER_ALL, late=True), comes_late,
        prepare=lambda cell: ghosts.scan() and None, still=not_there_yet, also=nothing_is_noticed, done_by_others=True,
    ),
]  # fmt: skip


# ---- people


def beside(cell, *work) -> list:
    """Do all of it at the same moment, each in a thread; what each came to."""
    results, start = [None] * len(work), threading.Barrier(len(work))

    def run(number, what):
        start.wait()
        try:
            results[number] = what()
        except (CannotRequest, ProviderError) as error:
            results[number] = error
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def one_form_five_times(cell):
    found = {
        getattr(each, "pk", each)
        for each in beside(cell, *[lambda: cell.ask(token=f"form {cell.target.connection.pk}")] * 5)
    }
    if len(found) != 1:
        cell.problems.append(f"one form made {found}")
    return cell.ask(token=f"form {cell.target.connection.pk}")


def two_people(cell):
    """The second is refused and shown the first; where the first had ended by then, it was not at once."""
    results = beside(cell, cell.ask, lambda: cell.ask(by=cell.place.second))
    made = sorted((each for each in results if isinstance(each, Operation)), key=lambda each: each.created_at)
    said = [each for each in results if isinstance(each, CannotRequest)]
    if len(made) == 2:
        made[0].refresh_from_db()
        if made[0].open or made[0].finished_at > made[1].created_at:
            cell.problems.append(f"two people asked at once, and both were taken: {results}")
    elif len(said) != 1:
        cell.problems.append(f"two people asked at once: {results}")
    elif said[0].existing is None or said[0].existing.pk != made[0].pk:
        cell.problems.append("the one who came second is not shown what runs")
    return made[0]


def called_back_at_once(cell):
    operation = cell.ask()
    beside(cell, lambda: cancel(operation, by=cell.place.second), lambda: None)
    return operation


PEOPLE = [
    Fault("F37", "one form five times", asks=one_form_five_times),
    Fault("F38", "two people at once", asks=two_people, applies=about_an_invoice),
    Fault(
        "F39", "called back while it is taken", ends=lambda case: {"cancelled", "succeeded"}, asks=called_back_at_once
    ),
]
LASTING = [*NO_WAY, *BEFORE, *ANOTHER, *READ_BACK, *NETWORK, *LATE, *PEOPLE]
