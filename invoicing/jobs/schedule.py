"""What runs by itself. Every worker tries to fire; the first one to insert (schedule, minute) does."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from invoicing.models import Firing


@dataclass(frozen=True)
class Schedule:
    name: str
    task: str  # dotted path: this floor does not import what it runs
    every_minutes: float


def schedules() -> list[Schedule]:
    found = [
        Schedule("read back", "invoicing.operations.tasks.settle_due", 1),
        Schedule("batches", "invoicing.bulk.tasks.follow_batches", 5),
        Schedule("approvals", "invoicing.operations.approval_tasks.sweep_approvals", 5),
        Schedule("reviews", "invoicing.reviews.tasks.sweep_reviews", 1),
        Schedule("exports", "invoicing.exports.tasks.sweep_exports", 60),
        Schedule("audit checkpoint", "invoicing.auditing.tasks.keep_checkpoint", 10),
        Schedule("audit verification", "invoicing.auditing.tasks.verify_trail", 24 * 60),
    ]
    if settings.DESK_SYNC_MINUTES > 0:
        found.append(Schedule("sync", "invoicing.mirror.tasks.sync_all", settings.DESK_SYNC_MINUTES))
    return found


def fire_due() -> None:
    now = timezone.now()
    for each in schedules():
        step = timedelta(minutes=each.every_minutes).total_seconds()
        slot = now.fromtimestamp(now.timestamp() // step * step, now.tzinfo)
        if Firing.objects.filter(schedule=each.name, minute=slot).exists():
            continue
        try:
            with transaction.atomic():
                Firing.objects.create(schedule=each.name, minute=slot)
                import_string(each.task).enqueue()
        except IntegrityError:
            continue  # another worker was first
        Firing.objects.filter(schedule=each.name, minute__lt=now - timedelta(days=2)).delete()
