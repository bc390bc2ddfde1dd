"""The SMPP front with its people, once for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import esme
import pytest
from people import World

from heed.workers.front.server import Front


@pytest.fixture(scope="module")
def floor(live_for_all) -> Iterator[esme.Floor]:
    with esme.floor() as found:
        yield found


@pytest.fixture
def smpp_world(floor) -> Iterator[World]:
    yield floor.world
    esme.tidy(floor)


@pytest.fixture
def front(floor, smpp_world) -> Front:
    return floor.front


@pytest.fixture
def password(smpp_world) -> str:
    """Of the system_id shop."""
    return esme.add(smpp_world.account)


@pytest.fixture
def bound(front, password) -> Iterator[esme.Esme]:
    with esme.Esme(front) as one:
        yield one.bind(password)
