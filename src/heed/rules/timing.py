"""When a message may go: the time zones that a number may be in, and the hours of the day that are open there.

The time is given, never taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

_WITHOUT = "Etc/Unknown"
_STEP = timedelta(minutes=15)  # offsets from UTC are multiples of it


@dataclass(frozen=True, slots=True)
class Window:
    """From ``opens`` to ``closes`` o'clock, in the recipient's local time; over midnight if it closes before it opens."""

    opens: int
    closes: int

    def has(self, local: datetime) -> bool:
        if self.opens < self.closes:
            return self.opens <= local.hour < self.closes
        return local.hour >= self.opens or local.hour < self.closes


def hour_of(at: datetime, zone: ZoneInfo) -> datetime:
    """When the hour began that clocks in ``zone`` showed at ``at``; in some places that is at half past one of UTC."""
    local = at.astimezone(zone)
    return at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def quarter_of(at: datetime) -> datetime:
    """When the quarter of an hour began, which is one on every clock."""
    return at - timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)


def show(at: datetime) -> str:
    """``at`` as programs and files get it: 2026-03-31T09:30:00Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def default_window(country: str) -> Window | None:
    """What a new campaign of an account in ``country`` starts with: 8 to 21 in the US (47 CFR 64.1200(c)(1))."""
    return Window(8, 21) if country == "US" else None


def zone_of(recipient: int) -> str:
    """The zones that a number may be in, joined by "&" (``America/Denver&America/Los_Angeles``), or "" if nobody knows."""
    digits = str(recipient)
    head = digits[:_HEAD]
    return _zone(digits[:TIMEZONE_LONGEST_PREFIX] if head in _LONGER else head)


_HEAD = 7  # digits that decide, but for a few places
_LONGER = frozenset(prefix[:_HEAD] for prefix in TIMEZONE_DATA if len(prefix) > _HEAD)


@lru_cache(maxsize=1 << 16)
def _zone(digits: str) -> str:
    for length in range(len(digits), 0, -1):
        if zones := TIMEZONE_DATA.get(digits[:length]):
            return "&".join(zone for zone in zones if zone != _WITHOUT)
    return ""


def is_open(window: Window, zone: str, account_zone: str, now: datetime) -> bool:
    """Whether ``window`` is open now in all the places that ``zone`` may mean.

    Where they never are open together (a number that may be anywhere in +1), the account's own zone counts.
    """
    zones = _zones(zone)
    if not zones or not any(_all_open(window, zones, now + _STEP * step) for step in range(96)):
        zones = _zones(account_zone)
    return _all_open(window, zones, now)


def _all_open(window: Window, zones: tuple[ZoneInfo, ...], at: datetime) -> bool:
    return all(window.has(at.astimezone(zone)) for zone in zones)


@lru_cache(maxsize=4096)
def _zones(joined: str) -> tuple[ZoneInfo, ...]:
    return tuple(ZoneInfo(name) for name in joined.split("&") if name)
