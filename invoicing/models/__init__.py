"""What is stored: one noun a file."""

from invoicing.models.access import Role, Scope
from invoicing.models.approval import Approval, ApprovalRequest
from invoicing.models.audit import AuditEntry
from invoicing.models.batch import Batch, BatchRow
from invoicing.models.brake import Brake
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
from invoicing.models.saved_view import DefaultView, SavedView
from invoicing.models.summary import CustomerCell, SummaryCell
from invoicing.models.sync_run import Absence, SeenPage, SyncRun
from invoicing.models.user import ROLES, User
from invoicing.models.version import InvoiceVersion, UnreadableRecord

__all__ = [
    "ROLES",
    "Absence",
    "Approval",
    "ApprovalRequest",
    "Attempt",
    "AuditEntry",
    "Batch",
    "BatchRow",
    "Book",
    "Brake",
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
    "Operation",
    "Pace",
    "Policy",
    "Position",
    "Preferences",
    "Role",
    "SavedView",
    "Scope",
    "SeenPage",
    "SummaryCell",
    "SyncRun",
    "UnreadableRecord",
    "User",
    "WorkerBeat",
    "preferences_of",
]
