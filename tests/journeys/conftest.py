"""One installation for all journeys of a test process: starting one takes longer than a journey."""

from __future__ import annotations

from collections.abc import Iterator

import databases
import pytest
from installation import Installation, Phone, Shop, serving


@pytest.fixture(scope="session")
def installation(django_db_setup: None) -> Iterator[Installation]:
    name = f"heed_journeys_{databases.WORKER}"
    databases.make(name, f"heed_template_{databases.WORKER}")
    try:
        with serving(databases.place(name)) as here:
            here.heed("shared-number", "add", "+447700900499")
            yield here
    finally:
        databases.drop(name)


@pytest.fixture
def shop(installation: Installation, request: pytest.FixtureRequest) -> Shop:
    return installation.shop(f"Shop {next(_shops)}")


@pytest.fixture
def phone(installation: Installation) -> Phone:
    return installation.phone()


_shops = iter(range(1, 1000))
