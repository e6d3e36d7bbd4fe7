"""The audit trail: append-only, each entry holding the former one's hash. Triggers refuse update and delete."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.models import audit_key
from invoicing.models.approval import ApprovalRequest
from invoicing.models.connection import Connection
from invoicing.models.customer import Customer
from invoicing.models.invoice import Invoice
from invoicing.models.operation import Operation

GENESIS = "0" * 64
LOCK = 7_301_942  # the advisory lock under which PostgreSQL appends
FIRST, UNSEALED, SEALED = 1, 2, 3  # how an entry is hashed; the first scheme knew neither outcome nor subject


class Outcome(models.TextChoices):
    """How it ended, where that is no plain success."""

    REFUSED = "refused", _("Refused")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Outcome unknown")


ENDED = {
    **dict.fromkeys(("refused", "not_requested", "held_back", "more_refused"), Outcome.REFUSED),
    **dict.fromkeys(("failed", "not_answered", "not_sent", "broken"), Outcome.FAILED),
    "unknown": Outcome.UNKNOWN,
}
"""The second half of an action → how it ended."""


def outcome_of(action: str) -> str:
    return str(ENDED.get(action.rpartition(".")[2], ""))


def subject_of(target: str) -> tuple[int | None, int | None, int | None]:
    """Our ids of the connection, customer and invoice a target belongs to; None where there is none."""
    kind, _colon, key = target.partition(":")
    if not key:
        return None, None, None
    if kind in ("customer", "subscription") and ":" in key:  # what an operation without an invoice starts from
        return (*_first(Connection.objects.filter(name=key.partition(":")[0]), "pk"), None, None)
    ways = {
        "invoice": (Invoice, ("connection_id", "customer_id", "pk")),
        "operation": (Operation, ("connection_id", "invoice__customer_id", "invoice_id")),
        "approval": (ApprovalRequest, ("operation__connection_id", "operation__invoice__customer_id", "operation__invoice_id")),
        "customer": (Customer, ("connection_id", "pk")),
        "connection": (Connection, ("pk",)),
    }  # fmt: skip
    if kind not in ways or not (key.isdecimal() or kind == "operation"):
        return None, None, None
    model, columns = ways[kind]
    found = _first(model.objects.filter(pk=key), *columns)
    return (*found, None, None)[:3]


def _first(rows: models.QuerySet, *columns: str) -> tuple:
    return rows.values_list(*columns).first() or (None,) * len(columns)


class AuditManager(models.Manager):
    def record(
        self, action: str, *, actor=None, target: str = "", reason: str = "", correlation=None, ip: str = "", **facts
    ):
        """Append one entry in the caller's transaction, so that it stands or falls with the change it speaks of.

        `facts` are JSON-ready: before, after, why.
        """
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            last = self.order_by("-sequence").values_list("sequence", "hash").first() or (0, GENESIS)
            of_connection, of_customer, of_invoice = subject_of(target)
            entry = AuditEntry(
                sequence=last[0] + 1,
                at=timezone.now(),
                actor=actor,
                actor_name=str(actor) if actor else "Invoice Desk",
                ip=ip,
                action=action,
                target=target,
                reason=reason,
                correlation=str(correlation or ""),
                facts=facts,
                outcome=outcome_of(action),
                of_connection=of_connection,
                of_customer=of_customer,
                of_invoice=of_invoice,
                scheme=SEALED if settings.DESK_AUDIT_KEYS else UNSEALED,
                previous_hash=last[1],
            )
            entry.hash = entry.computed_hash()
            entry.seal = audit_key.seal(entry.hash)
            entry.save(force_insert=True)
        return entry


class AuditEntry(models.Model):
    """Who did what to which record, why, and how it ended."""

    sequence = models.BigIntegerField(primary_key=True)  # without gaps, from 1
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    actor_name = models.CharField(max_length=200)
    ip = models.CharField(max_length=45, blank=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=120, blank=True)  # "invoice:42", "connection:3"
    reason = models.TextField(blank=True)
    correlation = models.CharField(max_length=36, blank=True)
    facts = models.JSONField(default=dict)
    outcome = models.CharField(max_length=10, choices=Outcome, db_default="")  # "" is plainly done
    of_connection = models.BigIntegerField(
        null=True
    )  # our ids, so that a trail can be asked for by them; no foreign keys:
    of_customer = models.BigIntegerField(null=True)  # what was recorded outlasts what it was about
    of_invoice = models.BigIntegerField(null=True)
    scheme = models.SmallIntegerField(db_default=FIRST)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    seal = models.CharField(max_length=64, db_default="")  # over the hash, with a key the database does not know
    objects = AuditManager()

    class Meta:
        ordering = ["sequence"]
        indexes = [
            models.Index(fields=["target", "sequence"], name="audit_target"),
            models.Index(fields=["correlation"], name="audit_correlation"),
            models.Index(fields=["actor", "sequence"], name="audit_actor"),
            models.Index(fields=["action", "sequence"], name="audit_action"),
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["of_connection", "sequence"], name="audit_connection"),
            models.Index(
                fields=["of_customer", "sequence"], condition=models.Q(of_customer__isnull=False), name="audit_customer"
            ),
            models.Index(
                fields=["of_invoice", "sequence"], condition=models.Q(of_invoice__isnull=False), name="audit_invoice"
            ),
            models.Index(fields=["outcome", "sequence"], condition=~models.Q(outcome=""), name="audit_outcome"),
        ]

    def __str__(self):
        return f"entry {self.sequence}: {self.action}"

    def content(self) -> str:
        """The digest of everything an entry says, without what links it to the one before."""
        return content_digest(
            self.scheme,
            self.sequence,
            self.at if isinstance(self.at, datetime) else datetime.fromisoformat(self.at),
            self.actor_id,
            *(self.actor_name, self.ip, self.action, self.target, self.reason, self.correlation),
            self.facts,
            *(self.outcome, self.of_connection, self.of_customer, self.of_invoice, self.previous_hash),
        )

    def computed_hash(self) -> str:
        return linked(self.scheme, self.previous_hash, self.content())


def content_digest(
    scheme, sequence, at, actor, actor_name, ip, action, target, reason, correlation, facts, outcome, of_connection,
    of_customer, of_invoice, previous_hash,
) -> str:  # fmt: skip
    """SHA-256 over length-prefixed fields, so that no two entries can read the same. The first scheme's is its hash."""
    said = (
        str(sequence),
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        _id(actor),
        actor_name,
        ip,
        action,
        target,
        reason,
        correlation,
        json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
    )
    if scheme == FIRST:
        if outcome or (of_connection, of_customer, of_invoice) != (None, None, None):
            raise ValueError("The first scheme knew no outcome and no subject.")
        return _digest((*said, previous_hash))
    if scheme not in (UNSEALED, SEALED):
        raise ValueError(f"There is no scheme {scheme}.")
    return _digest((str(scheme), *said, outcome, _id(of_connection), _id(of_customer), _id(of_invoice)))


def linked(scheme: int, previous_hash: str, content: str) -> str:
    """An entry's hash. Whoever has the digests of contents alone can follow the chain without reading the contents."""
    return content if scheme == FIRST else hashlib.sha256(f"{previous_hash}{content}".encode()).hexdigest()


def _id(value: int | None) -> str:
    return "" if value is None else str(value)


def _digest(fields: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in fields:
        raw = text.encode()
        digest.update(f"{len(raw)}:".encode() + raw)
    return digest.hexdigest()
