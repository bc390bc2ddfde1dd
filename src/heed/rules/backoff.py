"""How long to wait before another try."""

from __future__ import annotations


def delay_s(tries: int, *, first_s: float = 2, most_s: float = 900) -> float:
    """Seconds before try ``tries`` + 1, doubling from ``first_s`` to ``most_s``."""
    return min(most_s, first_s * 2.0 ** min(max(0, tries - 1), 40))
