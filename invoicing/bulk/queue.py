"""Batches handed to the workers, in the caller's transaction. The tasks are named, not imported: they import what runs."""

from datetime import datetime

from django.utils.module_loading import import_string

from invoicing.jobs.api import enqueue
from invoicing.models import Batch, User

TASKS = "invoicing.bulk.tasks"
ASK = f"{TASKS}.ask_row"
APPROVED = f"{TASKS}.batch_approved"


def start(batch: Batch, *, at: datetime | None) -> None:
    enqueue(import_string(f"{TASKS}.start_batch").using(run_after=at), by=batch.requester, batch_id=str(batch.pk))


def ask(batch: Batch, row_id: int) -> None:
    enqueue(import_string(ASK), by=batch.requester, row_id=row_id)


def follow(batch: Batch) -> None:
    enqueue(import_string(f"{TASKS}.follow_batch"), by=batch.requester, batch_id=str(batch.pk))


def rehearse(batch: Batch, *, by: User, anew: bool) -> None:
    enqueue(import_string(f"{TASKS}.rehearse_batch"), by=by, batch_id=str(batch.pk), person_id=by.pk, anew=anew)
