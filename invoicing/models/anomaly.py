from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.customer import Customer
from invoicing.models.invoice import Invoice


class AnomalyKind(models.TextChoices):
    AMOUNT = "amount", _("Amount far from the last periods")
    NEW_LINE = "new_line", _("New line")
    LOST_LINE = "lost_line", _("Line no longer there")
    UNIT_PRICE = "unit_price", _("Unit price changed")
    NO_QUANTITY = "no_quantity", _("Charged without a quantity")
    GAP = "period_gap", _("Gap between periods")
    OVERLAP = "period_overlap", _("Periods overlap")
    DUPLICATE = "period_duplicate", _("Period billed twice")
    SUM = "line_sum", _("Lines do not add up")
    TAX_ID = "tax_id", _("Tax id missing")
    CREDIT = "credit", _("Credit larger than the charge")
    UNIT = "unusual_unit", _("Unusual currency")
    SELF_ISSUE = "self_issue", _("Draft about to issue by itself")


class Anomaly(models.Model):
    """Something unusual that a check found in one version of an invoice, with the two figures it compared."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="anomalies", db_index=False)
    version = models.IntegerField()
    kind = models.CharField(max_length=16, choices=AnomalyKind)
    about = models.TextField(blank=True)  # the line's text, or the other invoice
    here = models.CharField(max_length=120)  # the figure of this invoice
    there = models.CharField(max_length=120)  # what it was held against
    unit = models.CharField(max_length=64, blank=True)  # of both, where they are amounts
    against = models.CharField(max_length=200)  # what `there` is, as a word of reviews.checks

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["invoice", "version"], name="anomaly_invoice")]


class Mute(models.Model):
    """That a kind of anomaly is expected of a customer until a day, and why."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="mutes")
    kind = models.CharField(max_length=16, choices=AnomalyKind)
    about = models.TextField(blank=True)  # of this line alone; empty: wherever it is found
    reason = models.TextField()
    until = models.DateField()  # its last day
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["customer", "kind"], condition=models.Q(ended_at=None), name="mute_open")]


class Look(models.Model):
    """Which version of an invoice the checks last saw, and how many things they found that nobody muted."""

    invoice = models.OneToOneField(Invoice, models.CASCADE, primary_key=True, related_name="look")
    version = models.IntegerField()
    found = models.IntegerField(default=0)
    at = models.DateTimeField()


class SweepMark(models.Model):
    """How far the checks are through the versions: all up to `settled` are done. It stays behind what was read a moment ago,
    because ids may be committed out of order.
    """

    settled = models.BigIntegerField(default=0)
