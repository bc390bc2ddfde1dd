"""Time spent, for what must not be late: hand-offs and leases. It passes while the machine sleeps, too.

A process that wakes after an hour must not hand off what it claimed before; ``time.monotonic`` stands still meanwhile.
"""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux; elsewhere the monotonic clock goes on


def seconds() -> float:
    """Only differences mean anything."""
    return time.clock_gettime(_CLOCK)
