"""Who looks at the console in its tests."""

from __future__ import annotations

import people
import pytest
from django.test import Client


@pytest.fixture
def owner(world: people.World) -> Client:
    return people.signed_in(world.owner)
