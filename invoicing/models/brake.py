from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Brake(models.Model):
    """What holds sending back. One person sets it; two lift it. A lifted one stays on record."""

    class Kind(models.TextChoices):
        STOP = "stop", _("Switched off")  # a verb at a provider; empty means every verb, every provider
        DRY_RUN = "dry_run", _("Dry run")  # requests are recorded and shown, nothing is sent
        RESTORED = (
            "restored",
            _("Older database"),
        )  # the database does not know what was sent: nothing is, until a person looked

    kind = models.CharField(max_length=10, choices=Kind)
    provider = models.CharField(max_length=32, blank=True)
    verb = models.CharField(max_length=40, blank=True)
    reason = models.TextField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # null: the desk
    set_at = models.DateTimeField()
    lift_asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    lift_reason = models.TextField(blank=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-set_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "provider", "verb"], condition=models.Q(lifted_at=None), name="one_brake_of_a_kind"
            )
        ]

    def __str__(self):
        if self.kind != self.Kind.STOP:
            return self.get_kind_display()
        return f"{self.verb or 'every action'} at {self.provider or 'every provider'} switched off"
