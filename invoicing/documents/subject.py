"""What one drawing is of: the snapshot and where it comes from, with the words a reader needs first."""

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import cached_property

from invoicing.documents import figures
from invoicing.documents.text import NAME, clean
from invoicing.money import EXACT
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.snapshots import Address, InvoiceSnapshot
from invoicing.vocabulary import Status

WATERMARKS = {Status.DRAFT: "DRAFT", Status.VOID: "VOID", Status.SKIPPED: "SKIPPED", Status.FINALIZING: "NOT FINAL"}


@dataclass(frozen=True)
class Subject:
    invoice: InvoiceSnapshot
    issuer: Address | None  # who bills, where the provider does not say
    version: int
    as_of: datetime
    note: str  # a sentence of ours, shown on the first page

    @cached_property
    def zone(self) -> tzinfo:
        return figures.zone(self.invoice.timezone)

    @cached_property
    def unit(self) -> str:
        return clean(self.invoice.currency, 40)

    @property
    def provider_name(self) -> str:
        provider = PROVIDERS.get(self.invoice.provider)
        return provider.name if provider else clean(self.invoice.provider, 40)

    @cached_property
    def number(self) -> str:
        return clean(self.invoice.number, NAME)

    @property
    def title(self) -> str:
        return "Draft invoice" if self.invoice.status == Status.DRAFT else "Invoice"

    @property
    def name(self) -> str:
        """How the document is called on its later pages and in the file's own title."""
        return f"{self.title} {self.number or clean(self.invoice.external_id, NAME)}"

    @property
    def watermark(self) -> str:
        words = (WATERMARKS.get(self.invoice.status, ""), "" if self.invoice.livemode else "TEST DATA")
        return " · ".join(word for word in words if word)

    @property
    def billed_by(self) -> Address | None:
        return self.invoice.billed_by or self.issuer

    @property
    def billed_to(self) -> Address:
        customer = self.invoice.customer
        address = self.invoice.billed_to or customer.address
        if address is None:
            return Address(name=customer.name, email=customer.email)
        return address if address.name else replace(address, name=customer.name)

    @property
    def warnings(self) -> list[str]:
        """What must be read before the amounts."""
        invoice = self.invoice
        said = {
            Status.DRAFT: "This is a draft. It has not been issued, and its amounts may still change.",
            Status.FINALIZING: f"{self.provider_name} accepted this invoice for finalizing and has not confirmed it yet.",
            Status.VOID: f"This invoice was voided{self._voided_on}. It stays on record and is not to be paid.",
            Status.SKIPPED: f"{self.provider_name} skipped this invoice. It was never issued.",
            Status.UNRECOGNIZED: f"The status of this invoice is not known here; {self.provider_word}.",
        }.get(invoice.status, "")
        test = "" if invoice.livemode else "This is test data. Nothing is owed on it."
        return [sentence for sentence in (said, test) if sentence]

    @property
    def _voided_on(self) -> str:
        at = self.invoice.voided_at
        return f" on {figures.day_in(at, self.zone)}" if at else ""

    @property
    def provider_word(self) -> str:
        return f"{self.provider_name} says “{clean(self.invoice.provider_status, 80)}”"

    @property
    def credits_lower_the_total(self) -> bool:
        """Whether the provider's total is after credits (FlexPrice) or before them (Orb), as its own figures show."""
        invoice = self.invoice
        if invoice.subtotal is None or invoice.total is None or not invoice.credits:
            return False
        before = EXACT.subtract(EXACT.add(invoice.subtotal, invoice.tax or Decimal(0)), invoice.discount or Decimal(0))
        return EXACT.subtract(before, invoice.credits) == invoice.total
