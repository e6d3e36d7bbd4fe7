"""What voiding and billing anew mean for the copy of an invoice in another system, which its provider does not touch."""

from collections.abc import Iterator

from invoicing.operations.verb import Consequence, Effect
from invoicing.providers.snapshots import OutsideCopy

PAID = ("PAID", "PARTIALLY_PAID")
ENDED = ("VOID", "DELETED", "SKIPPED")


def when_voided(copy: OutsideCopy | None, unit: str) -> Iterator[Consequence]:
    if copy is None:
        return
    if copy.status in PAID:
        text = (
            f"The copy in {copy.system} is {copy.status}: money was received for it. Voiding here returns none of it and "
            f"leaves the copy as it is; it must be refunded or credited there."
        )
    elif copy.status in ENDED:
        text = f"The copy in {copy.system} is {copy.status} already."
    else:
        text = f"The copy in {copy.system} is {copy.status} and stays so: it must be voided there."
    yield Consequence(effect=Effect.OUTSIDE, text=text, amount=copy.total, unit=unit if copy.total is not None else "")


def when_billed_anew(copy: OutsideCopy | None, unit: str) -> Iterator[Consequence]:
    if copy is None:
        return
    if copy.status in PAID:
        text = (
            f"The customer has paid the old copy in {copy.system}. The new invoice is sent to {copy.system} too: they are "
            f"billed a second time unless the old payment is refunded or credited there."
        )
    elif copy.status in ENDED:
        text = f"The new invoice is sent to {copy.system} again; the old copy there is {copy.status}."
    else:
        text = (
            f"The new invoice is sent to {copy.system} again. The old copy there is {copy.status}: while it is open, the "
            f"customer is billed twice."
        )
    yield Consequence(effect=Effect.OUTSIDE, text=text, amount=copy.total, unit=unit if copy.total is not None else "")
