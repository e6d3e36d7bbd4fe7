"""Handing an operation to the workers. Their tasks are named, not imported: those who ask stand below what they ask for."""

from datetime import datetime

from django.utils.module_loading import import_string

from invoicing.jobs.api import enqueue
from invoicing.models import Operation

TASKS = "invoicing.operations.tasks"


def enqueue_dispatch(operation: Operation, *, at: datetime | None = None) -> None:
    task = import_string(f"{TASKS}.dispatch_operation")
    enqueue(task.using(run_after=at), by=operation.requester, operation_id=str(operation.pk))


def enqueue_look(operation: Operation, *, at: datetime | None) -> None:
    task = import_string(f"{TASKS}.settle_operation")
    enqueue(task.using(run_after=at), operation_id=str(operation.pk))
