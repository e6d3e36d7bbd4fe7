from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.invoice import Invoice


class Rulebook(models.Model):
    """One version of what has to be reviewed and what is checked then. The newest one decides; none ever changes."""

    number = models.IntegerField(unique=True)
    rules = models.JSONField(default=list)  # reviews.rules reads and checks them
    checklists = models.JSONField(default=list)  # reviews.checklists reads and checks them
    note = models.TextField(blank=True)  # why it was made
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]

    def __str__(self):
        return f"rulebook {self.number}"


class Review(models.Model):
    """The check of an invoice by people, which no provider knows of. It is of one version, and begins a new round when
    that version's money, lines or status change. An invoice without a row needs none.
    """

    class State(models.TextChoices):
        UNREVIEWED = "unreviewed", _("To be reviewed")
        IN_REVIEW = "in_review", _("In review")
        NEEDS_INFO = "needs_info", _("Waits for an answer")
        PARTLY_APPROVED = "partly_approved", _("Partly approved")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        SEAL_BROKEN = "seal_broken", _("Changed since approval")
        CLEARED = "cleared_for_payment", _("Cleared for payment")
        DISPUTED = "disputed", _("Disputed")
        SUPERSEDED = "superseded", _("Superseded")

    WAITING = (State.UNREVIEWED, State.IN_REVIEW, State.NEEDS_INFO, State.PARTLY_APPROVED)
    SEALED = (State.APPROVED, State.CLEARED, State.DISPUTED)

    invoice = models.OneToOneField(Invoice, models.PROTECT, related_name="review")
    state = models.CharField(max_length=20, choices=State, default=State.UNREVIEWED)
    turn = models.IntegerField(default=0)  # of this row; every transition is conditional on it
    round = models.IntegerField(default=1)
    version = models.IntegerField()  # number of the invoice's version that is looked at, or was sealed
    seal = models.CharField(max_length=32)  # that version's content hash
    followed = models.IntegerField()  # the newest version that was taken into account
    difference = models.JSONField(default=list)  # what changed since the round before: as in InvoiceVersion.changes

    rulebook = models.ForeignKey(Rulebook, models.PROTECT, null=True, related_name="+")
    rules = models.JSONField(default=list)  # names of the rules that asked
    wanted = models.IntegerField(default=1)  # how many have to approve
    checklist = models.JSONField(default=list)  # [{"key", "text"}], as it stood when the round began
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    asked_reason = models.TextField(blank=True)

    claimed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="claims")
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    claim_until = models.DateTimeField(null=True)
    question = models.TextField(blank=True)  # while it waits for an answer
    questioner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    entered_at = models.DateTimeField()  # when this round began
    due_at = models.DateTimeField()
    escalated_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["due_at", "pk"]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=models.Q(state__in=["unreviewed", "in_review", "needs_info", "partly_approved"]),
                name="review_waiting",
            ),
            models.Index(fields=["state", "decided_at"], name="review_state"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="in_review") | models.Q(claimed_by__isnull=False, claim_until__isnull=False),
                name="in_review_by_somebody",
            ),
        ]

    def __str__(self):
        return f"review of {self.invoice}"

    @property
    def waits(self) -> bool:
        return self.state in self.WAITING

    @property
    def connection_id(self) -> int:
        return self.invoice.connection_id


class ReviewDecision(models.Model):
    """What one person said on one round, with what stood before them then. Only ever marked as undone, once."""

    class Kind(models.TextChoices):
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        ASKED = "asked", _("Asked")
        ANSWERED = "answered", _("Answered")
        CLEARED = "cleared", _("Cleared for payment")
        DISPUTED = "disputed", _("Disputed")
        REOPENED = "reopened", _("Reopened")

    review = models.ForeignKey(Review, models.PROTECT, related_name="decisions")
    round = models.IntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="review_decisions")
    reason = models.TextField(blank=True)
    version = models.IntegerField()
    seal = models.CharField(max_length=32)
    evidence = models.JSONField(default=dict)  # amounts, anomalies, checklist, rules: as they were shown
    solo = models.BooleanField(default=False)  # nobody else could, so one was enough
    before = models.JSONField(default=dict)  # the review's columns before it, for undoing
    turn = models.IntegerField()  # of the review after it: nothing may have happened since, for undoing
    at = models.DateTimeField()
    ip = models.CharField(max_length=45, blank=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["review", "round", "by"],
                condition=models.Q(kind="approved", undone_at=None),
                name="one_reviewer_counts_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(reason="") | models.Q(kind__in=["approved", "cleared"], solo=False),
                name="no_and_alone_need_a_reason",
            ),
        ]


class Tick(models.Model):
    """That somebody checked one point of a round's checklist."""

    review = models.ForeignKey(Review, models.CASCADE, related_name="ticks")
    round = models.IntegerField()
    key = models.CharField(max_length=40)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review", "round", "key"], name="one_tick_per_point")]
