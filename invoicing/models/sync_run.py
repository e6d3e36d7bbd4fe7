from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.connection import Connection
from invoicing.models.invoice import Invoice


class SyncRun(models.Model):
    """One pass over one connection. Its position is committed with each page, so a killed run goes on where it was."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        COMPLETE = "complete", _("Complete")
        INCOMPLETE = "incomplete", _("Ended incomplete")
        CANCELLED = "cancelled", _("Cancelled")

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="runs")
    full = models.BooleanField()
    since = models.DateTimeField(null=True)
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField()
    owner = models.CharField(
        max_length=80, blank=True
    )  # who runs it: a page counts only while this is still the writer
    slice_key = models.CharField(max_length=300, blank=True)
    slice_done = models.BooleanField(default=False)  # the slice was read to its end; the next one begins
    cursor = models.TextField(null=True)
    pages = models.IntegerField(default=0)
    seen = models.IntegerField(default=0)
    created = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    quarantined = models.IntegerField(default=0)
    gone = models.IntegerField(default=0)
    expected = models.IntegerField(null=True)  # how many the provider says there are, where it says
    errors = models.JSONField(default=list)
    job_id = models.UUIDField(null=True)

    class Meta:
        indexes = [models.Index(fields=["connection", "-started_at"], name="run_latest")]
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=models.Q(state="running"), name="one_running_sync_per_connection"
            )
        ]


class SeenPage(models.Model):
    """Which invoices one page of a running full sync named, kept so that what it did not name can be asked for at its end."""

    run = models.ForeignKey(SyncRun, models.CASCADE, related_name="seen_pages")
    slice_key = models.CharField(max_length=300)
    ids = models.BinaryField()  # our ids, eight bytes each
    unreadable = models.IntegerField(default=0)  # records that are nobody's row


class Absence(models.Model):
    """That a complete sync did not name an invoice which cannot be asked for by id. The second such sync concludes."""

    invoice = models.OneToOneField(Invoice, models.CASCADE, primary_key=True)
    since = models.DateTimeField()
