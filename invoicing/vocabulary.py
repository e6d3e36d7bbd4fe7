"""The words every floor uses. Each has one meaning here; a provider's own word is kept beside ours, never replaced by it."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Status(TextChoices):
    """What the document is, apart from whether it was paid."""

    DRAFT = "draft", _("Draft")
    FINALIZING = "finalizing", _("Finalizing")  # the provider accepted it and has not confirmed it yet
    FINALIZED = "finalized", _("Finalized")
    VOID = "void", pgettext_lazy("status", "Void")
    SKIPPED = "skipped", _("Skipped")
    UNRECOGNIZED = "unrecognized", _("Unrecognized")


class Payment(TextChoices):
    """Whether it was paid, as far as the provider says."""

    NOT_TRACKED = "not_tracked", _("Not tracked")
    UNPAID = "unpaid", _("Unpaid")
    PROCESSING = "processing", _("Processing")
    PARTLY_PAID = "partly_paid", _("Partly paid")
    PAID = "paid", _("Paid")
    OVERPAID = "overpaid", _("Overpaid")
    FAILED = "failed", _("Failed")
    PARTLY_REFUNDED = "partly_refunded", _("Partly refunded")
    REFUNDED = "refunded", _("Refunded")
    UNCOLLECTIBLE = "uncollectible", _("Uncollectible")
    UNRECOGNIZED = "unrecognized", _("Unrecognized")


OWED = (Payment.UNPAID, Payment.PROCESSING, Payment.PARTLY_PAID, Payment.FAILED)
"""Payment statuses under which a finalized invoice still has something outstanding."""


class Direction(TextChoices):
    """Who owes whom. The two never share a list, a total or an export."""

    RECEIVABLE = "receivable", _("Receivable")
    PAYABLE = "payable", _("Payable")


class Environment(TextChoices):
    LIVE = "live", _("Live")
    TEST = "test", _("Test")


class ListedBy(TextChoices):
    """Which of the provider's dates an invoice is listed under."""

    ISSUED = "issued", _("Issued")
    PLANNED = "planned", _("Planned issue")
    PERIOD_END = "period_end", _("Period end")
    CREATED = "created", _("Created")


class Origin(TextChoices):
    """Where a kept PDF comes from."""

    PROVIDER = "provider", _("Provider's own")
    DRAWN = "drawn", _("Our copy")


class CallClass(TextChoices):
    """What makes doubling a changing call impossible, if anything does."""

    KEYED = "K", _("The provider deduplicates our key")
    GUARDED = "G", _("A state guard refuses a second application")
    SETTING = "S", _("Overwrites with the same value")
    UNGUARDED = "U", _("A second application doubles; the effect can be read back")
    INVISIBLE = "V", _("A second application doubles; the effect cannot be read back")
    READING = "R", _("Reads only")


class OperationState(TextChoices):
    REQUESTED = "requested", _("Awaits approval")
    APPROVED = "approved", _("Approved")
    SENDING = "sending", _("Sending")
    ACCEPTED = "accepted", _("Accepted by the provider")
    UNKNOWN = "unknown", _("Outcome unknown")
    NEEDS_PERSON = "needs_person", _("Needs a person")
    SUCCEEDED = "succeeded", _("Succeeded")
    NOT_DONE = "not_done", _("Not done")
    REFUSED = "refused", _("Refused")
    CANCELLED = "cancelled", _("Cancelled")
    REJECTED = "rejected", _("Rejected")
    EXPIRED = "expired", _("Expired")


OPEN_STATES = (
    OperationState.REQUESTED,
    OperationState.APPROVED,
    OperationState.SENDING,
    OperationState.ACCEPTED,
    OperationState.UNKNOWN,
    OperationState.NEEDS_PERSON,
)


class SettledBy(TextChoices):
    ANSWER = "answer", _("The provider's answer")
    READ_BACK = "read_back", _("Reading back")
    PERSON = "person", _("A person")
