"""The clock of hand-offs and leases."""

from __future__ import annotations

import time

from heed import clock


def test_it_goes_on_while_the_machine_sleeps(monkeypatch):
    clocks = {time.CLOCK_MONOTONIC: 100.0, time.CLOCK_BOOTTIME: 100.0}
    monkeypatch.setattr(time, "clock_gettime", clocks.__getitem__)
    began = clock.seconds()
    clocks[time.CLOCK_BOOTTIME] += 3600
    assert clock.seconds() - began == 3600
