"""What is stored: one noun a file."""

from invoicing.models.access import Role, Scope
from invoicing.models.anomaly import Anomaly, AnomalyKind, Look, Mute, SweepMark
from invoicing.models.approval import Approval, ApprovalRequest
from invoicing.models.audit import AuditEntry
from invoicing.models.batch import Batch, BatchRow
from invoicing.models.brake import Brake
from invoicing.models.comment import Comment, Mention
from invoicing.models.connection import Connection, Pace
from invoicing.models.customer import Customer, CustomerGroup
from invoicing.models.delegation import Delegation
from invoicing.models.document import Document
from invoicing.models.export import Export, ExportPart
from invoicing.models.incident import Incident, Position
from invoicing.models.invoice import Book, Constituent, Invoice, InvoiceTotal
from invoicing.models.issuer import Issuer
from invoicing.models.job import Firing, Job, WorkerBeat
from invoicing.models.line_item import LineItem, LineText
from invoicing.models.operation import Attempt, Operation
from invoicing.models.policy import Policy
from invoicing.models.preferences import Preferences, preferences_of
from invoicing.models.review import Review, ReviewDecision, Rulebook, Tick
from invoicing.models.saved_view import DefaultView, SavedView
from invoicing.models.summary import CustomerCell, SummaryCell
from invoicing.models.sync_run import Absence, SeenPage, SyncRun
from invoicing.models.user import ROLES, User
from invoicing.models.version import InvoiceVersion, UnreadableRecord

__all__ = [
    "ROLES",
    "Absence",
    "Anomaly",
    "AnomalyKind",
    "Approval",
    "ApprovalRequest",
    "Attempt",
    "AuditEntry",
    "Batch",
    "BatchRow",
    "Book",
    "Brake",
    "Comment",
    "Connection",
    "Constituent",
    "Customer",
    "CustomerCell",
    "CustomerGroup",
    "DefaultView",
    "Delegation",
    "Document",
    "Export",
    "ExportPart",
    "Firing",
    "Incident",
    "Invoice",
    "InvoiceTotal",
    "InvoiceVersion",
    "Issuer",
    "Job",
    "LineItem",
    "LineText",
    "Look",
    "Mention",
    "Mute",
    "Operation",
    "Pace",
    "Policy",
    "Position",
    "Preferences",
    "Review",
    "ReviewDecision",
    "Role",
    "Rulebook",
    "SavedView",
    "Scope",
    "SeenPage",
    "SummaryCell",
    "SweepMark",
    "SyncRun",
    "Tick",
    "UnreadableRecord",
    "User",
    "WorkerBeat",
    "preferences_of",
]
