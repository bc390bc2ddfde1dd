"""The rate of a key."""

from __future__ import annotations

from typing import Any

from people import World
from programs import Caller, caller

from heed.api.rates import Rates
from heed.core.models import Role


def test_a_bucket_empties_and_fills_again() -> None:
    now = [100.0]
    rates = Rates(clock=lambda: now[0])
    assert [rates.wait_s(1, 2) for _ in range(20)] == [0] * 20  # a burst of ten seconds' worth
    assert rates.wait_s(1, 2) == 0.5
    assert rates.wait_s(2, 2) == 0  # another key has its own
    now[0] += 0.5
    assert rates.wait_s(1, 2) == 0
    assert rates.wait_s(1, 2) == 0.5
    now[0] += 3600
    assert [rates.wait_s(1, 2) for _ in range(21)] == [0] * 20 + [0.5]  # and never holds more


def test_over_its_rate_a_key_is_told_when_to_come_again(call: Caller, world: World, settings: Any) -> None:
    settings.API_RATE = 1
    answers = [call.raw("GET", "/v1/account") for _ in range(12)]
    assert [one.status_code for one in answers] == [200] * 10 + [429] * 2
    assert answers[-1]["Retry-After"] == "1"
    assert answers[-1].json()["code"] == "too_many_requests"
    assert caller(world, Role.VIEWER)("GET", "/v1/account")[0] == 200


def test_a_rate_of_0_is_no_limit(call: Caller, settings: Any) -> None:
    settings.API_RATE = 0
    assert {call("GET", "/v1/account")[0] for _ in range(30)} == {200}
