"""How much a bulk writer writes at a time, so that a STOP never waits long for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import transaction

from heed.core import database

Result = TypeVar("Result")

LONGEST_HOLD_S = 0.005  # of SQLite's one write lock


class Pace:
    """On SQLite a chunk that held the one write lock for long is followed by half of it. Give rows in recipient order."""

    def __init__(self, most: int, least: int = 25) -> None:
        self.most = self.chunk = most
        self.least = least  # a machine that is busy is slow with any chunk, and each costs a commit

    def commit(self, verb: Callable[[], Result]) -> Result:
        """What ``verb`` returns, in a transaction of its own, committed; it writes ``chunk`` rows at most."""
        held_s = 0.0

        def run() -> Result:
            nonlocal held_s
            with transaction.atomic(durable=True):
                began = time.monotonic()
                result = verb()
                held_s = time.monotonic() - began
            return result

        result = database.retried(run)
        if not database.is_postgresql():
            if held_s > LONGEST_HOLD_S:
                self.chunk = max(self.least, self.chunk // 2)
            elif held_s < LONGEST_HOLD_S / 2:
                self.chunk = min(self.most, self.chunk * 2)
        return result
