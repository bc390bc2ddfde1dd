"""When a campaign is refused so often that it must stop and ask: wrong credentials, a blocked sender, a bad list."""

from __future__ import annotations

LEAST = 50  # outcomes, before anything is said
LOOKED_BACK = 500  # outcomes; older ones count no more
SHARE = 0.3


def too_many(sent: int, failed: int) -> bool:
    """Whether of the latest outcomes too many were refusals."""
    return sent + failed >= LEAST and failed >= SHARE * (sent + failed)


def starts_anew(sent: int, failed: int) -> bool:
    """Whether enough was seen, so that the next look counts from here: trouble that begins late is not averaged away."""
    return sent + failed >= LOOKED_BACK
