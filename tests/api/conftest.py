"""A program with an owner's key, and rates that no test inherits from another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from people import World
from programs import Caller, caller

from heed.api.rates import rates


@pytest.fixture(autouse=True)
def _fresh_rates() -> Iterator[None]:
    rates.forget()
    yield
    rates.forget()


@pytest.fixture
def call(world: World) -> Caller:
    return caller(world)
