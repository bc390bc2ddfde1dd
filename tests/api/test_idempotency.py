"""An Idempotency-Key sends once and answers the same, for a day, whatever happens in between."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from people import ANNA, BEN, World
from programs import Caller, caller

from heed.core import database, housekeeping, outbound, senders
from heed.core.models import IdempotencyKey, Message, Role
from heed.rules import numbers

PHONE, NUMBER = numbers.show(ANNA), "+447700900001"


def body(text: str = "Hi") -> dict[str, Any]:
    return {"message_body": text, "from": NUMBER, "name": "Sale", "to": [{"phone": [PHONE, "12", PHONE]}]}


def test_the_same_key_sends_once_and_answers_the_same(call: Caller) -> None:
    first = call("POST", "/v1/sms", body(), idempotency_key="k1")
    assert [len(first[1][part]) for part in ("messages", "errors", "warnings")] == [1, 2, 1]
    assert call("POST", "/v1/sms/", body(), idempotency_key="k1") == first
    assert call("POST", "/v1/sms", body(), idempotency_key="k2") != first
    assert Message.objects.count() == 2


def test_the_answer_stays_when_the_request_would_now_be_refused(call: Caller, world: World) -> None:
    soon = body() | {"send_at": (database.now() + timedelta(minutes=1)).isoformat()}
    soon["valid_until"] = (database.now() + timedelta(minutes=2)).isoformat()
    first = call("POST", "/v1/sms", soon, idempotency_key="k1")
    senders.release(world.number, actor="test")
    assert call("POST", "/v1/sms", soon, idempotency_key="k1") == first
    assert call("POST", "/v1/sms", soon, idempotency_key="k2")[0] == 400


def test_another_body_is_refused(call: Caller) -> None:
    call("POST", "/v1/sms", body(), idempotency_key="k1")
    status, refused = call("POST", "/v1/sms", body("Ho"), idempotency_key="k1")
    assert (status, refused["code"]) == (409, "idempotency")
    assert Message.objects.count() == 1


def test_a_key_belongs_to_its_account(call: Caller, world: World) -> None:
    first = call("POST", "/v1/sms", body(), idempotency_key="k1")
    stranger = caller(world, Role.OWNER, stranger=True)
    theirs = body() | {"from": world.other_number.address}
    assert stranger("POST", "/v1/sms", theirs, idempotency_key="k1")[1]["request_id"] != first[1]["request_id"]


def test_a_first_try_that_was_refused_does_not_stand_in_the_way(call: Caller) -> None:
    assert call("POST", "/v1/sms", body(" "), idempotency_key="k1")[0] == 400
    assert call("POST", "/v1/sms", body(), idempotency_key="k1")[0] == 200


def test_a_first_try_that_broke_off_does_not_stand_in_the_way(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(outbound, "_note_mentions", lambda *_: 1 / 0)
        assert call.raw("POST", "/v1/sms", body(), idempotency_key="k1").status_code == 500
    assert IdempotencyKey.objects.count() == Message.objects.count() == 0
    assert call("POST", "/v1/sms", body(), idempotency_key="k1")[0] == 200


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_after_a_day_the_key_is_a_new_one(call: Caller, is_forgotten: bool) -> None:
    call("POST", "/v1/sms", body(), idempotency_key="k1")
    IdempotencyKey.objects.update(created_at=database.now() - timedelta(hours=24))
    if is_forgotten:
        housekeeping.forget_old()
    assert call("POST", "/v1/sms", body("Ho"), idempotency_key="k1")[0] == 200
    assert Message.objects.count() == 2


def test_twins_send_once(live_world: World) -> None:
    secret_caller = caller(live_world)
    answers: list[Any] = []
    ready = threading.Barrier(6)

    def twin() -> None:
        ready.wait()
        try:
            answers.append(secret_caller("POST", "/v1/sms", body(), idempotency_key="k1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=twin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert all(one == answers[0] for one in answers)
    assert list(Message.objects.values_list("recipient", flat=True)) == [ANNA]
    assert secret_caller("POST", "/v1/check", {"from": NUMBER, "to": [numbers.show(BEN)]})[0] == 200
