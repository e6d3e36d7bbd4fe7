from django.conf import settings
from django.db import models

from invoicing.models.invoice import Invoice
from invoicing.models.operation import Operation


class Comment(models.Model):
    """What somebody says about an invoice, one of its lines, or an operation. Plain text; never changed."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="comments")
    operation = models.ForeignKey(Operation, models.PROTECT, null=True, related_name="comments")
    version = models.IntegerField(null=True)  # of the invoice, when it was written
    line_position = models.IntegerField(null=True)
    line_text = models.TextField(blank=True)  # of the line then: lines are told apart by it when they move
    text = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="comments")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(invoice__isnull=False) | models.Q(operation__isnull=False),
                name="comment_is_about_something",
            )
        ]

    def __str__(self):
        return self.text[:80]


class Mention(models.Model):
    """That a comment asks somebody by name. Open until they saw to it."""

    comment = models.ForeignKey(Comment, models.CASCADE, related_name="mentions")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="mentions")
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["comment", "person"], name="mentioned_once")]
        indexes = [
            models.Index(fields=["person", "id"], condition=models.Q(done_at=None), name="mention_open"),
        ]
