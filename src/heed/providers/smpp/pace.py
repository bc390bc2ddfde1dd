"""How fast a carrier is given messages: as fast as its contract says, slower once it says that it is too fast."""

from __future__ import annotations

import time

SLOWEST = 1.0  # a second
GROWTH = 0.1  # a second without a complaint, of the pace
FAST = 10_000.0  # a second; above it there is no pace to keep


class Pace:
    """``rate`` a second; 0: as many as the window holds."""

    def __init__(self, rate: float = 0) -> None:
        self._most = rate or FAST
        self._pace = self._most
        self._tokens, self._filled_at = self._burst, time.monotonic()
        self._slowed_at = 0.0
        self._counted, self._counted_from, self._recent = 0, self._filled_at, 0.0

    @property
    def _burst(self) -> float:
        return max(1.0, self._pace / 10)

    def room(self) -> int:
        """How many may leave now."""
        now = time.monotonic()
        passed, self._filled_at = now - self._filled_at, now
        self._tokens = min(self._burst, self._tokens + passed * self._pace)
        self._pace = min(self._most, self._pace * (1 + GROWTH * passed))
        if now - self._counted_from >= 1:
            self._recent, self._counted, self._counted_from = self._counted / (now - self._counted_from), 0, now
        return int(self._tokens) if self._pace < FAST else 1_000_000

    def take(self) -> None:
        self._tokens -= 1
        self._counted += 1

    def slow_down(self) -> None:
        """The carrier says that it is too fast: half of what it took, at most once a second."""
        now = time.monotonic()
        if now - self._slowed_at < 1:
            return
        self._slowed_at = now
        self._pace = max(SLOWEST, min(self._pace, self._recent or self._counted) / 2)
        self._tokens = min(self._tokens, self._burst)
