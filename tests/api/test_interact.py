"""What programs written for Webex Interact rely on, line by line: a base URL and a key changed, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from people import ANNA, BEN, CLEO, World
from programs import Caller, caller

from heed.core import consent, deliveries, events, inbound, leases, outbound, templates, webhooks
from heed.core.consent import Cause, Doing, Verb
from heed.core.events import Happened
from heed.core.models import Consent, Message, Role, Source
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.values import InboundText

PHONE, OTHER, THIRD, NUMBER, SECOND = *map(numbers.show, (ANNA, BEN, CLEO)), "+447700900001", "+447700900002"


def sms(**more: Any) -> dict[str, Any]:
    return {"message_body": "Hi ${firstname}", "from": NUMBER, "to": [{"phone": [PHONE]}]} | more


def send(call: Caller, **more: Any) -> dict[str, Any]:
    status, told = call("POST", "/v1/sms", sms(global_merge_fields={"firstname": "Anna"}) | more)
    assert status == 200, told
    return told


def refused(call: Caller, **more: Any) -> tuple[int, str]:
    status, told = call("POST", "/v1/sms", sms(global_merge_fields={"firstname": "Anna"}) | more)
    return status, told["field"]


def ahead(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


# Common


@pytest.mark.parametrize("name", ["X-AUTH-KEY", "x-auth-key", "X-Auth-Key"])
def test_the_key_is_a_header_in_any_case(call: Caller, name: str) -> None:
    from heed.core import accounts

    secret = call.client.defaults["HTTP_X_AUTH_KEY"]
    call.client.defaults.clear()
    assert call.client.get("/v1/account", headers={name: secret}).status_code == 200
    assert call.client.get("/v1/account").status_code == 401
    assert call.client.get("/v1/account", headers={name: "wrong"}).status_code == 401
    assert accounts.key_for(secret) is not None


def test_a_bad_request_is_400_with_a_message(call: Caller) -> None:
    status, told = call("POST", "/v1/sms", {"from": NUMBER})
    assert (status, bool(told["message"])) == (400, True)


@pytest.mark.parametrize("path", ["/v1/sms", "/v1/sms/", "/v1/sms/test", "/v1/sms/test/"])
def test_paths_are_good_with_and_without_a_slash(call: Caller, path: str) -> None:
    assert call("POST", path, sms(message_body="Hi"))[0] == 200


# POST /v1/sms


@pytest.mark.parametrize("sender", [NUMBER, NUMBER.removeprefix("+"), "ACME", "acme"])
def test_from_is_a_number_with_or_without_plus_or_a_name(call: Caller, sender: str) -> None:
    send(call, **{"from": sender})
    assert Message.objects.get().sender.address in (NUMBER, "ACME")


def test_to_has_numbers_fields_and_a_correlation_id(call: Caller) -> None:
    told = send(
        call,
        global_merge_fields={"firstname": "friend", "shop": "Acme"},
        message_body="Hi ${firstname} of ${shop}",
        to=[
            {"phone": [PHONE], "merge_fields": {"firstname": "Anna"}, "correlation_id": "order-1"},
            {"phone": [OTHER, THIRD]},
        ],
    )
    assert [one["correlation_id"] for one in told["messages"]] == ["order-1", None, None]
    texts = dict(Message.objects.values_list("recipient", "text"))
    assert texts == {ANNA: "Hi Anna of Acme", BEN: "Hi friend of Acme", CLEO: "Hi friend of Acme"}
    shown = call("GET", f"/v1/messages/{told['messages'][0]['transaction_id']}")[1]
    assert shown["correlation_id"] == "order-1"


def test_a_template_is_sent_by_its_id(call: Caller, world: World) -> None:
    kept = call("POST", "/v1/templates", {"name": "Ready", "message_body": "Hi ${firstname}. ${opt_out_link}"})[1]
    send(call, message_body=None, template_id=kept["id"])
    text = Message.objects.get().text
    assert text.startswith("Hi Anna. http")
    assert text.endswith("/" + world.account.link_code)
    call("PATCH", f"/v1/templates/{kept['id']}", {"message_body": "Other"})
    assert Message.objects.get().text == text  # it took a copy


def test_exactly_one_of_text_and_template(call: Caller, world: World) -> None:
    kept = call("POST", "/v1/templates", {"name": "Ready", "message_body": "Hi"})[1]["id"]
    assert refused(call, template_id=kept) == (400, "message_body")
    assert refused(call, message_body=None) == (400, "message_body")
    others = templates.create(world.other, "Theirs", "Hi", actor="test").id
    from heed.api.lists import shown

    for id_ in (shown("tpl", others), shown("tpl", 999_999), "7", "tpl_x"):
        assert refused(call, message_body=None, template_id=id_) == (400, "template_id")


def test_a_template_without_a_value_is_an_error_of_that_number(call: Caller) -> None:
    kept = call("POST", "/v1/templates", {"name": "Ready", "message_body": "Hi ${firstname}"})[1]["id"]
    people = [{"phone": [PHONE], "merge_fields": {"firstname": "Anna"}}, {"phone": [OTHER], "correlation_id": "o2"}]
    told = send(call, message_body=None, template_id=kept, global_merge_fields={}, to=people)
    assert [one["to"] for one in told["messages"]] == [PHONE]
    (error,) = told["errors"]
    assert (error["to"], error["code"], error["correlation_id"]) == (OTHER, "missing_value", "o2")
    assert error["message"]


@pytest.mark.parametrize("late", ["2 minutes", "6.9 days"])
def test_send_at_is_up_to_seven_days_ahead(call: Caller, late: str) -> None:
    count, unit = late.split()
    send(call, send_at=ahead(**{unit: float(count)}))
    row = Message.objects.get()
    assert row.state == "waiting"
    assert row.due_at > datetime.now(UTC) + timedelta(minutes=1)


def test_times_are_read_with_and_without_a_zone(call: Caller) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    east = at.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+02:00").tzinfo)
    for raw in (at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%Y-%m-%dT%H:%M:%S"), east.isoformat()):
        send(call, send_at=raw)
    assert {row.due_at for row in Message.objects.all()} == {at}


def test_valid_until_is_up_to_three_days_after_the_send_time(call: Caller) -> None:
    send(call, valid_until=ahead(days=2.9))
    send(call, send_at=ahead(days=6), valid_until=ahead(days=8.9))
    assert refused(call, valid_until=ahead(days=3.1)) == (400, "valid_until")
    assert refused(call, send_at=ahead(days=6), valid_until=ahead(days=9.1)) == (400, "valid_until")
    assert refused(call, send_at=ahead(days=6), valid_until=ahead(days=5)) == (400, "valid_until")
    assert refused(call, send_at=ahead(days=7.1)) == (400, "send_at")


def test_what_is_past_its_validity_is_not_sent(call: Caller, world: World) -> None:
    from heed.core import gate

    send(call, valid_until=ahead(minutes=1))
    Message.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert gate.claim(world.link.id, 10, 1) == []
    assert Message.objects.get().state == "expired"


def test_the_name_of_a_send_is_kept(call: Caller, world: World) -> None:
    endpoint, _ = webhooks.create(world.account, "https://shop.example/", ["suppressed"], actor="test")
    told = send(call, name="Spring sale")
    assert told["name"] == "Spring sale"
    shown = call("GET", f"/v1/messages/{told['messages'][0]['transaction_id']}")[1]
    assert shown["name"] == "Spring sale"
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.API))
    (delivery,) = deliveries.claim(endpoint.id, 5, leases.take(leases.WEBHOOKS))
    assert '"campaign_name":"Spring sale"' in delivery.body


def test_the_way_round_is_refused(call: Caller) -> None:
    assert refused(call, skip_optout_check=True) == (400, "skip_optout_check")
    send(call, skip_optout_check=False)


def test_test_checks_everything_and_sends_nothing(call: Caller) -> None:
    status, told = call("POST", "/v1/sms/test", sms(message_body="Hi", to=[{"phone": [PHONE, "12"]}]))
    assert (status, told["request_id"]) == (200, None)
    (good,) = told["messages"]
    assert (good["to"], good["status"], good["transaction_id"]) == (PHONE, "validated", None)
    assert [one["to"] for one in told["errors"]] == ["12"]
    assert not Message.objects.exists()


def test_the_answer_has_one_entry_for_each_number(call: Caller) -> None:
    told = send(call, to=[{"phone": [PHONE, OTHER, "12"], "correlation_id": "c"}])
    assert told["request_id"].startswith("req_")
    assert [(one["to"], one["status"], one["code"]) for one in told["messages"]] == [
        (PHONE, "queued", "1000"),
        (OTHER, "queued", "1000"),
    ]
    assert all(one["transaction_id"].startswith("tid_") for one in told["messages"])
    (error,) = told["errors"]
    assert set(error) == {"to", "status", "transaction_id", "code", "message", "correlation_id"}


def test_someone_who_opted_out_is_no_error(call: Caller) -> None:
    call("POST", "/v1/optouts", [{"phone_number": PHONE, "channel": "SMS", "account_level_opt_out": True}])
    told = send(call)
    (entry,) = told["messages"]
    assert (entry["status"], told["errors"]) == ("queued", [])
    shown = call("GET", f"/v1/messages/{entry['transaction_id']}")[1]
    assert (shown["status"], shown["reason"]) == ("suppressed", "opted_out")


def test_400_only_if_nothing_is_left(call: Caller) -> None:
    assert refused(call, to=[{"phone": ["12", "nobody"]}])[0] == 400


@pytest.mark.parametrize(
    ("text", "parts"), [("é" * 160, 1), ("ж" * 70, 1), ("ж" * 71, 2), ("ж" * 134, 2), ("ж" * 135, 3)]
)
def test_parts_are_counted_as_documented(call: Caller, text: str, parts: int) -> None:
    told = send(call, message_body=text)
    assert call("GET", f"/v1/messages/{told['messages'][0]['transaction_id']}")[1]["parts"] == parts


# /v1/optouts/


def opted(phone: str, **more: Any) -> dict[str, Any]:
    return {"phone_number": phone, "channel": "SMS", **(more or {"account_level_opt_out": True})}


def test_arrays_are_answered_item_by_item(call: Caller) -> None:
    items = [
        opted(PHONE),
        opted(PHONE),
        opted(OTHER, inbound_number=NUMBER),
        opted("12"),
        opted(THIRD, inbound_number="X"),
    ]
    status, told = call("POST", "/v1/optouts/", items)
    assert status == 200
    assert [one["status"] for one in told["items"]] == ["created", "exists", "created", "invalid", "invalid"]
    gone = [opted(PHONE), opted(OTHER), opted(OTHER, inbound_number=NUMBER), opted(THIRD), opted("12")]
    told = call("DELETE", "/v1/optouts/", gone)[1]
    assert [one["status"] for one in told["items"]] == ["deleted", "not_found", "deleted", "not_found", "invalid"]


def test_one_number_has_several_records_and_delete_lifts_the_one_named(call: Caller) -> None:
    items = [opted(PHONE), opted(PHONE, inbound_number=NUMBER), opted(PHONE, inbound_number=SECOND)]
    assert {one["status"] for one in call("POST", "/v1/optouts", items)[1]["items"]} == {"created"}
    call("DELETE", "/v1/optouts", [opted(PHONE, inbound_number=NUMBER)])
    left = call("GET", "/v1/optouts/")[1]["items"]
    assert [(one["account_level_opt_out"], one["inbound_number"]) for one in left] == [(False, SECOND), (True, None)]


def test_a_record_names_its_asset(call: Caller) -> None:
    call("POST", "/v1/optouts", [opted(PHONE, inbound_number=NUMBER), opted(OTHER)])
    account, asset = call("GET", "/v1/optouts")[1]["items"]
    assert (account["account_level_opt_out"], account["inbound_asset_id"]) == (True, None)
    assert asset["inbound_asset_id"].startswith("num_")
    assert (asset["inbound_number"], asset["channel"]) == (NUMBER, "SMS")
    assert asset["opt_out_time"].endswith("Z")


def test_the_list_is_filtered_and_paged(call: Caller) -> None:
    call(
        "POST", "/v1/optouts", [opted(PHONE), opted(OTHER, inbound_number=NUMBER), opted(THIRD, inbound_number=SECOND)]
    )
    asset = call("GET", f"/v1/optouts?inbound_number={NUMBER[1:]}")[1]["items"][0]["inbound_asset_id"]
    later = ahead(hours=1).replace("+", "%2B")
    for query, phones in {
        f"phone_number=%2B{ANNA}": [PHONE],
        "phone_number=07700900502": [OTHER],
        "account_level_opt_out=true": [PHONE],
        "account_level_opt_out=false": [THIRD, OTHER],
        f"inbound_number=%2B{SECOND[1:]}": [THIRD],
        f"inbound_asset_id={asset}": [OTHER],
        "inbound_asset_id=num_0": [],
        "channel=SMS": [THIRD, OTHER, PHONE],
        "channel=WHATSAPP": [],
        "since=2020-01-01T00:00:00": [THIRD, OTHER, PHONE],
        f"since={later}": [],
    }.items():
        items = call("GET", f"/v1/optouts?{query}")[1]["items"]
        assert (query, [one["phone_number"] for one in items]) == (query, phones)
    seen, page = [], call("GET", "/v1/optouts?limit=2")[1]
    while True:
        seen += [one["phone_number"] for one in page["items"]]
        if not page["next"]:
            break
        page = call("GET", f"/v1/optouts?limit=2&next={page['next']}")[1]
    assert seen == [THIRD, OTHER, PHONE]


def test_lifting_what_a_person_asked_for_needs_a_reason(call: Caller, world: World) -> None:
    inbound.receive(world.link, [InboundText("", PHONE, NUMBER, "STOP")])
    item = opted(PHONE, inbound_number=NUMBER)
    assert call("DELETE", "/v1/optouts", [item])[1]["items"][0]["status"] == "reason_required"
    assert call("DELETE", "/v1/optouts", [item | {"reason": "Asked by phone"}])[1]["items"][0]["status"] == "deleted"


def test_marketers_add_and_do_not_lift_and_viewers_read(call: Caller, world: World) -> None:
    marketer, viewer = caller(world, Role.MARKETER), caller(world, Role.VIEWER)
    assert marketer("POST", "/v1/optouts", [opted(PHONE)])[1]["items"][0]["status"] == "created"
    assert marketer("DELETE", "/v1/optouts", [opted(PHONE)])[1]["items"][0]["status"] == "forbidden"
    assert viewer("GET", "/v1/optouts")[0] == 200
    assert viewer("POST", "/v1/optouts", [opted(OTHER)])[0] == 403
    assert Consent.objects.filter(state="out").count() == 1


# Behaviour that its help pages state


def test_an_opt_out_holds_for_the_number_it_came_to_and_a_web_form_for_all(call: Caller, world: World) -> None:
    inbound.receive(world.link, [InboundText("", PHONE, NUMBER, "STOP")])
    asked = {"from": NUMBER, "to": [PHONE]}, {"from": SECOND, "to": [PHONE]}
    assert [call("POST", "/v1/check", one)[1]["items"][0]["allowed"] for one in asked] == [False, True]
    from django.test import Client

    assert Client().post(f"/{world.account.link_code}", {"phone": PHONE}).status_code == 200
    assert [call("POST", "/v1/check", one)[1]["items"][0]["allowed"] for one in asked] == [False, False]


# Webhooks


def event_of(world: World, kind: str, happen: Any) -> dict[str, Any]:
    import json

    endpoint, _ = webhooks.create(world.account, "https://shop.example/", [kind], actor="test")
    happen()
    (call,) = deliveries.claim(endpoint.id, 5, leases.take(leases.WEBHOOKS))
    told: dict[str, Any] = json.loads(call.body)
    return told


def test_the_opt_out_event_has_its_fields(world: World) -> None:
    text = InboundText("", PHONE, NUMBER, "Stop.")
    told = event_of(world, "opt_out", lambda: inbound.receive(world.link, [text]))
    assert told["specversion"] == "1.0"
    assert told["type"] == "com.interact.messages.sms.opt.out"
    assert told["id"].startswith("evt_")
    assert {"source", "time", "datacontenttype", "data"} <= set(told)
    fields = (
        "status channel message type phone_number inbound_number inbound_number_id account_level_opt_out opt_out_time"
    )
    assert set(fields.split()) <= set(told["data"])
    assert (told["data"]["status"], told["data"]["message"], told["data"]["type"]) == ("opt_out", "Stop.", "keyword")


def test_an_import_is_told_too(world: World) -> None:
    doing = Doing(Verb.IMPORT, world.account.id, ANNA, 0, Cause(Source.IMPORT))
    told = event_of(world, "opt_out", lambda: consent.act(doing))
    assert (told["data"]["type"], told["data"]["account_level_opt_out"]) == ("import", True)


def test_the_inbound_event_has_its_fields(world: World) -> None:
    text = InboundText("", PHONE, NUMBER, "STOP")
    told = event_of(world, "inbound", lambda: inbound.receive(world.link, [text]))
    assert told["type"] == "com.interact.messages.sms.status"
    assert (told["data"]["status"], told["data"]["message"]) == ("inbound", "STOP")
    assert set(told["data"]["rules"][0]) == {"rule", "trigger_keyword", "target_lists"}


def test_the_outbound_event_has_its_fields(world: World) -> None:
    draft = Draft(ANNA, PHONE, "Hello", "order-1")

    def happen() -> None:
        (queued,) = outbound.queue(world.number, [draft], door="api", actor="test")
        events.tell([Happened(world.account.id, "delivered", ANNA, queued.id)], datetime.now(UTC))

    told = event_of(world, "delivered", happen)
    assert told["type"] == "com.interact.messages.sms.status"
    assert (told["transaction_id"][:4], told["correlation_id"]) == ("tid_", "order-1")
    fields = "status channel code phone_number from message_body message_parts scheduled_at list_id campaign_name"
    assert {*fields.split(), "campaign_id"} <= set(told["data"])
    assert (told["data"]["status"], told["data"]["message_parts"]) == ("delivered", 1)
