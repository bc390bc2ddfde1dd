"""The writer of a web process for inbound texts: it commits together what waits.

A request waits two seconds for its commit; then it says so, and the carrier tries again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from django.db import connection

from heed.core import database, inbound, receipts
from heed.core.inbound import Received
from heed.core.models import Connection
from heed.rules.values import InboundText, Receipt

log = logging.getLogger(__name__)

WAIT_S = 2.0
IDLE_S = 1.0
ON_POSTGRESQL = 2  # threads; while one waits for its commit the other works. SQLite has one writer at a time.
MOST_TOGETHER = 50  # texts in one commit; it holds SQLite's write lock for a few milliseconds


Item = TypeVar("Item")
Result = TypeVar("Result")


class Busy(Exception):
    """The database is busy. Try again."""


class _Waiting(Generic[Item, Result]):
    def __init__(self, link: Connection, items: Sequence[Item]) -> None:
        self.items = [(link, item) for item in items]
        self.done: Future[list[Result]] = Future()


class Writer(Generic[Item, Result]):
    """``commit`` takes what several requests brought; one result for each item."""

    def __init__(self, commit: Callable[[list[tuple[Connection, Item]]], list[Result]]) -> None:
        self._commit = commit
        self._queue: SimpleQueue[_Waiting[Item, Result]] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def receive(self, link: Connection, items: Sequence[Item]) -> list[Result]:
        """Store ``items`` and act on them; committed on return. Raises Busy; then nothing may have been stored."""
        self._start()
        waiting: _Waiting[Item, Result] = _Waiting(link, items)
        self._queue.put(waiting)
        try:
            return waiting.done.result(WAIT_S)
        except TimeoutError:
            waiting.done.cancel()  # Not begun: it never will be. Begun: the carrier's next try is a replay.
            raise Busy from None

    def _start(self) -> None:
        """On first use, so in the process that serves."""
        if self._threads:
            return
        with self._lock:
            while len(self._threads) < (ON_POSTGRESQL if database.is_postgresql() else 1):
                thread = threading.Thread(target=self._run, name="inbound-writer", daemon=True)
                thread.start()
                self._threads.append(thread)

    def _run(self) -> None:
        while True:
            batch = [waiting for waiting in self._next() if waiting.done.set_running_or_notify_cancel()]
            if batch:
                self._together(batch)

    def _next(self) -> list[_Waiting[Item, Result]]:
        """What waits now: while one batch commits, the next one gathers."""
        try:
            batch = [self._queue.get(timeout=IDLE_S)]
        except Empty:
            connection.close()  # Nobody holds a connection for nothing.
            batch = [self._queue.get()]
        size = len(batch[0].items)
        while size < MOST_TOGETHER:
            try:
                batch.append(self._queue.get_nowait())
            except Empty:
                break
            size += len(batch[-1].items)
        return batch

    def _together(self, batch: list[_Waiting[Item, Result]]) -> None:
        try:
            results = iter(self._commit([item for waiting in batch for item in waiting.items]))
        except Exception as error:
            connection.close()  # It may be what failed; the next try opens a new one.
            if len(batch) > 1:  # One request must not fail another.
                for waiting in batch:
                    self._together([waiting])
            else:
                log.exception("An inbound batch could not be stored; the carrier is asked to try again.")
                batch[0].done.set_exception(error)
            return
        for waiting in batch:
            waiting.done.set_result([next(results) for _ in waiting.items])


writer: Writer[InboundText, Received] = Writer(lambda batch: inbound.receive_all(batch))
receipt_writer: Writer[Receipt, None] = Writer(lambda batch: receipts.apply_all(batch))  # no STOP waits for receipts
