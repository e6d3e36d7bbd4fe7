from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class PolicyQuerySet(models.QuerySet):
    def in_force(self) -> "Policy | None":
        """The version that decides now; None where nobody published one: then a request is its own approval."""
        return self.filter(state=Policy.State.IN_FORCE).first()


class Policy(models.Model):
    """One version of who has to approve what. At most one is in force; a published one never changes again."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PROPOSED = "proposed", _("Waits for a second person")
        IN_FORCE = "in_force", _("In force")
        RETIRED = "retired", _("Replaced")
        DISCARDED = "discarded", _("Discarded")

    number = models.IntegerField(unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    rules = models.JSONField(default=list)  # approvals.policies reads and checks them
    digest = models.CharField(max_length=64)  # of the rules: what is published is what was looked at
    note = models.TextField(blank=True)  # why it was made
    based_on = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    proposed_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)
    solo = models.BooleanField(default=False)  # published by one person, because nobody else could
    retired_at = models.DateTimeField(null=True)
    objects = PolicyQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=models.Q(state="in_force"), name="one_policy_in_force"),
            models.CheckConstraint(
                condition=models.Q(published_by=None)
                | models.Q(solo=True)
                | ~models.Q(published_by=models.F("proposed_by")),
                name="two_people_publish_a_policy",
            ),
        ]

    def __str__(self):
        return f"policy {self.number}"
