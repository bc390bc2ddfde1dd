"""Carriers call us: what is committed before the 200, and what is refused."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from people import ANNA, World

from heed.core import gate
from heed.core.models import Inbound
from heed.hooks import views
from heed.rules import numbers

TEXT = {"id": "m1", "from": numbers.show(ANNA), "to": "+447700900001", "text": "STOP"}


@pytest.fixture(autouse=True)
def forget_connections() -> None:
    views._known.clear()


def post(body: object, path: str = "/hooks/sandbox/tok/") -> int:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return Client(raise_request_exception=False).post(path, data, content_type="application/json").status_code


def test_a_stop_has_committed_before_the_200_and_a_replay_adds_nothing(live_world: World) -> None:
    assert post(TEXT) == 200
    assert gate.may_send(live_world.account.id, live_world.number.id, [ANNA])
    assert post([TEXT, TEXT]) == 200
    assert Inbound.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        ([1], 400),
        ({"from": 1, "to": "x", "text": "x"}, 400),
        (TEXT | {"at": "soon"}, 400),
        (b" " * (2**20 + 1), 413),
    ],
)
def test_what_can_not_be_read_is_refused_in_words(live_world: World, body: object, status: int) -> None:
    assert post(body) == status
    assert Inbound.objects.count() == 0


def test_an_unknown_token_is_404(live_world: World) -> None:
    assert post(TEXT, "/hooks/sandbox/other/") == 404
    assert post(TEXT, "/hooks/nobody/tok/") == 404


def test_a_get_changes_nothing(live_world: World) -> None:
    assert Client().get("/hooks/sandbox/tok/").status_code == 405
