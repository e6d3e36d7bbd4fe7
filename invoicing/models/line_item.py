from django.db import models

from invoicing.models.fields import ExactAmountField
from invoicing.models.invoice import Invoice


class LineText(models.Model):
    """A distinct line text. A million lines share a few thousand texts; search looks here, then at the lines."""

    digest = models.BinaryField(max_length=16, unique=True)  # of the text: unique without indexing long texts
    text = models.TextField()
    search_text = models.TextField(blank=True)  # the text, folded


class LineItem(models.Model):
    """One charged row of an invoice. All lines of an invoice are replaced when it changes: most providers give no line id.

    Units: amount and unit_price are major units of `unit`. Sub-lines, tiers, discounts and taxes stand in `details`,
    amounts as text.
    """

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines", db_index=False)
    position = models.IntegerField()
    text = models.ForeignKey(LineText, models.PROTECT, db_index=False)
    kind = models.CharField(max_length=64, blank=True)
    unit = models.CharField(max_length=64)
    quantity = ExactAmountField(null=True)
    unit_price = ExactAmountField(null=True)
    amount = ExactAmountField(null=True)
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)  # exclusive
    counts = models.BooleanField(default=True)  # false: shown by the provider, left out of the subtotal
    details = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="one_line_per_position")]
        indexes = [models.Index(fields=["text", "invoice"], name="line_text")]
