"""MessageBird, both directions, receipts by GET and by POST, and its tokens over address and body."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime

import jwt
import pytest
from exchanges import HOOK, REFERENCE, ask, called, hand_off, outcome
from standin import Reply, payload, stand_in

from heed.providers.base import BadHook, BadSignature, MaybeSent, Misconfigured, NotOffered, Refused, Throttled
from heed.providers.messagebird import MessageBird
from heed.rules.values import Health, InboundText, Receipt

KEY, SIGNING, OTHER = "live_key", "a-signing-key-of-32-characters-x", "another-key-of-32-characters-xxx"
ID, INBOUND = "e8077d803532c0b5937c639b60216938", "e8077d803532c0b5937c639b60216939"
AT = datetime(2026, 2, 3, 12, 14, 25, tzinfo=UTC)


def messagebird(url="https://rest.messagebird.com"):
    return MessageBird({"access_key": KEY, "signing_key": SIGNING, "api": url}, HOOK)


# Sending

SENDING = [
    (Reply(201, "messagebird/sent.json"), (ID,)),
    (Reply(201, body={}), (MaybeSent,)),
    (Reply(422, "messagebird/no_recipients.json"), (Refused, "9")),
    (Reply(422, "messagebird/no_balance.json"), (Misconfigured,)),
    (Reply(401, "messagebird/unauthorized.json"), (Misconfigured,)),
    (Reply(429, body={}), (Throttled, 1)),
    (Reply(500, body={"errors": [{"code": 99, "description": "Internal error"}]}), (MaybeSent,)),
]


@pytest.mark.parametrize(("reply", "expected"), SENDING)
def test_sending(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(messagebird(carrier.url))) == expected


def test_what_it_is_asked():
    with stand_in(Reply(201, "messagebird/sent.json")) as carrier:
        hand_off(messagebird(carrier.url))
        hand_off(MessageBird(messagebird(carrier.url).settings, "http://127.0.0.1:8000/hooks/messagebird/token/"))
        asked, of_a_try = carrier.asked
    assert (asked.method, asked.path) == ("POST", "/messages")
    assert asked.headers["Authorization"] == "AccessKey live_key"
    assert asked.json == {
        "originator": "+447700900001",
        "recipients": ["447700900500"],
        "body": "Hëllo £5 & more",
        "datacoding": "auto",
        "reference": REFERENCE,
        "reportUrl": HOOK,
    }
    assert "reportUrl" not in of_a_try.json


# The hook

TEXT = InboundText(INBOUND, "447700900500", "447700900001", "Hello there & £5", AT)
RECEIPTS = [
    ("scheduled", []),
    ("sent", [Receipt(ID, REFERENCE, "sent")]),
    ("buffered", [Receipt(ID, REFERENCE, "sent")]),
    ("delivered", [Receipt(ID, REFERENCE, "delivered")]),
    ("expired", [Receipt(ID, REFERENCE, "undelivered", "", "DLR not received")]),
    ("failed", [Receipt(ID, REFERENCE, "undelivered", "1", "unknown subscriber")]),
    ("opted_out", [Receipt(ID, REFERENCE, "undelivered", "103", "opted-out recipient", opted_out=True)]),
]


def by_get(name):
    return called(url=f"{HOOK}?{payload(f'messagebird/receipt_{name}.query').decode()}", method="GET")


def by_post(name):
    return called(payload(f"messagebird/receipt_{name}.query"))


@pytest.mark.parametrize("way", [by_get, by_post])
@pytest.mark.parametrize(("name", "expected"), RECEIPTS)
def test_receipts(name, expected, way):
    assert list(messagebird().parse(way(name))) == expected


@pytest.mark.parametrize(
    "call",
    [
        called(payload("messagebird/inbound.form")),
        called(payload("messagebird/inbound_flow.json"), {"Content-Type": "application/json; charset=utf-8"}),
        called(url=f"{HOOK}?{payload('messagebird/inbound.form').decode()}", method="GET"),
    ],
)
def test_texts(call):
    assert list(messagebird().parse(call)) == [TEXT]


@pytest.mark.parametrize("body", [b"[]", b"{", b"{}"])
def test_what_can_not_be_read(body):
    with pytest.raises(BadHook):
        messagebird().parse(called(body, {"Content-Type": "application/json"}))


# Signatures

BODY = payload("messagebird/inbound.form")


def digest(text):
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


def signed(call, key=SIGNING, algorithm="HS256", without=(), **more):
    now = int(time.time())
    said = {"iss": "MessageBird", "nbf": now, "exp": now + 60, "jti": "1", "url_hash": digest(call.url)}
    if call.body:
        said["payload_hash"] = digest(call.body)
    said = {name: value for name, value in (said | more).items() if name not in without}
    token = jwt.encode(said, key, algorithm=algorithm)
    return called(call.body, {"MessageBird-Signature-JWT": token}, url=call.url, method=call.method)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("call", [called(BODY), by_get("delivered"), by_post("delivered")])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # the key's length is MessageBird's choice
def test_a_call_that_messagebird_signed_is_taken(call, algorithm):
    messagebird().verify(signed(call, algorithm=algorithm))


@pytest.mark.parametrize(
    "call",
    [
        called(BODY),
        called(BODY, {"MessageBird-Signature-JWT": "a.b.c"}),
        signed(called(BODY), OTHER),
        signed(called(BODY), iss="Somebody"),
        signed(called(BODY), url_hash=digest("https://elsewhere.example/")),
        signed(called(BODY), payload_hash=digest(b"body=STOP")),
        signed(called(BODY), without=["payload_hash"]),
        signed(by_get("delivered"), payload_hash=digest(b"")),
        signed(called(BODY), without=["url_hash"]),
        signed(called(BODY), without=["nbf"]),
        signed(called(BODY), without=["exp"]),
        signed(called(BODY), exp=int(time.time()) - 90),
        signed(called(BODY), nbf=int(time.time()) + 3600),
        signed(called(BODY), exp="never"),
    ],
)
def test_another_call_is_refused(call):
    with pytest.raises(BadSignature):
        messagebird().verify(call)


# What a person waits for


def test_health():
    with stand_in(Reply(200, "messagebird/balance.json"), Reply(401, "messagebird/unauthorized.json")) as carrier:
        one = messagebird(carrier.url)
        assert ask(one, lambda it: it.health()) == Health(True, "Balance: 9.2 euros")
        assert ask(one, lambda it: it.health()) == Health(False, "Request not allowed (incorrect access_key)")


def test_it_sells_no_numbers_that_nobody_would_hear():
    with pytest.raises(NotOffered):
        ask(messagebird(), lambda it: it.buy("+447700900123"))


def test_settings_that_can_not_be_right():
    with pytest.raises(Misconfigured):
        messagebird("ftp://x").check()
    messagebird().check()
