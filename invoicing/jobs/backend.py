"""The django-tasks backend over the Job table: enqueuing is an insert in the caller's transaction."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task, TaskResult, TaskResultStatus
from django_tasks.exceptions import TaskResultDoesNotExist
from django_tasks.utils import normalize_json

from invoicing.jobs.api import requested_by

STATUS = {
    "queued": TaskResultStatus.READY,
    "running": TaskResultStatus.RUNNING,
    "done": TaskResultStatus.SUCCESSFUL,
    "failed": TaskResultStatus.FAILED,
    "cancelled": TaskResultStatus.FAILED,
}
ACTIVE = ("queued", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTask(Task):
    retries: int = 0  # how often a failed run is tried again
    unique: str = ""  # format over the arguments: while one is active, enqueuing again finds it


class JobBackend(BaseTaskBackend):
    task_class = DeskTask
    supports_defer = supports_get_result = supports_priority = True

    def enqueue(self, task, args, kwargs):
        from invoicing.models import Job, clock

        self.validate_task(task)
        if args:
            raise TypeError("Tasks take keyword arguments only, so that a job row can be read.")
        arguments = normalize_json(kwargs)
        key = task.unique.format(**arguments) if task.unique else None
        if key and (active := Job.objects.filter(unique_key=key, state__in=ACTIVE).first()):
            return self._result(active, task)
        try:
            with transaction.atomic():
                job = Job.objects.create(
                    task=task.module_path,
                    arguments=arguments,
                    unique_key=key,
                    priority=-task.priority,
                    run_at=task.run_after or clock.now(),
                    max_attempts=task.retries + 1,
                    requested_by=requested_by.get(),
                )
        except IntegrityError:  # another process enqueued the same between our look and our insert
            job = Job.objects.get(unique_key=key, state__in=ACTIVE)
        return self._result(job, task)

    def get_result(self, result_id):
        from invoicing.models import Job

        job = Job.objects.filter(pk=result_id).first()
        if job is None:
            raise TaskResultDoesNotExist(result_id)
        return self._result(job, import_string(job.task))

    def _result(self, job, task) -> TaskResult:
        return TaskResult(
            task=task,
            id=str(job.pk),
            status=STATUS[job.state],
            enqueued_at=job.created_at,
            started_at=None,
            last_attempted_at=None,
            finished_at=job.finished_at,
            args=[],
            kwargs=job.arguments,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
