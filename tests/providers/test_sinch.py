"""Sinch, both directions, the signatures of its calls, and its numbers."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from exchanges import HOOK, REFERENCE, ask, called, hand_off, outcome
from standin import Reply, payload, stand_in

from heed.providers.base import BadHook, BadSignature, MaybeSent, Misconfigured, NotOffered, Refused, Throttled
from heed.providers.sinch import Sinch, signature
from heed.rules.values import Health, InboundText, InventoryNumber, Receipt

SECRET, BATCH, INBOUND = "a-secret", "01FC66621XXXXX119Z8PMV1QPU", "01FC66621XXXXX119Z8PMV1QPQ"
PROJECT = {"project": "p1", "key_id": "k1", "key_secret": "s1"}
PLAN = {"smsConfiguration": {"servicePlanId": "plan1"}}
AT = datetime(2026, 2, 3, 12, 14, 25, tzinfo=UTC)


def sinch(url="", **more):
    settings = {"service_plan": "plan1", "api_token": "t1", "hook_secret": SECRET, "api": url}
    return Sinch(settings | ({"numbers_api": url} if url else {}) | more, HOOK)


# Sending

SENDING = [
    (Reply(201, "sinch/sent.json"), (BATCH,)),
    (Reply(201, body={}), (MaybeSent,)),
    (Reply(400, "sinch/invalid_to.json"), (Refused, "syntax_invalid_parameter_format")),
    (Reply(400, "sinch/invalid_from.json"), (Refused, "unauthorized_originator")),
    (Reply(401, "sinch/unauthorized.json"), (Misconfigured,)),
    (Reply(403, body={}), (Misconfigured,)),
    (Reply(429, body={}, headers={"Retry-After": "3"}), (Throttled, 3)),
    (Reply(500, body={}), (MaybeSent,)),
]


@pytest.mark.parametrize(("reply", "expected"), SENDING)
def test_sending(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(sinch(carrier.url))) == expected


def test_what_it_is_asked():
    with stand_in(Reply(201, "sinch/sent.json")) as carrier:
        hand_off(sinch(carrier.url))
        hand_off(Sinch(sinch(carrier.url).settings, "http://localhost:8000/hooks/sinch/token/"))
        asked, of_a_try = carrier.asked
    assert (asked.method, asked.path) == ("POST", "/xms/v1/plan1/batches")
    assert asked.headers["Authorization"] == "Bearer t1"
    assert asked.json == {
        "type": "mt_text",
        "from": "+447700900001",
        "to": ["+447700900500"],
        "body": "Hëllo £5 & more",
        "delivery_report": "per_recipient_final",
        "client_reference": REFERENCE,
        "callback_url": HOOK,
    }
    assert of_a_try.json["delivery_report"] == "none"  # one that nobody can be sent is refused
    assert "callback_url" not in of_a_try.json


@pytest.mark.parametrize(("settings", "host"), [({}, "eu"), ({"region": "us"}, "us")])
def test_the_region_says_where(settings, host):
    assert sinch(**settings)._url("batches") == f"https://{host}.sms.api.sinch.com/xms/v1/plan1/batches"


@pytest.mark.parametrize(
    "wrong", [{"api": "ftp://x"}, {"numbers_api": ""}, {"project": "p1"}, {"key_id": "k", "key_secret": "s"}]
)
def test_settings_that_can_not_be_right(wrong):
    with pytest.raises(Misconfigured):
        Sinch(sinch().settings | wrong).check()
    sinch().check()
    sinch(**PROJECT).check()


# The hook

TEXT = InboundText(INBOUND, "447700900500", "447700900001", "Hello there & £5", AT)
ARRIVING = [
    ("inbound", [TEXT]),
    ("inbound_media", [InboundText(INBOUND, TEXT.sender, TEXT.to, "stop", AT)]),
    ("inbound_binary", []),
    ("receipt_queued", []),
    ("receipt_dispatched", [Receipt(BATCH, REFERENCE, "sent")]),
    ("receipt_delivered", [Receipt(BATCH, REFERENCE, "delivered")]),
    ("receipt_capitals", [Receipt(BATCH, REFERENCE, "delivered")]),
    ("receipt_unknown", []),
    ("receipt_unreachable", [Receipt(BATCH, REFERENCE, "undelivered", "404", "A network failed.")]),
    (
        "receipt_stopped",
        [
            Receipt(
                BATCH, REFERENCE, "undelivered", "257", "The recipient has sent STOP to this number.", opted_out=True
            )
        ],
    ),
    ("receipt_of_batch", [Receipt(BATCH, REFERENCE, "undelivered", "412", "The country is not enabled.")]),
]


@pytest.mark.parametrize(("name", "expected"), ARRIVING)
def test_arriving(name, expected):
    call = called(payload(f"sinch/{name}.json"))
    assert list(sinch().parse(call)) == expected
    assert sinch().answer(call).status == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"type": null}'])
def test_what_can_not_be_read(body):
    with pytest.raises(BadHook):
        sinch().parse(called(body))


BODY = payload("sinch/inbound.json")


def signed(body=BODY, secret=SECRET, nonce="n1", ago_s=0, stamp=""):
    stamp = stamp or str(int(time.time()) - ago_s)
    return {
        "x-sinch-webhook-signature": signature(secret, body, nonce, stamp),
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": stamp,
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
    }


def test_the_signature_is_that_of_sinchs_library():
    assert (
        signature("foo_secret1234", b"{}", "01FJA8B4A7BM43YGWSG9GBV067", "1634579353")
        == "lrSuriuOmIHYOeQxRlu6ftTqZoAI3Z5ZiW6cKEnJP1w="
    )


@pytest.mark.parametrize("ago_s", [0, 23 * 3600, -60])
def test_a_call_that_sinch_signed_is_taken(ago_s):
    sinch().verify(called(BODY, signed(ago_s=ago_s)))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(b"{}"),
        signed(BODY, "another"),
        signed(nonce=""),
        signed(ago_s=26 * 3600),
        signed(ago_s=-26 * 3600),
        signed(stamp="soon"),
        signed() | {"x-sinch-webhook-signature-timestamp": str(int(time.time()) - 5)},
        signed() | {"x-sinch-webhook-signature-nonce": "n2"},
        signed() | {"x-sinch-webhook-signature": ""},
        signed() | {"x-sinch-webhook-signature": "\u00e4"},
    ],
)
def test_another_call_is_refused(headers):
    with pytest.raises(BadSignature):
        sinch().verify(called(BODY, headers))


# What a person waits for


def test_health():
    with stand_in(Reply(200, "sinch/batches.json"), Reply(401, "sinch/unauthorized.json")) as carrier:
        assert ask(sinch(carrier.url), lambda it: it.health()) == Health(True)
        found = ask(sinch(carrier.url), lambda it: it.health())
    assert found == Health(False, "Full authentication is required to access this resource")


def test_numbers_for_rent():
    with stand_in(Reply(200, "sinch/for_rent.json"), Reply(404, "sinch/not_found.json")) as carrier:
        found = ask(sinch(carrier.url, **PROJECT), lambda it: it.inventory("GB", "7700", 10))
        asked = carrier.asked
    assert found == [InventoryNumber("+447700900123", "GB"), InventoryNumber("+447700900124", "GB")]
    assert asked[0].path == "/v1/projects/p1/availableNumbers"
    assert asked[0].headers["Authorization"] == "Basic azE6czE="
    assert asked[0].query == {
        "regionCode": "GB",
        "type": "MOBILE",
        "capabilities": "SMS",
        "size": "10",
        "numberPattern.pattern": "7700",
        "numberPattern.searchPattern": "CONTAINS",
    }
    assert [one.query["type"] for one in asked] == ["MOBILE", "LOCAL", "TOLL_FREE"]


@pytest.mark.parametrize(
    ("verb", "method", "path", "body"),
    [
        ("buy", "POST", "availableNumbers/+447700900123:rent", PLAN),
        ("adopt", "PATCH", "activeNumbers/+447700900123", PLAN),
        ("release", "POST", "activeNumbers/+447700900123:release", {}),
    ],
)
def test_numbers_come_and_go(verb, method, path, body):
    with stand_in(Reply(200, body={"phoneNumber": "+447700900123"}), Reply(404, "sinch/not_found.json")) as carrier:
        ask(sinch(carrier.url, **PROJECT), lambda it: getattr(it, verb)("+447700900123"))
        with pytest.raises(Refused, match="Number not found"):
            ask(sinch(carrier.url, **PROJECT), lambda it: getattr(it, verb)("+447700900123"))
        asked = carrier.asked[0]
    assert (asked.method, asked.path, asked.json) == (method, f"/v1/projects/p1/{path}", body)


@pytest.mark.parametrize("question", [lambda it: it.inventory("GB"), lambda it: it.buy("+447700900123")])
def test_no_numbers_without_a_project(question):
    with pytest.raises(NotOffered):
        ask(sinch(), question)
