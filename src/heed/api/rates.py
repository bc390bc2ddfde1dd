"""How many requests a key has. Each web process counts for itself, in memory (docs/decisions/0001)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

BURST_S = 10  # a key that was quiet may make the requests of so many seconds at once


class Rates:
    """A bucket for each key: every request takes one from it, and ``per_second`` flow in."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[int, tuple[float, float]] = {}  # key → what is left, as of when
        self._lock = threading.Lock()

    def wait_s(self, key: int, per_second: float) -> float:
        """Count one request of ``key``: 0 if it may be made, else in how many seconds the next one may."""
        now, most = self._clock(), per_second * BURST_S
        with self._lock:
            left, since = self._buckets.get(key, (most, now))
            left = min(most, left + (now - since) * per_second)
            may = left >= 1
            self._buckets[key] = (left - may, now)
        return 0 if may else (1 - left) / per_second

    def forget(self) -> None:
        with self._lock:
            self._buckets.clear()


rates = Rates()
