"""A worker that stands still where the test wants it to: claimed, before its first byte, before its answer, before its record."""

import threading

from django.db import connection

PATIENCE = 60
_here = threading.local()


class Killed(BaseException):
    """kill -9, as far as one thread can feel it: nothing catches it, nothing runs after it."""


class Worker:
    """A thread that runs `work(self)` from stop to stop. Only one side runs at a time, so every walk can be repeated."""

    def __init__(self, work):
        self.at, self.killed, self.error = "", False, None
        self.decision = None  # what the test decided at the present stop
        self._ours, self._its = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()
        self._wait()

    @staticmethod
    def current() -> "Worker":
        return _here.worker

    def _run(self, work) -> None:
        _here.worker = self
        try:
            work(self)
        except Killed:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self.at = "ended"
            connection.close()
            self._ours.release()

    def _wait(self) -> None:
        assert self._ours.acquire(timeout=PATIENCE), f"A worker hangs at {self.at!r}"
        if self.error:
            raise self.error

    def stop(self, where: str):
        """Called inside the worker: stand still here until the test goes on; what it decided."""
        self.at, self.decision = where, None
        self._ours.release()
        self._its.acquire()
        if self.killed:
            raise Killed
        return self.decision

    @property
    def ended(self) -> bool:
        return self.at == "ended"

    def go(self, decision=None) -> None:
        """Let it run to its next stop, or to its end."""
        assert not self.ended
        self.decision = decision
        self._its.release()
        self._wait()

    def kill(self) -> None:
        self.killed = True
        if not self.ended:
            self.go()
