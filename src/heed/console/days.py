"""Days as filters ask for them: from the first one's midnight to the end of the last, in the account's time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _


def between(asked: Mapping[str, str], errors: dict[str, str]) -> tuple[datetime | None, datetime | None]:
    """The moments that ``first`` and ``last`` mean, the second the first one too late; what is wrong goes to ``errors``."""
    first, last = (_day(asked[name], name, errors) for name in ("first", "last"))
    if first and last and first > last:
        errors["last"] = _("The first day comes after the last.")
    return (midnight(first) if first else None), (midnight(last + timedelta(days=1)) if last else None)


def _day(raw: str, name: str, errors: dict[str, str]) -> date | None:
    if not raw:
        return None
    try:
        day = date.fromisoformat(raw)
        midnight(day + timedelta(days=1))
    except (ValueError, OverflowError):
        errors[name] = _("Write the day as 2026-03-31.")
        return None
    return day


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_current_timezone()).astimezone(UTC)
