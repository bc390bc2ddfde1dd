"""Until when a person has to have decided."""

from __future__ import annotations

from datetime import datetime, timedelta

SATURDAY = 5


def after_weekdays(start: datetime, weekdays: int) -> datetime:
    """The same time of day ``weekdays`` weekdays after ``start``."""
    end = start
    while weekdays > 0:
        end += timedelta(days=1)
        weekdays -= end.weekday() < SATURDAY
    return end
