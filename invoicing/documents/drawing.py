"""Our own drawing of an invoice: takes a snapshot, returns the bytes of a PDF. Same input, same bytes.

It is a copy, said so on every page, and never passes for the provider's own document. Nothing in it is read as markup, no
address is opened, no clock is asked; the only files read are the fonts beside this module.
"""

from datetime import datetime

from invoicing.documents import figures, styles
from invoicing.documents.charges import draw_charges
from invoicing.documents.closing import draw_closing
from invoicing.documents.opening import MARK, draw_opening, draw_running_head
from invoicing.documents.sheet import LEFT, RIGHT, WIDTH, Sheet
from invoicing.documents.subject import Subject
from invoicing.documents.text import NAME, clean, fitted
from invoicing.documents.totals import draw_payments, draw_totals
from invoicing.providers.snapshots import Address, InvoiceSnapshot

FOOTER = 36.0


def draw(snapshot: InvoiceSnapshot, *, issuer: Address | None, version: int, as_of: datetime, note: str) -> bytes:
    """A PDF of the invoice as version `version` of the mirror has it.

    `issuer` bills where the provider does not say who does; `as_of` is when the provider said this, with its offset;
    `note` is a sentence of ours for the first page, or "".
    """
    subject = Subject(snapshot, issuer, version, as_of, note)
    sheet = Sheet(head=lambda turned: draw_running_head(turned, subject), watermark=subject.watermark)
    draw_opening(sheet, subject)
    draw_charges(sheet, subject)
    draw_totals(sheet, subject)
    draw_payments(sheet, subject)
    draw_closing(sheet, subject)
    _draw_footers(sheet, subject)
    author = subject.billed_by.name if subject.billed_by else ""
    about = f"{MARK} from version {version} of {subject.provider_name}'s invoice {clean(snapshot.external_id, NAME)}"
    return sheet.to_bytes(title=subject.name, subject=about, author=clean(author, NAME), drawn_at=as_of)


def _draw_footers(sheet: Sheet, subject: Subject) -> None:
    source = f"{subject.provider_name} · {clean(subject.invoice.external_id, NAME)}"
    drawn_from = f"version {subject.version} as of {figures.instant(subject.as_of)}"
    count = len(sheet.pages)
    for number, page in enumerate(sheet.pages, 1):
        sheet.page = page
        right = f"{drawn_from} · Page {number} of {count}"
        room = WIDTH - styles.MARK.width(right) - 16
        sheet.rule(FOOTER + 12)
        sheet.write(LEFT, FOOTER, fitted(source, styles.MARK.weight, styles.MARK.size, room), styles.MARK)
        sheet.write_right(RIGHT, FOOTER, right, styles.MARK)
