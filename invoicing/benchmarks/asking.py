"""One side of a measurement: a process of its own that asks its application for pages and says how long each took.

Every side runs in such a process, so that none pays for another's imports, caches or garbage, and a peer may live in an
environment of its own. It reads one JSON object a line and answers with one.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Side(AbstractContextManager):
    """A running process that asks one application. Errors: RuntimeError when it dies; its standard error says why."""

    def __init__(self, python: str, settings: str, environment: Mapping[str, str]):
        self.process = subprocess.Popen(
            [python, "-m", __name__],
            cwd=ROOT,
            env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __exit__(self, *_):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has died already
        self.process.wait(30)

    def ask(self, **wish):
        try:
            self.process.stdin.write(json.dumps(wish) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"The side ended with {self.process.wait(30)} when asked for {wish}.")
        return json.loads(answer)

    def call(self, function: str, **arguments):
        """What a function ("invoicing.benchmarks.lists.mark_of") answers on that side; not measured."""
        return self.ask(call=function, arguments=arguments)

    def page(self, path: str) -> dict:
        """`ms`: one request from first byte to last, of which `cpu_ms` in this process; `bytes`: the body's."""
        return self.ask(path=path)

    def look(self, path: str) -> dict:
        """The `body` of a page and its `queries`; not measured."""
        return self.ask(path=path, look=True)


def _serve() -> None:
    import django

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not be taken for an answer
    django.setup()
    client = _signed_in()
    for line in sys.stdin:
        answers.write(json.dumps(_answer(client, json.loads(line))) + "\n")
        answers.flush()


def _answer(client, wish: dict):
    if "call" in wish:
        from django.utils.module_loading import import_string

        return import_string(wish["call"])(**wish["arguments"])
    return _looked(client, wish["path"]) if wish.get("look") else _timed(client, wish["path"])


def _signed_in():
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group
    from django.test import Client

    email = "benchmark@desk.example"
    user, _ = get_user_model().objects.get_or_create(
        username=email, defaults={"email": email, "is_staff": True, "is_superuser": True}
    )
    user.groups.set(Group.objects.filter(name="viewer"))
    client = Client()
    client.force_login(user)
    return client


def _timed(client, path: str) -> dict:
    began, cpu = time.perf_counter(), time.process_time()
    response = client.get(path)
    body = response.content
    ms, cpu_ms = (time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000
    return {"ms": ms, "cpu_ms": cpu_ms, "status": response.status_code, "bytes": len(body)}


def _looked(client, path: str) -> dict:
    from django.db import connection

    with _counted(connection) as queries:
        response = client.get(path)
    return {"status": response.status_code, "body": response.content.decode(), "queries": len(queries)}


@contextmanager
def _counted(connection):
    queries: list[str] = []

    def note(execute, sql, params, many, context):
        queries.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield queries


if __name__ == "__main__":
    _serve()
