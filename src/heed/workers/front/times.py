"""Times as SMPP 3.4 writes them (section 7.1.1): a moment with its quarter hours from UTC, or a span from now. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_FORM = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([-+R])", re.ASCII)
_MONTH, _YEAR = timedelta(days=30), timedelta(days=365)


def read(raw: str, now: datetime) -> datetime | None:
    """The moment that ``raw`` names, None for "". Raises ValueError."""
    if not raw:
        return None
    found = _FORM.fullmatch(raw)
    if found is None:
        raise ValueError(f"{raw!r} is no time.")
    year, month, day, hour, minute, second, _, quarters = map(int, found.groups()[:-1])
    if found[9] == "R":
        span = timedelta(days=day, hours=hour, minutes=minute, seconds=second)
        return now + year * _YEAR + month * _MONTH + span
    if quarters > 48:
        raise ValueError(f"{raw!r} is too far from UTC.")
    local = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    offset = timedelta(minutes=15 * quarters)
    return local - offset if found[9] == "+" else local + offset


def show(at: datetime | None) -> str:
    """``at`` in UTC, "" for None."""
    return at.astimezone(UTC).strftime("%y%m%d%H%M%S000+") if at else ""
