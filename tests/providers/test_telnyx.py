"""Telnyx, both directions, its signatures, its numbers and its list of opt-outs."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from exchanges import HOOK, REFERENCE, TEXT, ask, called, hand_off, outcome
from standin import Reply, payload, stand_in

from heed.providers.base import BadHook, BadSignature, MaybeSent, Misconfigured, RecipientOptedOut, Refused, Throttled
from heed.providers.telnyx import Telnyx
from heed.rules.values import CarrierOptOut, Health, InboundText, InventoryNumber, Outgoing, Receipt

THEIRS = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = base64.b64encode(THEIRS.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
PROFILE, ID = "4000eba1-a0c0-4563-9925-b25e842a7cb6", "40385f64-5717-4562-b3fc-2c963f66afa6"
NUMBER = "+447700900123"


def telnyx(url="https://api.telnyx.com", **more):
    settings = {"api_key": "KEY1", "public_key": PUBLIC, "messaging_profile": PROFILE, "api": url}
    return Telnyx(settings | more, HOOK)


# Sending

SENDING = [
    (Reply(200, "telnyx/sent.json"), (ID,)),
    (Reply(200, body={}), (MaybeSent,)),
    (Reply(409, "telnyx/stopped.json"), (RecipientOptedOut,)),
    (Reply(400, "telnyx/invalid_to.json"), (Refused, "40310")),
    (Reply(400, "telnyx/invalid_from.json"), (Refused, "40305")),
    (Reply(401, "telnyx/unauthorized.json"), (Misconfigured,)),
    (Reply(403, "telnyx/no_funds.json"), (Misconfigured,)),
    (Reply(429, "telnyx/too_many.json"), (Throttled, 1)),
    (Reply(400, "telnyx/queue_full.json"), (Throttled, 1)),
    (Reply(500, body={}), (MaybeSent,)),
]


@pytest.mark.parametrize(("reply", "expected"), SENDING)
def test_sending(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(telnyx(carrier.url))) == expected


def test_what_it_is_asked():
    with stand_in(Reply(200, "telnyx/sent.json")) as carrier:
        hand_off(telnyx(carrier.url))
        hand_off(telnyx(carrier.url), Outgoing(REFERENCE, "Heed", TEXT.to, TEXT.text))
        hand_off(Telnyx(telnyx(carrier.url).settings, "http://localhost:8000/hooks/telnyx/token/"))
        asked, of_a_name, of_a_try = carrier.asked
    assert (asked.method, asked.path) == ("POST", "/v2/messages")
    assert asked.headers["Authorization"] == "Bearer KEY1"
    assert asked.headers["Idempotency-Key"] == REFERENCE
    assert asked.json == {
        "from": "+447700900001",
        "to": "+447700900500",
        "text": "Hëllo £5 & more",
        "type": "SMS",
        "webhook_url": f"{HOOK}?reference={REFERENCE}",
    }
    assert (of_a_name.json["from"], of_a_name.json["messaging_profile_id"]) == ("Heed", PROFILE)
    assert "webhook_url" not in of_a_try.json


@pytest.mark.parametrize(
    "wrong", [{"api": "ftp://x"}, {"public_key": "abc"}, {"public_key": PUBLIC[:20]}, {"public_key": "ä"}]
)
def test_settings_that_can_not_be_right(wrong):
    with pytest.raises(Misconfigured):
        Telnyx(telnyx().settings | wrong).check()
    telnyx().check()


# The hook

AT = datetime(2026, 2, 3, 12, 14, 25, tzinfo=UTC)
INBOUND = "1fa55452-5cc6-4ce7-9cb0-8612fa4ddc15"


def inbound(text, read=""):
    return [InboundText(INBOUND, "+447700900500", "+447700900001", text, AT, read)]


ARRIVING = [
    ("inbound", inbound("Hello there & £5")),
    ("inbound_stop", inbound("STOP", "stop")),
    ("inbound_start", inbound("START", "start")),
    ("inbound_help", inbound("HELP", "help")),
    ("receipt_sent", [Receipt(ID, REFERENCE, "sent")]),
    ("receipt_delivered", [Receipt(ID, REFERENCE, "delivered")]),
    ("receipt_unconfirmed", []),
    (
        "receipt_failed",
        [
            Receipt(
                ID,
                REFERENCE,
                "undelivered",
                "40001",
                "The destination number is either a landline or a non-routable wireless number.",
            )
        ],
    ),
    (
        "receipt_stopped",
        [Receipt(ID, REFERENCE, "undelivered", "40300", "Messages cannot be sent to a number that sent STOP.", True)],
    ),
    (
        "receipt_40300_unreachable",
        [Receipt(ID, REFERENCE, "undelivered", "40300", "The destination can't be reached.")],
    ),
]


@pytest.mark.parametrize(("name", "expected"), ARRIVING)
def test_arriving(name, expected):
    call = called(payload(f"telnyx/{name}.json"), url=f"{HOOK}?reference={REFERENCE}")
    assert list(telnyx().parse(call)) == expected
    assert telnyx().answer(call).status == 200


def test_other_events_are_taken_and_left():
    assert list(telnyx().parse(called(b'{"data": {"event_type": "call.initiated", "payload": {}}}'))) == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"data": []}', b'{"sms_id": "1"}'])
def test_what_can_not_be_read(body):
    with pytest.raises(BadHook):
        telnyx().parse(called(body))


BODY = payload("telnyx/inbound.json")


def signed(body=BODY, stamp=None, by=THEIRS):
    stamp = str(int(time.time())) if stamp is None else stamp
    signature = base64.b64encode(by.sign(f"{stamp}|".encode() + body)).decode()
    return {"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp}


@pytest.mark.parametrize("ago_s", [0, 290, -290])
def test_a_call_that_telnyx_signed_is_taken(ago_s):
    telnyx().verify(called(BODY, signed(stamp=str(int(time.time()) - ago_s))))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(b"{}"),
        signed(by=Ed25519PrivateKey.generate()),
        signed(stamp=str(int(time.time()) - 310)),
        signed(stamp=str(int(time.time()) + 3600)),
        signed(stamp="soon"),
        signed(stamp=""),
        signed() | {"telnyx-timestamp": str(int(time.time()) - 5)},
        signed() | {"telnyx-signature-ed25519": ""},
        signed() | {"telnyx-signature-ed25519": "\u00e4"},
        signed() | {"telnyx-signature-ed25519": base64.b64encode(b"short").decode()},
    ],
)
def test_another_call_is_refused(headers):
    with pytest.raises(BadSignature):
        telnyx().verify(called(BODY, headers))


# What a person waits for


def test_health():
    with stand_in(Reply(200, "telnyx/balance.json"), Reply(401, "telnyx/unauthorized.json")) as carrier:
        one = telnyx(carrier.url)
        assert ask(one, lambda it: it.health()) == Health(True, "Balance: 300.00 USD")
        assert not ask(one, lambda it: it.health()).is_well


def test_numbers_for_sale():
    with stand_in(Reply(200, "telnyx/for_sale.json")) as carrier:
        found = ask(telnyx(carrier.url), lambda it: it.inventory("GB", "7700", 10))
        (asked,) = carrier.asked
    assert found == [InventoryNumber("+447700900123", "GB"), InventoryNumber("+447700900124", "GB")]
    assert asked.path == "/v2/available_phone_numbers"
    assert asked.query == {
        "filter[country_code]": "GB",
        "filter[features]": "sms",
        "filter[limit]": "10",
        "filter[best_effort]": "false",
        "filter[phone_number][contains]": "7700",
    }


def test_buying_puts_it_on_the_profile():
    with stand_in(Reply(200, body={"data": {"id": "1"}})) as carrier:
        ask(telnyx(carrier.url), lambda it: it.buy(NUMBER))
        (asked,) = carrier.asked
        with pytest.raises(Refused, match="messaging profile"):
            ask(telnyx(carrier.url, messaging_profile=""), lambda it: it.buy(NUMBER))
        assert len(carrier.asked) == 1
    assert (asked.method, asked.path) == ("POST", "/v2/number_orders")
    assert asked.json == {"phone_numbers": [{"phone_number": NUMBER}], "messaging_profile_id": PROFILE}


@pytest.mark.parametrize(
    ("verb", "method", "path", "body"),
    [("adopt", "PATCH", "/messaging", {"messaging_profile_id": PROFILE}), ("release", "DELETE", "", None)],
)
def test_a_number_of_ours_is_found_first(verb, method, path, body):
    with stand_in(Reply(200, "telnyx/owned.json"), Reply(200, body={})) as carrier:
        ask(telnyx(carrier.url), lambda it: getattr(it, verb)(NUMBER))
        first, last = carrier.asked
        carrier.replies = [Reply(200, "telnyx/owned.json")]
        with pytest.raises(Refused, match="not in the Telnyx account"):
            ask(telnyx(carrier.url), lambda it: getattr(it, verb)("+447700900999"))
    assert first.query == {"filter[phone_number]": NUMBER}
    assert (last.method, last.path) == (method, f"/v2/phone_numbers/1293384261075731499{path}")
    assert (last.json if body else None) == body


def test_whom_telnyx_keeps_from_our_messages():
    with stand_in(Reply(200, "telnyx/opt_outs.json"), Reply(200, "telnyx/opt_outs_2.json")) as carrier:
        found = ask(telnyx(carrier.url), lambda it: it.opt_outs())
        queries = [one.query for one in carrier.asked]
    assert found == [CarrierOptOut("+447700900500", "+447700900001"), CarrierOptOut("+447700900501", "+447700900001")]
    assert [query["page[number]"] for query in queries] == ["1", "2"]
    assert {query["filter[messaging_profile_id]"] for query in queries} == {PROFILE}
