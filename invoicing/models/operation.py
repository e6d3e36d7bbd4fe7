import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.connection import Connection
from invoicing.models.invoice import Invoice
from invoicing.vocabulary import OPEN_STATES, CallClass, OperationState, SettledBy


class Operation(models.Model):
    """What a person asked for at a provider: the row that is committed before the wire is touched, and its end.

    `succeeded` if and only if the effect exists. Nothing ends by age; an ended operation never moves again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="operations")
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="operations")
    external_id = models.CharField(max_length=255)  # of the invoice, or of what a one-off starts from
    verb = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict)
    call_class = models.CharField(max_length=1, choices=CallClass)
    seen = models.JSONField(default=dict)  # what the person saw: status, totals, version
    seen_digest = models.CharField(max_length=64)
    token = models.CharField(max_length=64, unique=True)  # one per rendered form: a second submit finds the first
    key = models.CharField(max_length=64, unique=True)  # idempotency key, made here, never changed
    request_digest = models.CharField(max_length=64, blank=True)  # of the first request's bytes; a resend must equal it

    state = models.CharField(max_length=16, choices=OperationState, default=OperationState.REQUESTED)
    settled_by = models.CharField(max_length=12, choices=SettledBy, blank=True)
    version = models.IntegerField(default=0)  # of this row; every transition is conditional on it
    attempt = models.IntegerField(default=0)
    lease_token = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)  # cancel window, or a retry's time
    quiet_at = models.DateTimeField(null=True)  # from here on an absent effect stays absent
    next_look_at = models.DateTimeField(null=True)  # next read-back
    looks = models.IntegerField(default=0)
    outcome = models.JSONField(default=dict)  # message, created id, what changed
    evidence = models.JSONField(default=list)  # each read-back: when, what was seen, what it means

    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="operations")
    reason = models.TextField()
    reference = models.CharField(max_length=200, blank=True)
    correlation = models.UUIDField(default=uuid.uuid4)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="steps")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "external_id"],
                condition=models.Q(
                    state__in=[state.value for state in OPEN_STATES], parent=None, invoice__isnull=False
                ),
                name="one_open_operation_per_invoice",
            )
        ]
        indexes = [
            models.Index(
                fields=["state", "next_look_at"],
                condition=models.Q(state__in=[s.value for s in OPEN_STATES]),
                name="operation_due",
            ),
            models.Index(fields=["invoice", "-created_at"], name="operation_history"),
        ]

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES


class Attempt(models.Model):
    """One try at the wire. The row is committed before the first byte; its outcome is written once."""

    class Wire(models.TextChoices):
        NONE = "none", _("Nothing was written")
        MAYBE = "maybe", _("Written; it may have arrived")
        ANSWERED = "answered", _("Answered")

    operation = models.ForeignKey(Operation, models.CASCADE, related_name="attempts")
    number = models.IntegerField()
    lease_token = models.CharField(max_length=40)
    committed_at = models.DateTimeField()
    request = models.JSONField(default=dict)  # method, path, redacted body
    wire = models.CharField(max_length=10, choices=Wire, blank=True)
    http_status = models.IntegerField(null=True)
    classified = models.CharField(max_length=20, blank=True)
    said = models.TextField(blank=True)  # the provider's words, redacted and cut
    response_sha256 = models.CharField(max_length=64, blank=True)
    milliseconds = models.IntegerField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["operation", "number"], name="one_row_per_attempt")]
