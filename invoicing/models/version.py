import json
import zlib

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.connection import Connection
from invoicing.models.invoice import Invoice


def packed(payload_text: bytes) -> bytes:
    return zlib.compress(payload_text, 1)


def unpacked(blob: bytes) -> bytes:
    return zlib.decompress(bytes(blob))


class InvoiceVersion(models.Model):
    """Each distinct payload of an invoice, as the provider sent it. Immutable; the typed rows can be rebuilt from it."""

    class Source(models.TextChoices):
        SYNC = "sync", _("Sync")
        REFRESH = "refresh", _("Refresh")
        OPERATION = "operation", _("After an operation")

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="versions", db_index=False)
    number = models.IntegerField()  # from 1
    payload = models.BinaryField()  # compressed JSON text
    content_hash = models.BinaryField(max_length=16)
    source = models.CharField(max_length=12, choices=Source)
    read_at = models.DateTimeField()
    changes = models.JSONField(default=list)  # [{"field", "before", "after"}], money first; empty for the first

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invoice", "number"], name="one_version_per_number")]

    def payload_text(self) -> bytes:
        return unpacked(self.payload)

    def payload_json(self) -> dict:
        """The payload for showing, numbers as their text would lose digits: parse with the strict reader to compute."""
        return json.loads(self.payload_text(), parse_float=str)


class UnreadableRecord(models.Model):
    """A record that could not be read: kept whole, shown with its reason, never in a list of invoices or a total."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="unreadable", db_index=False)
    kind = models.CharField(max_length=12)  # "invoice", "customer"
    external_id = models.CharField(max_length=255)  # or a digest of the record where it has no id
    field = models.CharField(max_length=200)
    problem = models.TextField()
    payload = models.BinaryField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)  # it became readable, or the provider no longer sends it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "external_id"], name="one_row_per_unreadable")
        ]

    def payload_text(self) -> bytes:
        return unpacked(self.payload)
