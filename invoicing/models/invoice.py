from django.db import models
from django.db.models.functions import Coalesce

from invoicing.models.connection import Connection
from invoicing.models.customer import Customer
from invoicing.models.fields import ExactAmountField
from invoicing.vocabulary import Direction, Environment, ListedBy, Payment, Status


class Book(models.IntegerChoices):
    """A set of invoices that may be listed and totalled together. Books never mix: neither directions, nor test data with
    live, nor what its provider no longer has with what is there.
    """

    RECEIVABLE = 1, "Receivables"
    RECEIVABLE_TEST = 2, "Receivables, test data"
    PAYABLE = 3, "Payables"
    PAYABLE_TEST = 4, "Payables, test data"
    RECEIVABLE_GONE = 5, "Receivables gone at the provider"
    PAYABLE_GONE = 6, "Payables gone at the provider"

    @classmethod
    def of(cls, direction: str, *, live: bool, gone: bool = False) -> "Book":
        payable = direction == Direction.PAYABLE
        if gone:
            return cls.PAYABLE_GONE if payable else cls.RECEIVABLE_GONE
        if payable:
            return cls.PAYABLE if live else cls.PAYABLE_TEST
        return cls.RECEIVABLE if live else cls.RECEIVABLE_TEST

    @property
    def direction(self) -> Direction:
        payable = self in (Book.PAYABLE, Book.PAYABLE_TEST, Book.PAYABLE_GONE)
        return Direction.PAYABLE if payable else Direction.RECEIVABLE

    @property
    def environment(self) -> Environment:
        return Environment.TEST if self in (Book.RECEIVABLE_TEST, Book.PAYABLE_TEST) else Environment.LIVE


class Invoice(models.Model):
    """Our mirror of one invoice: the columns that are listed, filtered and sorted. The provider owns these facts; only
    mirror/ writes them. Everything else it said stands in the versions, as it was sent.

    Units: amounts are major units of `currency`; *_micros are their millionths rounded down, for order and filter only.
    """

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="invoices", db_index=False)
    external_id = models.CharField(max_length=255)  # the provider's id; ours is pk
    book = models.SmallIntegerField(choices=Book)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="invoices", db_index=False)
    number = models.CharField(max_length=200, blank=True)  # printed on the document; a draft may have none
    po_number = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=Status)
    payment_status = models.CharField(max_length=16, choices=Payment)
    provider_status = models.CharField(max_length=120)

    currency = models.CharField(max_length=64)  # ISO 4217, or the provider's own unit
    subtotal = ExactAmountField(null=True)
    tax = ExactAmountField(null=True)
    total = ExactAmountField(null=True)
    amount_due = ExactAmountField(null=True)
    amount_paid = ExactAmountField(null=True)
    total_micros = models.BigIntegerField(default=0)
    due_micros = models.BigIntegerField(default=0)
    sub_micro = models.BooleanField(
        default=False
    )  # total or amount due has digits below a millionth: its text must be added
    outstanding = models.BooleanField(default=False)  # finalized, owed, something left: what overdue and ageing look at
    in_totals = models.BooleanField(
        default=True
    )  # false: another invoice contains it, so counting it would count twice

    listed_on = models.DateField()
    listed_by = models.CharField(max_length=12, choices=ListedBy)
    due_date = models.DateField(null=True)
    due_sort = models.DateField()  # the due date, or 9999-12-31
    customer_sort = models.CharField(max_length=80)  # start of the customer's name, folded
    search_text = models.TextField(blank=True)  # folded number, external id, PO number
    issued_at = models.DateTimeField(null=True)
    planned_issue_at = models.DateTimeField(null=True)
    finalized_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    finalized_on = models.DateField(null=True)  # the provider's day; where it gives none, the day we first saw it so
    finalized_seen = models.BooleanField(null=True)  # true: first seen so on that day
    voided_on = models.DateField(null=True)
    voided_seen = models.BooleanField(null=True)
    period_start = models.DateField(null=True)
    period_end = models.DateField(null=True)  # exclusive
    provider_created_at = models.DateTimeField(null=True)
    provider_updated_at = models.DateTimeField(null=True)

    replaces = models.CharField(max_length=255, blank=True)  # external id of the voided one
    replaced_by = models.CharField(max_length=255, blank=True)
    handles = models.JSONField(default=dict)  # what a read by id needs beside the id
    has_pdf = models.BooleanField(default=False)
    unrecognized = models.BooleanField(default=False)  # a status word nobody knows: shown, actions off
    line_count = models.IntegerField(default=0)
    line_difference = ExactAmountField(null=True)  # sum of counted lines less subtotal, where they differ

    version = models.IntegerField(default=1)  # number of the current InvoiceVersion
    wire_hash = models.BinaryField(
        max_length=16, default=b""
    )  # of the list record's own bytes: equal means nothing changed
    content_hash = models.BinaryField(max_length=16, default=b"")  # of the canonical payload
    read_at = models.DateTimeField()  # start of the read that these facts come from
    confirmed_change_at = models.DateTimeField(
        null=True
    )  # when our last confirmed change ended; older reads may not overwrite
    gone_at = models.DateTimeField(null=True)  # tombstone: the provider no longer has it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "external_id"], name="one_row_per_invoice")]
        indexes = [
            models.Index(fields=["book", "listed_on", "id"], name="inv_listed"),
            models.Index(fields=["book", "status", "listed_on", "id"], name="inv_status"),
            models.Index(fields=["book", "payment_status", "listed_on", "id"], name="inv_payment"),
            models.Index(
                fields=["book", "connection", "status", "payment_status", "currency", "listed_on", "id"],
                name="inv_words",
            ),
            models.Index(fields=["book", "connection", "listed_on", "id"], name="inv_provider"),
            models.Index(fields=["customer", "listed_on", "id"], name="inv_customer"),
            models.Index(fields=["book", "currency", "total_micros", "id"], name="inv_total"),
            models.Index(fields=["book", "currency", "due_micros", "id"], name="inv_due_amount"),
            models.Index(fields=["book", "due_sort", "id"], name="inv_due"),
            models.Index(fields=["book", "number", "id"], name="inv_number"),
            models.Index(fields=["book", "customer_sort", "id"], name="inv_customer_name"),
            models.Index(
                fields=["book", "due_sort", "id"], condition=models.Q(outstanding=True), name="inv_outstanding"
            ),
            models.Index(
                fields=["book", "listed_on", "id"], condition=models.Q(unrecognized=True), name="inv_unrecognized"
            ),
            models.Index(
                fields=["book", "listed_on", "id"],
                condition=models.Q(line_difference__isnull=False),
                name="inv_differing",
            ),
            models.Index(
                fields=["book", "finalized_on", "id"],
                condition=models.Q(finalized_on__isnull=False),
                name="inv_finalized",
            ),
            models.Index(
                fields=["book", "voided_on", "id"], condition=models.Q(voided_on__isnull=False), name="inv_voided"
            ),
            models.Index(fields=["book", "read_at", "id"], name="inv_read"),
            models.Index(
                models.F("book"),
                Coalesce("period_end", "period_start"),
                models.F("id"),
                name="inv_period_end",
            ),
            models.Index(
                models.F("book"),
                Coalesce("period_start", "period_end"),
                models.F("id"),
                name="inv_period_start",
            ),
            models.Index(fields=["replaces"], condition=~models.Q(replaces=""), name="inv_replaces"),
        ]

    def __str__(self):
        return self.number or f"{self.connection.provider}:{self.external_id}"


class InvoiceTotal(models.Model):
    """A further total of an invoice that has several units (CockroachDB: USD and credits). The first stands on the invoice."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="further_totals", db_index=False)
    book = models.SmallIntegerField(choices=Book)
    unit = models.CharField(max_length=64)
    total = ExactAmountField()
    total_micros = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invoice", "unit"], name="one_total_per_unit")]
        indexes = [models.Index(fields=["book", "unit", "total_micros", "invoice"], name="further_total")]


class Constituent(models.Model):
    """That one invoice contains another, by external id: the other may be mirrored later."""

    container = models.ForeignKey(Invoice, models.CASCADE, related_name="constituents")
    connection = models.ForeignKey(Connection, models.CASCADE, db_index=False)
    external_id = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id", "container"], name="one_constituent")
        ]
