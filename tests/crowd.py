"""Threads that act together, each on a database connection of its own, and ways to hold one in mid-transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection

PATIENCE_S = 30.0  # for what must come; a test that waits so long has failed


def together(*jobs: Callable[[], Any]) -> list[Any]:
    """Begin all ``jobs`` at one moment, each in its thread; what they return, in order. Raises what the first raised."""
    begin = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            begin.wait(PATIENCE_S)
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [done.result() for done in [pool.submit(run, job) for job in jobs]]


class Held:
    """A statement that waits in the middle of its transaction until it is let go."""

    def __init__(self) -> None:
        self._reached, self._let_go = threading.Event(), threading.Event()

    @contextmanager
    def after(self, words: str) -> Iterator[None]:
        """Within, this thread's first statement with ``words`` in it runs, and then waits."""

        def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            result = execute(sql, params, many, context)
            if words in sql and not self._reached.is_set():
                self._reached.set()
                assert self._let_go.wait(PATIENCE_S)
            return result

        with connection.execute_wrapper(run):
            yield

    def wait(self) -> None:
        assert self._reached.wait(PATIENCE_S)

    def let_go(self) -> None:
        self._let_go.set()
