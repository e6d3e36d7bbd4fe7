"""The words every floor uses. Each has one meaning here; a provider's own word is kept beside ours, never replaced by it."""

from django.db.models import TextChoices


class Status(TextChoices):
    """What the document is, apart from whether it was paid."""

    DRAFT = "draft", "Draft"
    FINALIZING = "finalizing", "Finalizing"  # the provider accepted it and has not confirmed it yet
    FINALIZED = "finalized", "Finalized"
    VOID = "void", "Void"
    SKIPPED = "skipped", "Skipped"
    UNRECOGNIZED = "unrecognized", "Unrecognized"


class Payment(TextChoices):
    """Whether it was paid, as far as the provider says."""

    NOT_TRACKED = "not_tracked", "Not tracked"
    UNPAID = "unpaid", "Unpaid"
    PROCESSING = "processing", "Processing"
    PARTLY_PAID = "partly_paid", "Partly paid"
    PAID = "paid", "Paid"
    OVERPAID = "overpaid", "Overpaid"
    FAILED = "failed", "Failed"
    PARTLY_REFUNDED = "partly_refunded", "Partly refunded"
    REFUNDED = "refunded", "Refunded"
    UNCOLLECTIBLE = "uncollectible", "Uncollectible"
    UNRECOGNIZED = "unrecognized", "Unrecognized"


OWED = (Payment.UNPAID, Payment.PROCESSING, Payment.PARTLY_PAID, Payment.FAILED)
"""Payment statuses under which a finalized invoice still has something outstanding."""


class Direction(TextChoices):
    """Who owes whom. The two never share a list, a total or an export."""

    RECEIVABLE = "receivable", "Receivable"
    PAYABLE = "payable", "Payable"


class Environment(TextChoices):
    LIVE = "live", "Live"
    TEST = "test", "Test"


class ListedBy(TextChoices):
    """Which of the provider's dates an invoice is listed under."""

    ISSUED = "issued", "Issued"
    PLANNED = "planned", "Planned issue"
    PERIOD_END = "period_end", "Period end"
    CREATED = "created", "Created"


class Origin(TextChoices):
    """Where a kept PDF comes from."""

    PROVIDER = "provider", "Provider's own"
    DRAWN = "drawn", "Our copy"


class CallClass(TextChoices):
    """What makes doubling a changing call impossible, if anything does."""

    KEYED = "K", "The provider deduplicates our key"
    GUARDED = "G", "A state guard refuses a second application"
    SETTING = "S", "Overwrites with the same value"
    UNGUARDED = "U", "A second application doubles; the effect can be read back"
    INVISIBLE = "V", "A second application doubles; the effect cannot be read back"
    READING = "R", "Reads only"


class OperationState(TextChoices):
    REQUESTED = "requested", "Requested"
    APPROVED = "approved", "Approved"
    SENDING = "sending", "Sending"
    ACCEPTED = "accepted", "Accepted by the provider"
    UNKNOWN = "unknown", "Outcome unknown"
    NEEDS_PERSON = "needs_person", "Needs a person"
    SUCCEEDED = "succeeded", "Succeeded"
    NOT_DONE = "not_done", "Not done"
    REFUSED = "refused", "Refused"
    CANCELLED = "cancelled", "Cancelled"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"


OPEN_STATES = (
    OperationState.REQUESTED,
    OperationState.APPROVED,
    OperationState.SENDING,
    OperationState.ACCEPTED,
    OperationState.UNKNOWN,
    OperationState.NEEDS_PERSON,
)


class SettledBy(TextChoices):
    ANSWER = "answer", "The provider's answer"
    READ_BACK = "read_back", "Reading back"
    PERSON = "person", "A person"
