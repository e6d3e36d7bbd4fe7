"""The audit trail: append-only, each entry holding the former one's hash. Triggers refuse update and delete."""

import hashlib
import json
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

GENESIS = "0" * 64
LOCK = 7_301_942  # the advisory lock under which PostgreSQL appends


class AuditManager(models.Manager):
    def record(
        self, action: str, *, actor=None, target: str = "", reason: str = "", correlation=None, ip: str = "", **facts
    ):
        """Append one entry in the caller's transaction, so that it stands or falls with the change it speaks of.

        `facts` are JSON-ready: before, after, outcome.
        """
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            last = self.order_by("-sequence").values_list("sequence", "hash").first() or (0, GENESIS)
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
                previous_hash=last[1],
            )
            entry.hash = entry.computed_hash()
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
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    objects = AuditManager()

    class Meta:
        ordering = ["sequence"]
        indexes = [
            models.Index(fields=["target", "sequence"], name="audit_target"),
            models.Index(fields=["correlation"], name="audit_correlation"),
        ]

    def computed_hash(self) -> str:
        """SHA-256 over length-prefixed fields, so that no two entries can read the same."""
        at = self.at if isinstance(self.at, datetime) else datetime.fromisoformat(self.at)
        fields = (
            str(self.sequence),
            at.astimezone(UTC).isoformat(timespec="microseconds"),
            str(self.actor_id or ""),
            self.actor_name,
            self.ip,
            self.action,
            self.target,
            self.reason,
            self.correlation,
            json.dumps(self.facts, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
            self.previous_hash,
        )
        digest = hashlib.sha256()
        for text in fields:
            raw = text.encode()
            digest.update(f"{len(raw)}:".encode() + raw)
        return digest.hexdigest()
