"""The front's writer: what ESMEs submit while one commit is under way goes into the next one together."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from django.db import InterfaceError, OperationalError

from heed.core import submissions
from heed.core.submissions import Submission, Taken

log = logging.getLogger(__name__)

MOST_TOGETHER = 50  # messages in one commit; it holds SQLite's write lock for a few milliseconds
Commit = Callable[[Callable[[], list[Taken]]], Awaitable[list[Taken]]]


class Failed(Exception):
    """It was not stored, as far as we know."""


class Writer:
    """``database`` runs a verb in the thread that writes."""

    def __init__(self, database: Commit) -> None:
        self._database = database
        self._waiting: deque[tuple[Submission, asyncio.Future[Taken]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def submit(self, one: Submission) -> asyncio.Future[Taken]:
        """What became of ``one``, once that has committed; or Failed."""
        done: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return done

    async def finish(self) -> None:
        """Wait for what has been submitted."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._waiting:
            await self._together([self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))])

    async def _together(self, batch: Sequence[tuple[Submission, asyncio.Future[Taken]]]) -> None:
        try:
            results = await self._database(lambda: submissions.submit([one for one, _ in batch]))
        except (OperationalError, InterfaceError):  # It may have committed before it broke: trying again could double.
            log.exception("%s submits could not be stored.", len(batch))
            return _fail(batch)
        except Exception:
            if len(batch) == 1:
                log.exception("A submit could not be stored.")
                return _fail(batch)
            for one in batch:  # Nothing has committed, and one of them must not fail another.
                await self._together([one])
            return
        for (_, done), result in zip(batch, results, strict=True):
            done.set_result(result)


def _fail(batch: Sequence[tuple[Submission, asyncio.Future[Taken]]]) -> None:
    for _, done in batch:
        done.set_exception(Failed())
