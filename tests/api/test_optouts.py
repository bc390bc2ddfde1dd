"""/v1/optouts: what programs add, find and lift."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from people import ANNA, BEN, World
from programs import Caller, caller

from heed.core import consent, database, senders
from heed.core.consent import Cause
from heed.core.models import LedgerEntry, Role, Source
from heed.rules import numbers

PHONE, OTHER, NUMBER, SECOND = numbers.show(ANNA), numbers.show(BEN), "+447700900001", "+447700900002"
ACCOUNT = {"phone_number": PHONE, "account_level_opt_out": True}
SENDER = {"phone_number": PHONE, "inbound_number": NUMBER}


def statuses(answer: tuple[int, Any]) -> list[str]:
    status, told = answer
    assert status == 200
    return [item["status"] for item in told["items"]]


def test_each_item_has_its_own_status(call: Caller) -> None:
    items = [
        ACCOUNT,
        ACCOUNT,
        SENDER,
        SENDER | {"inbound_number": "acme", "channel": "sms"},
        {"phone_number": "12", "account_level_opt_out": True},
        {"phone_number": PHONE},
        ACCOUNT | {"inbound_number": NUMBER},
        SENDER | {"inbound_number": "+447700900003"},
        ACCOUNT | {"channel": "WHATSAPP"},
        {"phone_number": "07700 900502", "account_level_opt_out": True, "reason": "Asked by phone"},
    ]
    answer = call("POST", "/v1/optouts/", items)
    expected = ["created", "exists", "created", "created", *["invalid"] * 5, "created"]
    assert statuses(answer) == expected
    told = answer[1]["items"]
    assert [bool(item["message"]) for item in told] == [status == "invalid" for status in expected]
    assert (told[-1]["phone_number"], told[-1]["reason"]) == (OTHER, "Asked by phone")
    assert (told[3]["inbound_number"], told[3]["channel"]) == ("acme", "sms")
    entry = LedgerEntry.objects.order_by("id").last()
    assert entry is not None
    assert (entry.source, entry.actor, entry.note) == ("api", "key program", "Asked by phone")


def test_statuses_stand_where_their_items_stood(call: Caller) -> None:
    call("POST", "/v1/optouts", [ACCOUNT])
    other = ACCOUNT | {"phone_number": OTHER}
    assert statuses(call("POST", "/v1/optouts", [other, ACCOUNT])) == ["created", "exists"]
    assert statuses(call("DELETE", "/v1/optouts", [SENDER, other, ACCOUNT])) == ["not_found", "deleted", "deleted"]


def test_lifting_names_one_row(call: Caller) -> None:
    call("POST", "/v1/optouts", [ACCOUNT, SENDER])
    second = SENDER | {"inbound_number": SECOND}
    assert statuses(call("DELETE", "/v1/optouts/", [second, SENDER, SENDER])) == ["not_found", "deleted", "not_found"]
    assert LedgerEntry.objects.filter(act="opt_in").count() == 1
    (left,) = call("GET", "/v1/optouts/")[1]["items"]
    assert left["account_level_opt_out"]
    assert statuses(call("DELETE", "/v1/optouts", [left])) == ["deleted"]  # as it was listed
    assert call("GET", "/v1/optouts/")[1] == {"items": [], "next": None}


def test_what_a_person_asked_for_is_lifted_with_a_reason(call: Caller, world: World) -> None:
    consent.opt_out(world.account.id, world.number.id, ANNA, Cause(Source.KEYWORD))
    assert statuses(call("DELETE", "/v1/optouts", [SENDER, SENDER | {"reason": " "}])) == ["reason_required"] * 2
    assert statuses(call("DELETE", "/v1/optouts", [SENDER | {"reason": "Wrote to us on Monday"}])) == ["deleted"]


@pytest.mark.parametrize(
    ("role", "added", "lifted"),
    [
        (Role.OWNER, "created", "deleted"),
        (Role.ADMINISTRATOR, "created", "deleted"),
        (Role.MARKETER, "created", "forbidden"),
        (Role.VIEWER, 403, 403),
    ],
)
def test_roles(world: World, role: Role, added: Any, lifted: Any) -> None:
    program = caller(world, role)
    for method, expected in (("POST", added), ("DELETE", lifted)):
        status, told = program(method, "/v1/optouts", [ACCOUNT])
        assert expected == (status if status != 200 else told["items"][0]["status"])
    standing = role in (Role.MARKETER,)
    assert bool(program("GET", "/v1/optouts")[1]["items"]) == standing


def test_a_record_is_of_the_account_or_of_a_sender(call: Caller, world: World) -> None:
    call("POST", "/v1/optouts", [ACCOUNT, SENDER])
    of_sender, of_account = call("GET", "/v1/optouts")[1]["items"]
    number = next(one for one in call("GET", "/v1/numbers")[1]["items"] if one["phone_number"] == NUMBER)
    assert (of_sender["inbound_asset_id"], of_sender["inbound_number"]) == (number["id"], NUMBER)
    assert (of_account["inbound_asset_id"], of_account["inbound_number"]) == (None, None)
    assert of_account["opt_out_time"].endswith("Z")


def test_the_list_is_filtered(call: Caller, world: World) -> None:
    def found(query: str) -> list[tuple[str, str | None]]:
        return [(one["phone_number"], one["inbound_number"]) for one in call("GET", f"/v1/optouts?{query}")[1]["items"]]

    call("POST", "/v1/optouts", [ACCOUNT, SENDER, SENDER | {"phone_number": OTHER, "inbound_number": "ACME"}])
    whole = [(OTHER, "ACME"), (PHONE, NUMBER), (PHONE, None)]
    assert found("") == whole
    assert found(f"phone_number=%2B{ANNA}") == found("phone_number=07700900501") == whole[1:]
    assert found("account_level_opt_out=true") == whole[2:]
    assert found("account_level_opt_out=false") == whole[:2]
    assert found("inbound_number=447700900001") == whole[1:2]
    assert found("inbound_number=acme&account_level_opt_out=false") == whole[:1]
    assert found("inbound_number=%2B447700900003") == []  # the stranger's
    assert found("channel=SMS") == found("channel=sms") == whole
    assert found("channel=WHATSAPP") == []
    now = database.now()
    assert found(f"since={now - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}") == whole
    assert found(f"since={now + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}") == []
    for bad in ("channel=FAX", "phone_number=12", "since=yesterday", "account_level_opt_out=perhaps", "phone=1"):
        assert call("GET", f"/v1/optouts?{bad}")[0] == 400


def test_a_number_that_no_metadata_knows_is_added_found_and_lifted(call: Caller) -> None:
    unknown = {"phone_number": "+99912345678", "account_level_opt_out": True}
    assert statuses(call("POST", "/v1/optouts", [unknown])) == ["created"]
    assert len(call("GET", "/v1/optouts?phone_number=%2B99912345678")[1]["items"]) == 1
    assert call("GET", "/v1/messages?to=%2B99912345678")[0] == 200
    assert statuses(call("DELETE", "/v1/optouts", [unknown])) == ["deleted"]


def test_opt_outs_of_a_released_number_are_found_and_lifted(call: Caller, world: World) -> None:
    call("POST", "/v1/optouts", [SENDER])
    senders.release(world.number, actor="test")
    assert len(call("GET", f"/v1/optouts?inbound_number=%2B{NUMBER[1:]}")[1]["items"]) == 1
    assert statuses(call("DELETE", "/v1/optouts", [SENDER])) == ["deleted"]


def test_a_thousand_at_once(call: Caller) -> None:
    items = [
        {"phone_number": f"+1{201 + n // 100}55501{n % 100:02}", "account_level_opt_out": True} for n in range(1000)
    ]
    assert statuses(call("POST", "/v1/optouts", items)) == ["created"] * 1000
    assert statuses(call("POST", "/v1/optouts", items)) == ["exists"] * 1000
    assert call("POST", "/v1/optouts", [*items, ACCOUNT])[1]["code"] == "too_many"
    assert statuses(call("DELETE", "/v1/optouts", items)) == ["deleted"] * 1000
    assert statuses(call("POST", "/v1/optouts", [])) == []
