"""POST /v1/sms, /v1/sms/test and /v1/messages, as programs written for Webex Interact call them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from people import ANNA, BEN, World
from programs import Caller, caller

from heed.core import accounts, outbound, sandbox
from heed.core.models import Connection, Message, Role
from heed.rules import numbers

PHONE, OTHER, NUMBER = numbers.show(ANNA), numbers.show(BEN), "+447700900001"
EXIT = "To opt out, text STOP to +447700900001"


def sms(*phones: str, **more: Any) -> dict[str, Any]:
    return {"message_body": f"Hi. {EXIT}", "from": NUMBER, "to": [{"phone": list(phones or [PHONE])}]} | more


def test_send_stop_and_see_why_the_next_is_not_sent(call: Caller) -> None:
    body = sms(message_body="Hello ${name}", global_merge_fields={"name": "Anna"})
    status, sent = call("POST", "/v1/sms", body)
    assert (status, sent["messages"][0]["status"], sent["errors"]) == (200, "queued", [])
    opted_out = [{"phone_number": PHONE, "inbound_number": NUMBER}]
    assert call("POST", "/v1/optouts/", opted_out)[1]["items"][0]["status"] == "created"
    status, again = call("POST", "/v1/sms/", body)
    assert (status, again["messages"][0]["status"], again["errors"]) == (200, "queued", [])
    _, listed = call("GET", f"/v1/messages/?to=%2B{ANNA}")
    assert [(one["status"], one["reason"]) for one in listed["items"]] == [("suppressed", "opted_out")] * 2
    assert listed["items"][0]["transaction_id"] == again["messages"][0]["transaction_id"]
    assert listed["items"][0]["text"] == "Hello Anna"
    (blocked,) = call("POST", "/v1/check", {"from": NUMBER, "to": [PHONE]})[1]["items"]
    assert (blocked["allowed"], blocked["reason"], blocked["scope"]) == (False, "opted_out", "sender")
    assert blocked["since"].endswith("Z")
    (free,) = call("POST", "/v1/check/", {"from": "ACME", "to": [PHONE]})[1]["items"]
    assert free == {"phone_number": PHONE, "allowed": True, "reason": None, "scope": None, "since": None}


def test_every_field_is_understood(call: Caller) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    body = {
        "message_body": f"${{greeting}} ${{ firstname }}, ${{n}} of ${{n}}. {EXIT}",
        "from": NUMBER,
        "name": "Spring sale",
        "global_merge_fields": {"greeting": "Hello", "firstname": "friend", "n": 2},
        "to": [
            {"phone": [PHONE], "merge_fields": {"firstname": "Anna"}, "correlation_id": "order-1"},
            {"phone": [OTHER], "correlation_id": None},
        ],
        "send_at": later.isoformat(),
        "valid_until": (later + timedelta(days=2)).isoformat(),
        "skip_optout_check": False,
    }
    _, answer = call("POST", "/v1/sms", body)
    assert (answer["name"], answer["errors"], answer["warnings"]) == ("Spring sale", [], [])
    assert [one["correlation_id"] for one in answer["messages"]] == ["order-1", None]
    first, second = Message.objects.order_by("id")
    assert first.text == f"Hello Anna, 2 of 2. {EXIT}"
    assert second.text == f"Hello friend, 2 of 2. {EXIT}"
    assert (first.state, first.due_at, first.expires_at) == ("waiting", later, later + timedelta(days=2))
    shown = call("GET", f"/v1/messages/{answer['messages'][0]['transaction_id']}/")[1]
    assert (shown["from"], shown["to"], shown["status"]) == (NUMBER, PHONE, "waiting")
    assert (shown["correlation_id"], shown["reason"], shown["settled_at"]) == ("order-1", None, None)


@pytest.mark.parametrize("spelling", ["+447700900001", "447700900001", "07700 900001", "ACME", "acme"])
def test_the_sender_is_found_however_it_is_written(call: Caller, spelling: str) -> None:
    status, answer = call("POST", "/v1/sms", sms(**{"from": spelling}))
    assert (status, len(answer["messages"])) == (200, 1)


def test_header_names_come_in_any_case(call: Caller) -> None:
    key = call.client.defaults["HTTP_X_AUTH_KEY"]
    for name in ("X-AUTH-KEY", "x-auth-key", "X-Auth-Key"):
        other = Caller("")
        assert other.raw("POST", "/v1/sms/", sms(), **{name: key}).status_code == 200


@pytest.mark.parametrize("zone", ["", "Z", "+00:00"])
def test_a_time_without_a_zone_is_utc(call: Caller, zone: str) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    call("POST", "/v1/sms", sms(send_at=later.replace(tzinfo=None).isoformat() + zone))
    assert Message.objects.get().due_at == later


def test_a_send_time_that_has_passed_is_now(call: Caller) -> None:
    now = datetime.now(UTC)
    body = sms(send_at=(now - timedelta(days=4)).isoformat())
    for valid_until, status in {timedelta(days=2): 200, timedelta(days=4): 400, timedelta(days=-3): 400}.items():
        assert call("POST", "/v1/sms", body | {"valid_until": (now + valid_until).isoformat()})[0] == status
    assert Message.objects.get().state == "queued"


def test_one_bad_number_keeps_no_other_from_being_sent_to(call: Caller) -> None:
    _, answer = call("POST", "/v1/sms", sms(PHONE, "12", PHONE, OTHER, message_body="Hi \0 \N{WAVING HAND SIGN}"))
    assert [one["to"] for one in answer["messages"]] == [PHONE, OTHER]
    assert [(one["to"], one["code"]) for one in answer["errors"]] == [("12", "invalid_number"), (PHONE, "duplicate")]


def test_a_missing_value_is_told_by_name(call: Caller) -> None:
    people = [{"phone": [PHONE], "merge_fields": {"first": "A"}}, {"phone": [OTHER], "merge_fields": {"first": None}}]
    _, answer = call("POST", "/v1/sms", sms(message_body="Hi ${first}", to=people))
    assert [one["to"] for one in answer["messages"]] == [PHONE]
    assert [(one["code"], one["message"]) for one in answer["errors"]] == [
        ("missing_value", "There is no value for first.")
    ]


def test_checking_a_send_sends_nothing(call: Caller) -> None:
    _, answer = call("POST", "/v1/sms/test", sms(PHONE, "12"))
    assert [(one["status"], one["transaction_id"]) for one in answer["messages"]] == [("validated", None)]
    assert (answer["request_id"], len(answer["errors"])) == (None, 1)
    assert Message.objects.count() == 0


@pytest.mark.parametrize(
    ("sender", "text", "codes"),
    [
        (NUMBER, f"Sale. {EXIT}", []),
        (NUMBER, "Sale.", ["no_exit"]),
        (NUMBER, "Sale. ${exit}", []),
        (NUMBER, "Sale. ${maybe}", ["no_exit"]),
        ("ACME", "Sale. Reply STOP to opt out", ["reply_to_name"]),
        ("ACME", "Sale. {link}", []),
    ],
)
def test_a_message_without_a_way_out_is_sent_with_a_warning(
    call: Caller, world: World, sender: str, text: str, codes: list[str]
) -> None:
    people = [
        {"phone": [PHONE], "merge_fields": {"exit": EXIT, "maybe": EXIT}},
        {"phone": [OTHER], "merge_fields": {"exit": EXIT, "maybe": "Bye"}},
    ]
    text = text.replace("{link}", accounts.opt_out_link(world.account))
    for path in ("/v1/sms", "/v1/sms/test"):
        _, answer = call("POST", path, sms(message_body=text, to=people, **{"from": sender}))
        assert [one["code"] for one in answer["warnings"]] == codes
        assert len(answer["messages"]) == 2


def test_ten_thousand_numbers_are_one_request(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    phones = [f"+1{area}55501{n:02}" for area in range(201, 301) for n in range(100)]
    _, answer = call("POST", "/v1/sms", sms(*phones))
    assert (len(answer["messages"]), answer["errors"]) == (10_000, [])
    assert [one["to"] for one in answer["messages"]] == phones
    assert Message.objects.count() == 10_000
    items = call("POST", "/v1/check", {"from": NUMBER, "to": phones})[1]["items"]
    assert [one["phone_number"] for one in items] == phones
    for path, body in {"/v1/sms": sms(*phones, PHONE), "/v1/check": {"from": NUMBER, "to": [*phones, PHONE]}}.items():
        status, refused = call("POST", path, body)
        assert (status, refused["code"], refused["field"]) == (400, "too_many", "to")


def test_numbers_for_fiction_are_the_sandboxs_alone(call: Caller, world: World) -> None:
    link = Connection.objects.create(kind="real", name="Real", token="tok2")  # noqa: S106
    type(world.number).objects.filter(id=world.number.id).update(connection=link)
    real = "+442079460018"
    assert numbers.parse(real) == 442079460018
    status, refused = call("POST", "/v1/sms", sms(PHONE))
    assert (status, refused["code"]) == (400, "invalid_number")
    items = call("POST", "/v1/check", {"from": NUMBER, "to": [PHONE, real]})[1]["items"]
    assert [(one["allowed"], one["reason"]) for one in items] == [(False, "invalid_number"), (True, None)]
    assert sandbox.connection_of() == world.link


REFUSED = [
    ({"message_body": None}, "invalid", "message_body"),
    ({"message_body": " "}, "empty", "message_body"),
    ({"message_body": "x" * 1600}, "too_long", "message_body"),
    ({"message_body": None, "template_id": "7"}, "unknown_template", "template_id"),
    ({"template_id": "7"}, "invalid", "message_body"),
    ({"skip_optout_check": True}, "no_way_round", "skip_optout_check"),
    ({"skip_optout_check": "true"}, "invalid", "skip_optout_check"),
    ({"from": "NOBODY"}, "unknown_sender", "from"),
    ({"from": "+447700900003"}, "unknown_sender", "from"),  # the stranger's
    ({"from": None}, "invalid", "from"),
    ({"to": []}, "invalid", "to"),
    ({"to": [{"phone": []}]}, "invalid", "to.0.phone"),
    ({"to": [{"phone": PHONE}]}, "invalid", "to.0.phone"),
    ({"to": [{"phone": [447700900501]}]}, "invalid", "to.0.phone.0"),
    ({"to": [{"phone": ["12"]}]}, "invalid_number", "to"),
    ({"to": [{"phone": [PHONE], "merge_fields": {"a": [1]}}]}, "invalid", None),
    ({"to": [{"phone": [PHONE], "correlation_id": "x" * 121}]}, "invalid", "to.0.correlation_id"),
    ({"message_body": "Hi ${name}"}, "missing_value", "to"),
    ({"name": "x" * 121}, "invalid", "name"),
    ({"send_at": "2999-01-01T00:00:00Z"}, "invalid", "send_at"),
    ({"send_at": "0001-01-01T00:00:00+14:00"}, "invalid", "send_at"),
    ({"send_at": "tomorrow"}, "invalid", "send_at"),
    ({"send_at": 1_900_000_000}, "invalid", "send_at"),
    ({"valid_until": "2001-01-01T00:00:00"}, "invalid", "valid_until"),
    ({"valid_until": "2999-01-01T00:00:00"}, "invalid", "valid_until"),
]


@pytest.mark.parametrize(("more", "code", "field"), REFUSED)
def test_a_bad_request_is_told_where_it_is_bad(
    call: Caller, more: dict[str, Any], code: str, field: str | None
) -> None:
    for path in ("/v1/sms", "/v1/sms/test"):
        status, refused = call("POST", path, sms() | more)
        assert (status, refused["code"]) == (400, code)
        assert field is None or refused["field"] == field
    assert Message.objects.count() == 0


def test_the_way_round_is_refused_with_the_reason(call: Caller) -> None:
    _, refused = call("POST", "/v1/sms", sms(skip_optout_check=True))
    assert "opted out" in refused["message"]


def test_messages_are_found_by_person_and_state(call: Caller, world: World) -> None:
    call("POST", "/v1/optouts", [{"phone_number": PHONE, "account_level_opt_out": True}])
    call("POST", "/v1/sms", sms(PHONE, OTHER))
    found = call("GET", f"/v1/messages?to=%2B{BEN}")[1]["items"]
    assert [(one["to"], one["status"]) for one in found] == [(OTHER, "queued")]
    assert [one["to"] for one in call("GET", "/v1/messages?status=suppressed")[1]["items"]] == [PHONE]
    assert call("GET", "/v1/messages?status=delivered")[1]["items"] == []
    assert call("GET", "/v1/messages?status=lost")[0] == 400
    assert call("GET", "/v1/messages?t0=x")[1]["code"] == "unknown_parameter"


def test_a_message_of_another_door_is_shown_too(call: Caller, world: World) -> None:
    outbound.queue(world.name, [outbound.Draft(BEN, OTHER, "Hi")], door="quick_send", actor="anna")
    (shown,) = call("GET", "/v1/messages")[1]["items"]
    assert (shown["from"], shown["correlation_id"]) == ("ACME", None)


def test_a_marketers_key_sends(world: World) -> None:
    assert caller(world, Role.MARKETER)("POST", "/v1/sms", sms())[0] == 200
