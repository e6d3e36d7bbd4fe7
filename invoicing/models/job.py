import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """A piece of background work: the truth. An engine only delivers its id; the claim is made in this row."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.CharField(max_length=200)  # dotted path of the task function
    arguments = models.JSONField(default=dict)  # ids only, never a key or a customer's data
    unique_key = models.CharField(max_length=200, null=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    priority = models.SmallIntegerField(default=0)  # lower runs first
    run_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=1)
    owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    done = models.IntegerField(default=0)
    expected = models.IntegerField(null=True)
    note = models.CharField(max_length=300, blank=True)
    cancel_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["priority", "run_at"], condition=models.Q(state="queued"), name="job_ready"),
            models.Index(fields=["lease_until"], condition=models.Q(state="running"), name="job_leased"),
            models.Index(fields=["-created_at"], name="job_latest"),
            models.Index(fields=["state", "-created_at"], name="job_by_state"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["unique_key"],
                condition=models.Q(state__in=["queued", "running"]),
                name="one_active_job_per_key",
            )
        ]


class Firing(models.Model):
    """That a schedule fired in a minute. Uniqueness makes any number of schedulers harmless."""

    schedule = models.CharField(max_length=60)
    minute = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "minute"], name="one_firing_a_minute")]


class WorkerBeat(models.Model):
    """When a worker was last alive, so that a page can say that none is."""

    name = models.CharField(max_length=80, primary_key=True)
    seen_at = models.DateTimeField()
