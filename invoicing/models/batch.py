import uuid
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.invoice import Book, Invoice
from invoicing.models.operation import Operation


class Batch(models.Model):
    """One verb asked of many invoices: which ones, as which versions, with what and why, frozen before anything is shown.

    Nothing here re-evaluates a filter. Its id is the correlation of every operation and audit entry that belongs to it.
    """

    class State(models.TextChoices):
        COLLECTED = "collected", _("Collected")  # the ids are frozen; why and with what is still to be said
        REHEARSED = "rehearsed", _("Rehearsed")  # shown in full; nothing was asked for
        AWAITING = "awaiting", _("Awaiting approval")  # confirmed; somebody else has to agree first
        CONFIRMED = "confirmed", _("About to run")  # it begins at `not_before`
        RUNNING = "running", _("Running")
        STOPPED = "stopped", _("Stopped")  # nothing more is sent; what was sent is still followed to its end
        ENDED = "ended", _("Ended")
        DISCARDED = "discarded", _("Discarded")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    verb = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    reference = models.CharField(max_length=200, blank=True)
    book = models.SmallIntegerField(choices=Book)
    source = models.JSONField(default=dict)  # where the ids came from: the list's address, what it said it had
    token = models.CharField(max_length=64, unique=True)  # one per rendered form: a second submit finds the first
    state = models.CharField(max_length=12, choices=State, default=State.COLLECTED)
    digest = models.CharField(max_length=64, blank=True)  # of the rehearsed content; the confirmation names it
    size = models.IntegerField(default=0)  # rows frozen at the start
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="retries")
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="batches")
    created_at = models.DateTimeField()
    rehearsed_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)  # end of the cancel window
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["-created_at"], name="batch_latest"),
            models.Index(fields=["requester", "-created_at"], name="batch_mine"),
            models.Index(
                fields=["state"],
                condition=models.Q(state__in=["confirmed", "running", "stopped"]),
                name="batch_going_on",
            ),
        ]

    def __str__(self):
        return str(self.pk)[:8]

    @property
    def preparing(self) -> bool:
        return self.state in (Batch.State.COLLECTED, Batch.State.REHEARSED)

    @property
    def going_on(self) -> bool:
        return self.state in (Batch.State.AWAITING, Batch.State.CONFIRMED, Batch.State.RUNNING, Batch.State.STOPPED)

    @property
    def can_be_stopped(self) -> bool:
        return self.state in (Batch.State.AWAITING, Batch.State.CONFIRMED, Batch.State.RUNNING)


class BatchRow(models.Model):
    """One invoice of a batch, as the version it was when the set was frozen, and what became of it."""

    class State(models.TextChoices):
        COLLECTED = "collected", _("Collected")
        LEFT_OUT = "left_out", _("Left out")  # the rehearsal says why it cannot be asked
        REMOVED = "removed", _("Removed")  # a person took it out
        WAITING = "waiting", _("In line")
        ASKING = "asking", _("Being asked")  # a worker has it; the operation's token makes a second time harmless
        ASKED = "asked", _("Asked")  # from here on its operation says how it stands
        CHANGED = "changed", _("Skipped: it changed")
        NOT_ASKED = "not_asked", _("Not asked")  # refused before anything was stored or sent
        STOPPED = "stopped", _("Stopped before it was sent")

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="rows")
    position = models.IntegerField()
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="+")
    version = models.IntegerField()  # of the invoice when it was frozen
    state = models.CharField(max_length=12, choices=State, default=State.COLLECTED)
    why = models.TextField(blank=True)
    amount = models.CharField(max_length=120, blank=True)  # the total as exact text; "" where there is none
    unit = models.CharField(max_length=64, blank=True)
    consequences = models.JSONField(default=list)  # [effect, text, amount or "", unit]
    operation = models.OneToOneField(Operation, models.PROTECT, null=True, related_name="batch_row")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "invoice"], name="one_row_per_invoice_of_a_batch"),
            models.UniqueConstraint(fields=["batch", "position"], name="one_row_per_position"),
        ]
        indexes = [models.Index(fields=["batch", "state", "position"], name="batch_row_state")]

    @property
    def total(self) -> Decimal | None:
        return Decimal(self.amount) if self.amount else None
