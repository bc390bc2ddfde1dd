"""Infobip, both directions: answers and calls as its API's description has them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from exchanges import HOOK, REFERENCE, ask, called, hand_off, outcome
from standin import Reply, payload, stand_in

from heed.providers.base import (
    BadHook,
    BadSignature,
    MaybeSent,
    Misconfigured,
    RecipientOptedOut,
    Refused,
    Throttled,
    Unreachable,
)
from heed.providers.infobip import Infobip
from heed.rules.values import CarrierOptOut, Health, InboundText, InventoryNumber, Receipt

ID = "2250be2d4219-3af1-78856-aabe-1362af1edfd2"
OURS = f"{HOOK}?secret=river"


def infobip(url="https://abc123.api.infobip.com", **more):
    return Infobip({"base_url": url, "api_key": "a-key", "secret": "river", **more}, HOOK)


# Sending


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, "infobip/sent.json"), (ID,)),
        (Reply(200, body={}), (MaybeSent,)),
        (Reply(200, "infobip/blocklisted.json"), (RecipientOptedOut,)),
        (Reply(200, "infobip/no_credits.json"), (Misconfigured,)),
        (Reply(200, "infobip/network.json"), (Refused, "REJECTED_NETWORK")),
        (Reply(200, "infobip/system_error.json"), (Unreachable,)),
        (Reply(400, "infobip/bad_request.json"), (Refused, "E400")),
        (Reply(401, "infobip/unauthorized.json"), (Misconfigured,)),
        (Reply(401, "infobip/forbidden.json"), (Misconfigured,)),
        (Reply(429, "infobip/too_many.json"), (Throttled, 1)),
        (Reply(500, "infobip/general_error.json"), (MaybeSent,)),
    ],
)
def test_sending(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(infobip(carrier.url))) == expected


def test_a_refusal_says_what_is_wrong():
    with stand_in(Reply(400, "infobip/bad_request.json")) as carrier:
        assert hand_off(infobip(carrier.url)).words == "Request cannot be processed. size must be between 1 and 15"


def test_what_it_is_asked():
    with stand_in(Reply(200, "infobip/sent.json")) as carrier:
        hand_off(infobip(carrier.url))
        (asked,) = carrier.asked
    assert (asked.method, asked.path, asked.headers["Authorization"]) == ("POST", "/sms/3/messages", "App a-key")
    webhooks = {"callbackData": REFERENCE, "delivery": {"url": OURS}, "contentType": "application/json"}
    message = {
        "sender": "447700900001",
        "destinations": [{"to": "447700900500"}],
        "content": {"text": "Hëllo £5 & more"},
        "webhooks": webhooks,
    }
    assert asked.json == {"messages": [message]}


# The hook


def undelivered(code, words, *, is_out=False):
    return Receipt(ID, REFERENCE, "undelivered", code, words, opted_out=is_out)


BLOCKLISTED = ("REJECTED_DESTINATION_BLOCKLISTED", "Destination address is blocklisted")
STOPPED = ("EC_CONTENT_BLOCKED", "Content blocked by user opt-out (MO: STOP)")
AT = datetime(2026, 11, 28, 13, 30, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("inbound", InboundText("817790313235066447", "447700900500", "447700900001", "STOP please", AT)),
        ("delivered", Receipt(ID, REFERENCE, "delivered")),
        ("to_operator", Receipt(ID, REFERENCE, "sent")),
        ("unknown", Receipt(ID, REFERENCE, "sent")),
        ("absent", undelivered("EC_ABSENT_SUBSCRIBER", "Absent Subscriber")),
        ("receipt_blocklisted", undelivered(*BLOCKLISTED, is_out=True)),
        ("receipt_stopped", undelivered(*STOPPED, is_out=True)),
    ],
)
def test_arriving(name, expected):
    call = called(payload(f"infobip/{name}.json"), url=OURS)
    infobip().verify(call)
    assert list(infobip().parse(call)) == [expected]
    assert infobip().answer(call).status == 200


def test_of_several_results_none_is_lost():
    body = (
        b'{"results": [{"from": "447700900500", "to": "1", "text": "a"}, 7, {}, {"from": "447700900501", "text": ""}]}'
    )
    found = infobip().parse(called(body, url=OURS))
    assert [(one.sender, one.text) for one in found] == [("447700900500", "a"), ("447700900501", "")]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"results": {}}', b"<xml/>"])
def test_a_call_without_results_is_refused(body):
    with pytest.raises(BadHook):
        infobip().parse(called(body, url=OURS))


@pytest.mark.parametrize("query", ["", "?secret=", "?secret=rivers", "?secret=%C3%A4", "?Secret=river"])
def test_a_call_without_the_secret_is_refused(query):
    with pytest.raises(BadSignature):
        infobip().verify(called(url=HOOK + query))


# What a person waits for


def test_health():
    with stand_in(Reply(200, "infobip/balance.json"), Reply(401, "infobip/forbidden.json")) as carrier:
        one = infobip(carrier.url)
        assert ask(one, lambda it: it.health()) == Health(True, "Balance: 47.79134 EUR")
        assert ask(one, lambda it: it.health()) == Health(False, "Invalid login details")


def test_numbers_for_sale():
    with stand_in(Reply(200, "infobip/for_sale.json")) as carrier:
        found = ask(infobip(carrier.url), lambda it: it.inventory("GB", "7700", 10))
        (asked,) = carrier.asked
    assert found == [InventoryNumber("+447700900123", "GB"), InventoryNumber("+447700900124", "GB")]
    assert asked.path == "/numbers/1/numbers/available"
    assert asked.query == {"capabilities": "SMS", "limit": "10", "country": "GB", "number": "7700"}


FORWARDED = {"type": "HTTP_FORWARD", "url": OURS, "format": "MO_JSON_2"}


@pytest.mark.parametrize(
    ("number", "file", "wanted"),
    [
        ("+447700900123", "for_sale", {"numberKey": "78D8394AC3EF0460B4CF0E723FC31B49"}),
        ("+12025550123", "american", {"number": "12025550123"}),
    ],
)
def test_buying_points_its_texts_at_the_hook(number, file, wanted):
    with stand_in(Reply(200, f"infobip/{file}.json"), Reply(200, body={})) as carrier:
        ask(infobip(carrier.url), lambda it: it.buy(number))
        _, bought, pointed = carrier.asked
    assert (bought.method, bought.path, bought.json) == ("POST", "/numbers/1/numbers", wanted)
    assert pointed.path == "/resource-management/1/inbound-message-configurations"
    assert pointed.json == {"channel": "SMS", "number": number[1:], "forwarding": FORWARDED}


def test_a_number_that_is_gone_is_not_bought():
    with stand_in(Reply(200, "infobip/for_sale.json")) as carrier:
        with pytest.raises(Refused, match="doesn't sell"):
            ask(infobip(carrier.url), lambda it: it.buy("+447700900125"))
        assert len(carrier.asked) == 1


def test_releasing_names_the_key():
    with stand_in(Reply(200, "infobip/for_sale.json"), Reply(204)) as carrier:
        ask(infobip(carrier.url), lambda it: it.release("+447700900123"))
        listed, released = carrier.asked
    assert (listed.path, listed.query) == ("/numbers/1/numbers", {"number": "447700900123"})
    expected = ("DELETE", "/numbers/1/numbers/78D8394AC3EF0460B4CF0E723FC31B49")
    assert (released.method, released.path) == expected


def test_its_blocklist_is_read_page_by_page():
    with stand_in(Reply(200, "infobip/blocklist_1.json"), Reply(200, "infobip/blocklist_2.json")) as carrier:
        found = ask(infobip(carrier.url), lambda it: it.opt_outs())
        asked = [one.query["page"] for one in carrier.asked]
    at = datetime(2022, 8, 18, 12, 36, 42, 123000, tzinfo=UTC)
    assert found == [
        CarrierOptOut("+447700900500", "10950", at),
        CarrierOptOut("+447700900501", "+447700900001", at),
        CarrierOptOut("+447700900502", "", at),
    ]
    assert asked == ["0", "1"]


def test_opt_outs_are_pushed_by_sender():
    ours = [
        CarrierOptOut("+447700900500"),
        CarrierOptOut("+447700900501", "+447700900001"),
        CarrierOptOut("+447700900502"),
    ]
    with stand_in(Reply(202)) as carrier:
        ask(infobip(carrier.url), lambda it: it.push(ours))
        sent = [one.json["blocklist"] for one in carrier.asked]
    assert sent == [
        [{"channel": "SMS", "destinations": [{"to": "447700900500"}, {"to": "447700900502"}]}],
        [{"channel": "SMS", "destinations": [{"to": "447700900501"}], "sender": "447700900001"}],
    ]


@pytest.mark.parametrize("wrong", [{"base_url": "abc123.api.infobip.com"}, {"secret": "a river"}, {"secret": "né"}])
def test_settings_that_can_not_be_right(wrong):
    with pytest.raises(Misconfigured):
        Infobip(infobip().settings | wrong).check()
    infobip().check()
