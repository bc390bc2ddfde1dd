"""Local hours: zones by number, windows, and numbers that may be in several zones."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from heed.rules import timing
from heed.rules.timing import Window

DAY = Window(8, 21)
NEW_YORK, LOS_ANGELES, SOMEWHERE_IN_NANP = 12125550123, 12135550123, 18005550123


@pytest.mark.parametrize(
    ("recipient", "zone"),
    [
        (NEW_YORK, "America/New_York"),
        (LOS_ANGELES, "America/Los_Angeles"),
        (491711234567, "Europe/Berlin"),
        (999999999999, ""),
        (7, "Asia/Almaty"),
    ],
)
def test_zones_by_number(recipient, zone):
    assert timing.zone_of(recipient).startswith(zone)


@pytest.mark.parametrize(
    ("window", "zone", "hour", "is_open"),
    [
        (DAY, "America/New_York", 13, True),  # 8
        (DAY, "America/New_York", 12, False),
        (DAY, "America/New_York", 1, True),  # 20
        (DAY, "America/New_York", 2, False),  # 21
        (DAY, "America/New_York&America/Los_Angeles", 13, False),  # 6 in Los Angeles
        (DAY, "America/New_York&America/Los_Angeles", 16, True),
        (DAY, timing.zone_of(SOMEWHERE_IN_NANP), 22, True),  # from Guam to St. John's
        (DAY, timing.zone_of(SOMEWHERE_IN_NANP), 9, False),
        (Window(9, 12), timing.zone_of(SOMEWHERE_IN_NANP), 9, True),  # never open in all of them: the account's
        (DAY, "", 9, True),  # nobody knows: the account's
        (DAY, "", 22, False),
        (Window(22, 6), "Europe/London", 23, True),
        (Window(22, 6), "Europe/London", 6, False),
        (Window(0, 24), "Europe/London", 3, True),
    ],
)
def test_windows(window, zone, hour, is_open):
    at = datetime(2026, 1, 15, hour, 30, tzinfo=UTC)
    assert timing.is_open(window, zone, "Europe/London", at) is is_open


def test_a_new_campaign_in_the_us_waits_for_daytime():
    assert timing.default_window("US") == DAY
    assert timing.default_window("GB") is None


def test_a_time_is_shown_in_utc() -> None:
    at = datetime(2026, 3, 31, 11, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert timing.show(at) == "2026-03-31T09:30:00Z"
