import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from invoicing.models.job import Job


class Export(models.Model):
    """A file somebody asked for: what of, in which shape, how far it is, and until when it is kept.

    It stays when its file has expired, so that it can be asked for again.
    """

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel"
        JSONL = "jsonl", "JSON lines"
        PDF_ZIP = "pdf_zip", "PDFs in a zip"
        PDF_MERGED = "pdf_merged", "One PDF"
        EVIDENCE = "evidence", "Evidence pack"

    class Level(models.TextChoices):
        INVOICES = "invoices", "a row an invoice"
        LINES = "lines", "a row a line item"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Being written"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        STOPPED = "stopped", "Stopped"
        EXPIRED = "expired", "Expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="exports")
    format = models.CharField(max_length=12, choices=Format)
    level = models.CharField(max_length=10, choices=Level, default=Level.INVOICES)
    direction = models.CharField(max_length=12)
    query = models.TextField(blank=True)  # the list's filters as they stand in its address
    chosen = models.JSONField(null=True)  # our ids of the invoices picked one by one; null: all that match
    columns = models.JSONField(default=list)  # empty: all
    about = models.CharField(max_length=1000, blank=True)  # the filters in words
    reach = models.JSONField(default=dict)  # what it was read with: {"connections": ids or null for all, "rights": […]}
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    invoices = models.IntegerField(null=True)  # what the list counted when the file was begun
    rows = models.IntegerField(null=True)  # what was written
    totals = models.JSONField(default=list)  # [{"unit", "amounts", "total", "due"}], amounts as text
    notes = models.JSONField(default=list)  # sentences about what the file does not hold as it is
    size = models.BigIntegerField(null=True)  # bytes
    sha256 = models.CharField(max_length=64, blank=True)
    file = models.CharField(max_length=80, blank=True)  # unguessable name in the folder of exports
    error = models.TextField(blank=True)
    as_of = models.DateTimeField(null=True)  # the one moment everything in it was read at
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    downloads = models.IntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["requested_by", "-created_at"], name="export_mine"),
            models.Index(fields=["expires_at"], condition=models.Q(state="ready"), name="export_expiring"),
        ]


class ExportPart(models.Model):
    """Some of the invoices whose PDFs go into one file, gathered by one job; any number of workers share the parts."""

    export = models.ForeignKey(Export, models.CASCADE, related_name="parts")
    number = models.IntegerField()
    ids = models.JSONField()
    found = models.JSONField(default=dict)  # our id of an invoice → {"document": id} or {"missing": why}
    done = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="one_part_per_number")]
