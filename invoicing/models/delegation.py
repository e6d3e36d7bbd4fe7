from datetime import date

from django.conf import settings
from django.db import models


class DelegationQuerySet(models.QuerySet):
    def on(self, day: date):
        """Those that hold on that day."""
        return self.filter(starts_on__lte=day, ends_on__gte=day, ended_at=None)


class Delegation(models.Model):
    """That one person may approve in another's place, from one day to another. Ended early, it stays on record."""

    giver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="delegations")
    taker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="stands_in_by")
    starts_on = models.DateField()
    ends_on = models.DateField()  # its last day
    reason = models.TextField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(giver=models.F("taker")), name="nobody_stands_in_for_themselves"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")), name="delegation_ends_after_it_starts"
            ),
        ]

    def __str__(self):
        return f"{self.taker} for {self.giver}"
