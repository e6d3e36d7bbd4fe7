"""Tasks that tests enqueue; a worker finds them by this path."""

import os
import time

from invoicing.jobs import progress
from invoicing.jobs.api import RetryLater, task

ran: list[str] = []


@task(queue_name="default", unique="note:{text}")
def note_down(text: str):
    ran.append(text)


@task(queue_name="default", retries=2)
def fail(text: str):
    ran.append(text)
    raise RuntimeError("sk_live_abcdefgh is not for logs")


@task(queue_name="default")
def wait_for_the_provider():
    raise RetryLater(90, "The provider asks to wait")


@task(queue_name="default")
def count_to(number: int):
    for at in range(number):
        progress.report(at, expected=number, note=f"{at} of {number}")
        ran.append(str(at))


@task(queue_name="default")
def leave_a_mark(path: str, seconds: float):
    with open(path, "a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    with open(path, "a") as file:
        file.write("done\n")
