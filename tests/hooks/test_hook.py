"""Carriers call us: what is committed before the 200, and what is refused."""

from __future__ import annotations

import io
import json
import logging

import pytest
from django.db import OperationalError
from hooking import call
from people import ANNA, World

from heed.core import gate, handoff, inbound, leases, outbound
from heed.core.handoff import Sent
from heed.core.models import Connection, Inbound, Message
from heed.core.outbound import Draft
from heed.hooks import calls, writer
from heed.providers.base import BadHook
from heed.rules import numbers

TEXT = {"id": "m1", "from": numbers.show(ANNA), "to": "+447700900001", "text": "STOP"}


@pytest.fixture(autouse=True)
def forget_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a database of its own; the writer's thread stays."""
    calls._known.clear()
    monkeypatch.setattr(writer, "IDLE_S", 0)


def post(body: object, path: str = "/hooks/sandbox/tok/") -> int:
    return call(body if isinstance(body, bytes) else json.dumps(body).encode(), path)[0]


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
        (b"[" * 100_000, 400),
        ([1], 400),
        ({"from": 1, "to": "x", "text": "x"}, 400),
        (TEXT | {"at": "soon"}, 400),
        (b" " * (2**20 + 1), 413),
    ],
)
def test_what_can_not_be_read_is_refused_in_words(live_world: World, body: object, status: int) -> None:
    assert post(body) == status
    assert Inbound.objects.count() == 0


@pytest.mark.parametrize("path", ["/hooks/sandbox/other/", "/hooks/nobody/tok/", "/hooks/", "/hooks/sandbox/t\0k/"])
def test_an_unknown_address_is_404(live_world: World, path: str) -> None:
    assert post(TEXT, path) == 404


def test_the_slash_at_the_end_may_be_left_out(live_world: World) -> None:
    assert post(TEXT, "/hooks/sandbox/tok") == 200


def test_a_get_changes_nothing(live_world: World) -> None:
    assert call(REQUEST_METHOD="GET")[0] == 405


@pytest.mark.parametrize("length", ["7", "many", "-1"])
def test_a_body_of_another_length_is_refused(length: str) -> None:
    with pytest.raises(BadHook) as refused:
        calls._body({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"{}")})
    assert refused.value.status == 400


def test_a_database_that_fails_asks_the_carrier_to_try_again(
    live_world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(batch: object) -> None:
        raise OperationalError

    monkeypatch.setattr(inbound, "receive_all", fail)
    with caplog.at_level(logging.CRITICAL):
        status, headers = call(json.dumps(TEXT).encode())
    assert (status, headers["Retry-After"]) == (503, "5")


def test_headers_are_found_in_any_case() -> None:
    headers = calls._Headers({"HTTP_X_TWILIO_SIGNATURE": "s", "CONTENT_TYPE": "text/xml", "PATH_INFO": "/"})
    assert headers["x-twilio-signature"] == "s"
    assert dict(headers) == {"X-Twilio-Signature": "s", "Content-Type": "text/xml"}
    assert headers.get("Host") is None


def test_a_receipt_has_committed_before_the_200(live_world: World) -> None:
    token = leases.take("test")
    outbound.queue(live_world.number, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="command", actor="test")
    [message] = gate.claim(live_world.link.id, 10, token)
    handoff.handed_off([Sent(message.id, "sandbox-1", message.of)], token)
    assert post([{"receipt": "sandbox-1", "state": "delivered"}, TEXT]) == 200
    assert Message.objects.get(id=message.id).state == "delivered"
    assert gate.may_send(live_world.account.id, live_world.number.id, [ANNA])


def test_a_connection_that_can_not_be_used_asks_for_another_try(live_world: World) -> None:
    Connection.objects.create(kind="nothing", name="Old", token="old")  # noqa: S106
    assert call(json.dumps(TEXT).encode(), "/hooks/nothing/old/")[0] == 503
