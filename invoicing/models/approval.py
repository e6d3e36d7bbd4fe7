from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.operation import Operation
from invoicing.models.policy import Policy


class ApprovalRequest(models.Model):
    """What has to be approved, by whom, and the exact content that is signed. Of one operation, or of a whole batch.

    A change of the content begins a new round: what was signed before stays on record and counts no more.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        EXPIRED = "expired", _("Expired")
        OVERTAKEN = "overtaken", _("No longer possible")

    operation = models.OneToOneField(Operation, models.PROTECT, null=True, related_name="approval_request")
    batch = models.UUIDField(null=True, unique=True)  # id of the batch, where it is one
    title = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    version = models.IntegerField(default=0)  # of this row
    policy = models.ForeignKey(Policy, models.PROTECT, related_name="+")
    needs = models.JSONField()  # [{"rule", "ordered", "steps": [{"count", "roles"}]}]
    round = models.IntegerField(default=1)
    content = models.JSONField()  # what is signed
    seal = models.CharField(max_length=64)  # its digest
    broken = models.JSONField(default=list)  # how the present round differs from the one before: [what, before, after]
    broken_why = models.TextField(blank=True)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    editor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # the last one
    then = models.CharField(max_length=200, blank=True)  # dotted path of the task that a batch's approval sets off
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["due_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(operation__isnull=False, batch__isnull=True)
                | models.Q(operation__isnull=True, batch__isnull=False),
                name="approval_of_one_thing",
            )
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=models.Q(state="open"), name="approval_waiting"),
        ]

    def __str__(self):
        return self.title

    @property
    def open(self) -> bool:
        return self.state == self.State.OPEN


class Approval(models.Model):
    """One person's decision on one round, for themselves or in somebody's place. Never changed, never removed."""

    class Decision(models.TextChoices):
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")

    request = models.ForeignKey(ApprovalRequest, models.PROTECT, related_name="decisions")
    round = models.IntegerField()
    seal = models.CharField(max_length=64)  # of what this person saw and signed
    decision = models.CharField(max_length=8, choices=Decision)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="decisions")
    in_place_of = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    counts_for = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")  # whose seat it takes
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")  # as the request has it
    editor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    roles = models.JSONField(default=list)  # of the one it counts for, at that moment
    reason = models.TextField(blank=True)
    solo = models.BooleanField(default=False)  # nobody else could, so one was enough
    at = models.DateTimeField()
    ip = models.CharField(max_length=45, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "round", "by"],
                condition=models.Q(solo=False, decision="approved"),
                name="one_person_counts_once",
            ),
            models.UniqueConstraint(
                fields=["request", "round", "counts_for"],
                condition=models.Q(solo=False, decision="approved"),
                name="one_seat_counts_once",
            ),
            models.UniqueConstraint(
                fields=["request", "round"], condition=models.Q(solo=True), name="one_solo_decision"
            ),
            models.CheckConstraint(
                condition=models.Q(solo=True)
                | models.Q(decision="rejected")
                | ~models.Q(by=models.F("requester")) & ~models.Q(counts_for=models.F("requester")),
                name="maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=models.Q(solo=True)
                | models.Q(decision="rejected")
                | models.Q(editor=None)
                | ~models.Q(by=models.F("editor")) & ~models.Q(counts_for=models.F("editor")),
                name="editor_is_not_checker",
            ),
            models.CheckConstraint(
                condition=~models.Q(reason="") | models.Q(solo=False, decision="approved"),
                name="alone_or_against_needs_a_reason",
            ),
        ]
