from django.conf import settings
from django.db import models

from invoicing.models.invoice import Invoice
from invoicing.vocabulary import Origin


class Document(models.Model):
    """A PDF we once had, kept for good. The bytes lie in the file storage under their hash; same bytes are kept once."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="documents")
    origin = models.CharField(max_length=12, choices=Origin)
    sha256 = models.CharField(max_length=64)
    size = models.IntegerField()  # bytes
    storage_name = models.CharField(max_length=200)
    invoice_version = models.IntegerField()  # the version it was drawn from or fetched beside
    fetched_at = models.DateTimeField()
    last_fetched_at = models.DateTimeField()  # the same bytes were given again
    fetched_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invoice", "origin", "sha256"], name="one_row_per_document")]
