from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.connection import Connection
from invoicing.models.invoice import Invoice
from invoicing.models.operation import Operation


class Incident(models.Model):
    """Something at a provider that no operation of ours explains. Its invoice takes no operation until a person closed it."""

    class Kind(models.TextChoices):
        FOREIGN = "foreign", _("Done by somebody else")
        LATE = "late", _("Done, after it was called not done")
        DOUBLE = "double", _("Done more than once")

    kind = models.CharField(max_length=10, choices=Kind)
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="incidents")
    operation = models.ForeignKey(Operation, models.PROTECT, null=True, related_name="incidents")
    mark = models.CharField(max_length=80, unique=True)  # what was seen, so that it is told once: "void:42:3"
    text = models.TextField()
    seen_at = models.DateTimeField()
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_because = models.TextField(blank=True)

    class Meta:
        ordering = ["-seen_at"]
        indexes = [
            models.Index(fields=["invoice"], condition=models.Q(closed_at=None), name="open_incident"),
        ]


class Position(models.Model):
    """How far something that looks through rows in order has come."""

    name = models.CharField(max_length=40, primary_key=True)
    reached = models.BigIntegerField(default=0)
