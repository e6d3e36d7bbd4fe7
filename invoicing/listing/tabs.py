"""The few views most people want, as filters with a name. A tab counts its whole book, whatever else is filtered."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from invoicing.listing.criteria import Criteria
from invoicing.listing.summary import BookSummary
from invoicing.vocabulary import OWED, Direction, Payment, Status


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    label: str
    statuses: tuple[str, ...] = ()
    payments: tuple[str, ...] = ()
    overdue: bool = False

    @property
    def filters(self) -> dict[str, list[str]]:
        """As they stand in a URL."""
        return {
            "status": [*self.statuses],
            "payment": [*self.payments],
            "overdue": ["on"] if self.overdue else [],
        }

    def count(self, summary: BookSummary) -> int:
        return sum(
            cell.invoices
            for cell in (summary.overdue if self.overdue else summary.cells)
            if (not self.statuses or cell.status in self.statuses)
            and (not self.payments or cell.payment in self.payments)
        )

    def shows(self, criteria: Criteria) -> bool:
        """Whether what is listed is this tab, perhaps narrowed by filters a tab does not use."""
        return (
            set(criteria.statuses) == set(self.statuses)
            and set(criteria.payments) == set(self.payments)
            and criteria.overdue == self.overdue
        )


RECEIVABLE_TABS = (
    Tab("all", _("All")),
    Tab("draft", _("Draft"), statuses=(Status.DRAFT, Status.FINALIZING)),
    Tab("open", _("Open"), statuses=(Status.FINALIZED,), payments=OWED),
    Tab("overdue", _("Overdue"), overdue=True),
    Tab("paid", _("Paid"), payments=(Payment.PAID, Payment.OVERPAID)),
    Tab("void", pgettext_lazy("status", "Void"), statuses=(Status.VOID,)),
)
PAYABLE_TABS = (
    Tab("all", _("All")),
    Tab("draft", _("Draft"), statuses=(Status.DRAFT, Status.FINALIZING)),
    Tab("finalized", _("Finalized"), statuses=(Status.FINALIZED,)),
)


def tabs_of(direction: Direction) -> tuple[Tab, ...]:
    return PAYABLE_TABS if direction == Direction.PAYABLE else RECEIVABLE_TABS
