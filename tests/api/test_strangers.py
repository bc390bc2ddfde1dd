"""A key of another account, at every endpoint: it sees nothing and changes nothing. A new endpoint needs a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import serializers
from people import ANNA, BEN, World
from programs import Caller, caller, endpoints

from heed.core import inbound
from heed.core.models import (
    Consent,
    Delivery,
    DeliveryState,
    Endpoint,
    Keyword,
    LedgerEntry,
    Message,
    MessageTemplate,
    Review,
    Role,
    Sender,
    Subscription,
)
from heed.rules import numbers
from heed.rules.values import InboundText

PHONE, NUMBER = numbers.show(ANNA), "+447700900001"
OPT_OUTS = [
    {"phone_number": PHONE, "account_level_opt_out": True},
    {"phone_number": PHONE, "inbound_number": NUMBER},
]

Told = Callable[[int, Any], bool]


def nothing(status: int, told: Any) -> bool:
    return status == 200 and told["items"] == []


def not_found(status: int, told: Any) -> bool:
    return status == 404 and told["code"] == "not_found"


def no_such_sender(status: int, told: Any) -> bool:
    return status == 400 and told["code"] == "unknown_sender"


def items(*expected: str) -> Told:
    return lambda status, told: status == 200 and [one["status"] for one in told["items"]] == list(expected)


WEBHOOK = {"url": "https://shop.example/heed", "events": ["opt_out"]}
SMS = {"message_body": "Hi", "from": NUMBER, "to": [{"phone": [PHONE]}]}
TEMPLATE = {"name": "Ready", "message_body": "It is ready."}
# For each endpoint: what the stranger asks, and what they may be told.
CASES: dict[tuple[str, str], tuple[Any, Told]] = {
    ("GET", "/v1/account"): (None, lambda status, told: told["slug"] == "other"),
    ("GET", "/v1/numbers/inventory"): (None, lambda status, told: NUMBER not in str(told)),
    ("GET", "/v1/numbers"): (
        None,
        lambda status, told: [one["phone_number"] for one in told["items"]] == ["+447700900003"],
    ),
    ("POST", "/v1/numbers"): ({"phone_number": NUMBER}, lambda status, told: (status, told["code"]) == (409, "taken")),
    ("GET", "/v1/numbers/{number_id}"): (None, not_found),
    ("PATCH", "/v1/numbers/{number_id}"): ({"account_level_opt_out": True, "reply_message": "Mine"}, not_found),
    ("DELETE", "/v1/numbers/{number_id}"): (None, not_found),
    ("GET", "/v1/senders"): (None, nothing),
    ("POST", "/v1/senders"): ({"name": "ACME"}, lambda status, told: status == 201),  # names may repeat
    ("PATCH", "/v1/senders/{name_id}"): ({"rate": 1}, not_found),
    ("DELETE", "/v1/senders/{name_id}"): (None, not_found),
    ("GET", "/v1/templates"): (None, nothing),
    ("POST", "/v1/templates"): (
        TEMPLATE,
        lambda status, told: (status, told.get("code")) in ((201, None), (409, "taken")),
    ),
    ("GET", "/v1/templates/{template_id}"): (None, not_found),
    ("PATCH", "/v1/templates/{template_id}"): (TEMPLATE, not_found),
    ("DELETE", "/v1/templates/{template_id}"): (None, not_found),
    ("POST", "/v1/sms"): (SMS, no_such_sender),
    ("POST", "/v1/sms/test"): (SMS, no_such_sender),
    ("POST", "/v1/check"): ({"from": NUMBER, "to": [PHONE]}, no_such_sender),
    ("GET", "/v1/messages"): (None, nothing),
    ("GET", "/v1/messages/{transaction_id}"): (None, not_found),
    ("GET", "/v1/optouts"): (None, nothing),
    ("POST", "/v1/optouts"): (OPT_OUTS, items("created", "invalid")),  # of the stranger's own account
    ("DELETE", "/v1/optouts"): (OPT_OUTS, items("not_found", "invalid")),
    ("GET", "/v1/reviews"): (None, nothing),
    ("GET", "/v1/reviews/{review_id}"): (None, not_found),
    ("POST", "/v1/reviews/{review_id}"): ({"decision": "not_an_opt_out"}, not_found),
    ("GET", "/v1/webhooks"): (None, nothing),
    ("POST", "/v1/webhooks"): (WEBHOOK, lambda status, told: status == 201),  # of the stranger's own account
    ("GET", "/v1/webhooks/{webhook_id}"): (None, not_found),
    ("PATCH", "/v1/webhooks/{webhook_id}"): ({"enabled": False, "url": "https://stranger.example/"}, not_found),
    ("DELETE", "/v1/webhooks/{webhook_id}"): (None, not_found),
    ("POST", "/v1/webhooks/{webhook_id}/secret"): (None, not_found),
    ("POST", "/v1/webhooks/{webhook_id}/test"): (None, not_found),
    ("POST", "/v1/webhooks/{webhook_id}/replay"): (None, not_found),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): (None, not_found),
    ("GET", "/v1/deliveries/{delivery_id}"): (None, not_found),
    ("POST", "/v1/deliveries/{delivery_id}/replay"): (None, not_found),
}


def record(world: World) -> str:
    """Everything of the account that a stranger might change."""
    tables = (Sender, Message, Consent, LedgerEntry, Review, MessageTemplate, Endpoint, Subscription, Delivery)
    rows = [row for table in tables for row in table.objects.filter(account_id=world.account.id).order_by("pk")]
    words = Keyword.objects.filter(sender__account=world.account).order_by("pk")
    return serializers.serialize("json", [*rows, *words])


def test_every_endpoint_has_its_stranger() -> None:
    assert set(CASES) == set(endpoints())


@pytest.mark.parametrize(("method", "path"), CASES)
def test_a_stranger_sees_and_changes_nothing(call: Caller, world: World, method: str, path: str) -> None:
    call("POST", "/v1/optouts", OPT_OUTS)
    sent = call("POST", "/v1/sms", SMS, idempotency_key="k")[1]["messages"][0]["transaction_id"]
    mine = next(one["id"] for one in call("GET", "/v1/numbers")[1]["items"] if one["phone_number"] == NUMBER)
    inbound.receive(world.link, [InboundText("", numbers.show(BEN), NUMBER, "not interested")])
    review = call("GET", "/v1/reviews")[1]["items"][0]["id"]
    name = call("GET", "/v1/senders")[1]["items"][0]["id"]
    template = call("POST", "/v1/templates", TEMPLATE)[1]["id"]
    webhook = call("POST", "/v1/webhooks", WEBHOOK)[1]["id"]
    delivery = call("POST", f"/v1/webhooks/{webhook}/test")[1]["id"]
    Delivery.objects.update(state=DeliveryState.DEAD)  # so that it could be replayed
    before = record(world)
    body, may_be_told = CASES[method, path]
    stranger = caller(world, Role.OWNER, stranger=True)
    for spelling in (path, path + "/"):
        filled = spelling.format(
            number_id=mine,
            transaction_id=sent,
            review_id=review,
            template_id=template,
            name_id=name,
            webhook_id=webhook,
            delivery_id=delivery,
        )
        status, told = stranger(method, filled, body, idempotency_key="k")
        assert may_be_told(status, told) or (method == "POST" and items("exists", "invalid")(status, told)), told
    assert record(world) == before
    if method == "GET":
        assert PHONE not in str(told)


WRITES = {
    "/v1/sms": SMS,
    "/v1/sms/test": SMS,
    "/v1/optouts": [],
    "/v1/numbers": {"phone_number": "+447700900100"},
    "/v1/numbers/{number_id}": {},
    "/v1/senders": {"name": "X"},
    "/v1/senders/{name_id}": {},
    "/v1/templates": TEMPLATE,
    "/v1/templates/{template_id}": TEMPLATE,
    "/v1/reviews/{review_id}": {"decision": "opt_out"},
    "/v1/webhooks": WEBHOOK,
    "/v1/webhooks/{webhook_id}": {},
}


def test_a_viewer_only_reads(call: Caller, world: World) -> None:
    viewer = caller(world, Role.VIEWER)
    before = record(world)
    number = call("GET", "/v1/numbers")[1]["items"][0]["id"]
    for method, path in endpoints():
        filled = path.format(
            number_id=number,
            transaction_id="tid_0",
            review_id="rev_0",
            template_id="tpl_0",
            name_id="num_0",
            webhook_id="whk_0",
            delivery_id="dlv_0",
        )
        if method == "GET":
            assert viewer(method, filled)[0] in (200, 404)
        elif path == "/v1/check":  # asks, and changes nothing
            assert viewer(method, filled, {"from": NUMBER, "to": [PHONE]})[0] == 200
        else:
            status, told = viewer(method, filled, WRITES.get(path))
            assert (method, path, status, told["code"]) == (method, path, 403, "forbidden")
    assert record(world) == before
