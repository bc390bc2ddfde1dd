"""Every endpoint against its own description, by generated requests: all of schemathesis's checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from people import World

from heed.core import accounts
from heed.core.models import Role
from heed.wsgi import application

# A request of the right shape may still name a sender that the account does not have: that is 400, as in Interact.
CHECKS = {
    "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404", "409"]},
    "negative_data_rejection": {"expected-statuses": ["400", "401", "404", "405", "413", "415"]},
}
CONFIG = schemathesis.Config.from_dict({"checks": CHECKS})
SCHEMA = schemathesis.openapi.from_wsgi("/v1/openapi.json", application, config=CONFIG)


@SCHEMA.hook
def filter_query(context: Any, query: Any) -> bool:
    """A parameter whose value is an empty list or object leaves nothing on the wire, so nothing that could be refused."""
    return all(value not in ([], {}) for value in (query or {}).values())


@pytest.fixture
def key(world: World) -> Iterator[str]:
    """An owner's key. The connection stays open between requests, as in Django's own test client: it will roll back."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield accounts.create_api_key(world.account, "fuzzer", Role.OWNER, actor="test")[1]
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_it_keeps_to_its_description(case: Any, key: str) -> None:
    case.call_and_validate(headers={"X-AUTH-KEY": key})
