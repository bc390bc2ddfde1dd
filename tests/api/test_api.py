"""/v1, as programs written for it call it."""

from __future__ import annotations

from typing import Any

import pytest
from people import ANNA, BEN, World
from programs import Caller, caller

from heed.core import accounts
from heed.core.models import ApiKey, Message, Role
from heed.rules import numbers

PHONE, NUMBER, SECOND = numbers.show(ANNA), "+447700900001", "+447700900002"


@pytest.fixture
def call(world: World) -> Caller:
    return caller(world)


def sms(*phones: str, **more: Any) -> dict[str, Any]:
    return {"message_body": "Hello ${name}", "from": NUMBER, "to": [{"phone": list(phones)}]} | more


def test_send_stop_and_see_why_the_next_is_not_sent(call: Caller, world: World) -> None:
    body = sms(PHONE, global_merge_fields={"name": "Anna"})
    status, sent = call("POST", "/v1/sms", body)
    assert (status, sent["messages"][0]["status"], sent["errors"]) == (200, "queued", [])
    opted_out = [{"phone_number": PHONE, "inbound_number": NUMBER}]
    assert call("POST", "/v1/optouts/", opted_out)[1]["items"][0]["status"] == "created"
    assert call("POST", "/v1/optouts", opted_out)[1]["items"][0]["status"] == "exists"
    status, again = call("POST", "/v1/sms/", body)
    assert (status, again["messages"][0]["status"]) == (200, "queued")
    _, listed = call("GET", f"/v1/messages/?to=%2B{ANNA}")
    assert [(one["status"], one["reason"]) for one in listed["items"]] == [("suppressed", "opted_out")] * 2
    assert listed["items"][0]["text"] == "Hello Anna"
    (blocked,) = call("POST", "/v1/check", {"from": NUMBER, "to": [PHONE]})[1]["items"]
    assert (blocked["allowed"], blocked["reason"], blocked["scope"]) == (False, "opted_out", "sender")
    assert blocked["since"].endswith("Z")
    (free,) = call("POST", "/v1/check/", {"from": "ACME", "to": [PHONE]})[1]["items"]
    assert free["allowed"]


def test_lifting_names_one_row_and_needs_a_reason(call: Caller, world: World) -> None:
    call("POST", "/v1/optouts", [{"phone_number": PHONE, "account_level_opt_out": True}])
    row = {"phone_number": PHONE, "inbound_number": NUMBER}
    assert call("DELETE", "/v1/optouts/", [row])[1]["items"][0]["status"] == "not_found"
    account_row = {"phone_number": PHONE, "account_level_opt_out": True}
    marketer = caller(world, Role.MARKETER)
    assert marketer("DELETE", "/v1/optouts/", [account_row])[1]["items"][0]["status"] == "forbidden"
    assert call("DELETE", "/v1/optouts/", [account_row])[1]["items"][0]["status"] == "deleted"
    assert call("GET", "/v1/optouts/")[1]["items"] == []


def test_the_same_idempotency_key_sends_once(call: Caller) -> None:
    body = sms(PHONE, message_body="Hi")
    first = call("POST", "/v1/sms", body, idempotency_key="k1")
    assert call("POST", "/v1/sms", body, idempotency_key="k1") == first
    assert Message.objects.count() == 1
    status, refused = call("POST", "/v1/sms", sms(PHONE, message_body="Ho"), idempotency_key="k1")
    assert (status, refused["code"]) == (409, "idempotency")


def test_numbers_are_bought_changed_and_released(call: Caller) -> None:
    _, found = call("GET", "/v1/numbers/inventory?country=GB&limit=1")
    status, bought = call("POST", "/v1/numbers/", found["items"][0])
    assert status == 201
    path = f"/v1/numbers/{bought['id']}"
    changed = call("PATCH", path, {"reply_message": "Bye.", "keywords": [{"word": "END", "reply": None}]})[1]
    assert [word["word"] for word in changed["keywords"]] == ["STOP", "UNSUBSCRIBE", "END"]
    assert call("GET", path + "/")[1]["reply_message"] == "Bye."
    assert call("DELETE", path)[0] == 200
    assert call("GET", path)[0] == 404


def test_the_account_tells_its_free_keyword_and_link(call: Caller, world: World) -> None:
    _, account = call("GET", "/v1/account")
    assert account["free_keyword"] == accounts.free_keyword(world.account)
    assert account["free_keyword_number"] == world.shared.address
    assert account["opt_out_link"].endswith(world.account.link_code)


def test_a_stranger_sees_and_changes_nothing(call: Caller, world: World) -> None:
    sent = call("POST", "/v1/sms", sms(PHONE, message_body="Hi"))[1]["messages"][0]["transaction_id"]
    number = next(one for one in call("GET", "/v1/numbers")[1]["items"] if one["phone_number"] == NUMBER)["id"]
    call("POST", "/v1/optouts", [{"phone_number": PHONE, "account_level_opt_out": True}])
    stranger = caller(world, Role.OWNER, stranger=True)
    assert stranger("GET", f"/v1/messages/{sent}")[0] == 404
    for method in ("GET", "PATCH", "DELETE"):
        assert stranger(method, f"/v1/numbers/{number}", {})[0] == 404
    for path in ("/v1/messages", "/v1/optouts", "/v1/senders"):
        assert stranger("GET", path)[1]["items"] == []
    assert stranger("POST", "/v1/sms", sms(PHONE, message_body="Hi"))[0] == 400
    assert stranger("POST", "/v1/check", {"from": NUMBER, "to": [PHONE]})[0] == 400
    lifted = stranger("DELETE", "/v1/optouts", [{"phone_number": PHONE, "account_level_opt_out": True}])
    assert lifted[1]["items"][0]["status"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/sms", sms(PHONE)),
        ("POST", "/v1/numbers", {"phone_number": "+447700900100"}),
        ("POST", "/v1/senders", {"name": "X"}),
        ("POST", "/v1/optouts", []),
        ("DELETE", "/v1/optouts", []),
    ],
)
def test_a_viewer_only_reads(world: World, method: str, path: str, body: Any) -> None:
    assert caller(world, Role.VIEWER)(method, path, body)[0] == 403


@pytest.mark.parametrize("secret", ["", "wrong", "\N{SNOWMAN}", "x" * 500])
def test_a_wrong_key_is_401(world: World, secret: str) -> None:
    assert Caller(secret)("GET", "/v1/account")[0] == 401


def test_a_revoked_key_is_401(call: Caller, world: World) -> None:
    accounts.revoke_api_key(world.account, ApiKey.objects.get().id, actor="test")
    assert call("GET", "/v1/account")[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/sms", b"{"),
        ("POST", "/v1/sms", b"\xff\xfe"),
        ("POST", "/v1/sms", b"[" * 100_000),
        ("POST", "/v1/sms", sms(PHONE, skip_optout_check=True)),
        ("POST", "/v1/sms", sms(PHONE)),
        ("POST", "/v1/sms", sms("12", message_body="x")),
        ("POST", "/v1/sms", sms(message_body="x")),
        ("POST", "/v1/sms", sms(PHONE, message_body=" ")),
        ("POST", "/v1/sms", sms(PHONE, message_body="x", **{"from": "NOBODY\0"})),
        ("POST", "/v1/sms", sms(PHONE, message_body="x", send_at="2999-01-01T00:00:00Z")),
        ("POST", "/v1/sms", sms(PHONE, message_body="x", valid_until="2001-01-01T00:00:00")),
        ("POST", "/v1/sms", {"message_body": "x", "from": NUMBER, "to": [{"phone": [PHONE] * 10_001}]}),
        ("POST", "/v1/check", {"from": NUMBER, "to": "x"}),
        ("GET", "/v1/messages?limit=0", None),
        ("GET", "/v1/messages?limit=99999999999999999999999", None),
        ("GET", "/v1/messages?next=cur_00", None),
        ("GET", "/v1/messages?to=%00", None),
        ("POST", "/v1/numbers", {"phone_number": "+447700900999"}),
        ("POST", "/v1/senders", {"name": "MUCH TOO LONG NAME"}),
    ],
)
def test_bad_input_is_a_clear_error(call: Caller, method: str, path: str, body: Any) -> None:
    status, answer = call(method, path, body)
    assert status == 400
    assert set(answer) == {"message", "code", "field"}
    assert Message.objects.count() == 0


def test_one_bad_number_keeps_no_other_from_being_sent_to(call: Caller) -> None:
    _, answer = call(
        "POST", "/v1/sms", sms(PHONE, "12", PHONE, numbers.show(BEN), message_body="Hi \0 \N{WAVING HAND SIGN}")
    )
    assert [one["to"] for one in answer["messages"]] == [PHONE, numbers.show(BEN)]
    assert [one["code"] for one in answer["errors"]] == ["invalid_number", "duplicate"]


def test_lists_go_on_where_they_ended(call: Caller) -> None:
    phones = [numbers.show(447700900500 + n) for n in range(5)]
    call("POST", "/v1/sms", sms(*phones, message_body="Hi"))
    first = call("GET", "/v1/messages?limit=3")[1]
    second = call("GET", f"/v1/messages?limit=3&next={first['next']}")[1]
    assert [one["to"] for one in first["items"] + second["items"]] == phones[::-1]
    assert second["next"] is None


def test_the_description_names_every_endpoint(call: Caller) -> None:
    _, described = call("GET", "/v1/openapi.json")
    assert {"/v1/sms", "/v1/optouts", "/v1/check", "/v1/messages", "/v1/numbers/{number_id}"} <= set(described["paths"])
