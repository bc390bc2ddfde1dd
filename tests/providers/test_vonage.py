"""Vonage, both directions: the Messages API, the SMS API's hooks, and the signatures of each."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import UTC, datetime
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from exchanges import HOOK, REFERENCE, ask, called, hand_off, outcome
from standin import Reply, payload, stand_in

from heed.providers.base import BadHook, BadSignature, MaybeSent, Misconfigured, RecipientOptedOut, Refused, Throttled
from heed.providers.vonage import Vonage, sig
from heed.rules.values import Health, InboundText, InventoryNumber, Part, Receipt

KEY, SECRET, SIGNATURE_SECRET = "abcd1234", "a-secret", "a-signature-secret-of-32-characters"
UUID, SMS_ID = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab", "0C000000217B7F02"
AT = datetime(2026, 2, 3, 12, 14, 25, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}


def vonage(url="https://api.nexmo.com", **more):
    settings = {"api_key": KEY, "api_secret": SECRET, "signature_secret": SIGNATURE_SECRET, "api": url, "rest": url}
    return Vonage(settings | more, HOOK)


# Sending

SENDING = [
    (Reply(202, "vonage/sent.json"), (UUID,)),
    (Reply(202, body={}), (MaybeSent,)),
    (Reply(429, "vonage/throttled.json"), (Throttled, 1)),
    (Reply(422, "vonage/invalid_sender.json"), (Refused, "1120")),
    (Reply(422, "vonage/invalid_to.json"), (Refused, "1170")),
    (Reply(422, "vonage/invalid_params.json"), (Refused, "1150")),
    (Reply(422, "vonage/illegal_number.json"), (RecipientOptedOut,)),
    (Reply(401, "vonage/unauthorized.json"), (Misconfigured,)),
    (Reply(402, "vonage/low_balance.json"), (Misconfigured,)),
    (Reply(500, body={}), (MaybeSent,)),
]


@pytest.mark.parametrize(("reply", "expected"), SENDING)
def test_sending(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(vonage(carrier.url))) == expected


def test_what_it_is_asked():
    with stand_in(Reply(202, "vonage/sent.json")) as carrier:
        hand_off(vonage(carrier.url))
        hand_off(Vonage(vonage(carrier.url).settings, "http://localhost:8000/hooks/vonage/token/"))
        asked, of_a_try = carrier.asked
    assert (asked.method, asked.path) == ("POST", "/v1/messages")
    assert base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")) == b"abcd1234:a-secret"
    assert asked.json == {
        "message_type": "text",
        "channel": "sms",
        "to": "447700900500",
        "from": "447700900001",
        "text": "Hëllo £5 & more",
        "client_ref": REFERENCE,
        "webhook_url": HOOK,
        "webhook_version": "v1",
    }
    assert "webhook_url" not in of_a_try.json


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "shape", [lambda text: text, lambda text: text.replace("\n", ""), lambda text: text.replace("\n", r"\n")]
)
def test_in_the_name_of_an_application(key, shape):
    with stand_in(Reply(202, "vonage/sent.json")) as carrier:
        one = vonage(carrier.url, application_id="app", private_key=shape(pem(key)))
        one.check()
        hand_off(one)
        hand_off(one)
        first, second = (asked.headers["Authorization"] for asked in carrier.asked)
    assert first == second  # making one takes a millisecond
    said = jwt.decode(first.removeprefix("Bearer "), key.public_key(), algorithms=["RS256"])
    assert (said["application_id"], said["exp"] - said["iat"]) == ("app", 900)
    assert said["jti"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"api": "ftp://x"},
        {"application_id": "app"},
        {"private_key": "k"},
        {"application_id": "app", "private_key": "-----BEGIN"},
    ],
)
def test_settings_that_can_not_be_right(wrong):
    with pytest.raises(Misconfigured):
        vonage(**({"url": wrong["api"]} if "api" in wrong else wrong)).check()
    vonage().check()


# The hook

TEXT = InboundText(UUID, "447700900500", "447700900001", "Hello there & £5", AT)
ARRIVING = [
    ("inbound", [TEXT]),
    ("inbound_mms", [InboundText(UUID, TEXT.sender, TEXT.to, "stop", AT)]),
    ("inbound_whatsapp", []),
    ("receipt_submitted", [Receipt(UUID, REFERENCE, "sent")]),
    ("receipt_delivered", [Receipt(UUID, REFERENCE, "delivered")]),
    ("receipt_rejected", [Receipt(UUID, REFERENCE, "undelivered", "1210", "Anti-Spam Rejection")]),
    ("receipt_opted_out", [Receipt(UUID, REFERENCE, "undelivered", "1240", "Illegal Number", opted_out=True)]),
    ("sms_inbound", [InboundText(SMS_ID, TEXT.sender, TEXT.to, TEXT.text, AT)]),
    ("sms_receipt_delivered", [Receipt(SMS_ID, REFERENCE, "delivered")]),
    ("sms_receipt_absent", [Receipt(SMS_ID, "", "undelivered", "2", "The phone could not be reached.")]),
    (
        "sms_receipt_opted_out",
        [Receipt(SMS_ID, "", "undelivered", "9", "The recipient has opted out at Vonage.", opted_out=True)],
    ),
    ("sms_receipt_unknown", []),
]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (("77", "3", "2"), Part(77, 3, 2)),
        (("65535", "2", "1"), Part(65535, 2, 1)),
        (("77", "1", "1"), None),
        (("77", "2", "3"), None),
        (("x", "2", "1"), None),
        (("9" * 5000, "2", "1"), None),
        (("77", "2"), None),
    ],
)
def test_the_sms_api_says_which_part_it_brings(numbers, expected):
    said = dict(zip(("concat-ref", "concat-total", "concat-part"), numbers, strict=False)) | {"concat": "true"}
    call = called(json.dumps(json.loads(payload("vonage/sms_inbound.json")) | said).encode(), JSON)
    (text,) = vonage().parse(call)
    assert (text.text, text.part) == (TEXT.text, expected)


@pytest.mark.parametrize(("name", "expected"), ARRIVING)
def test_arriving(name, expected):
    call = called(payload(f"vonage/{name}.json"), JSON)
    assert list(vonage().parse(call)) == expected
    assert vonage().answer(call).status == 200


@pytest.mark.parametrize("name", [name for name, _ in ARRIVING if name.startswith("sms_")])
def test_the_sms_api_calls_as_the_account_is_set(name):
    query = urlencode(json.loads(payload(f"vonage/{name}.json")))
    for call in (called(query.encode()), called(url=f"{HOOK}?{query}", method="GET")):
        assert list(vonage().parse(call)) == dict(ARRIVING)[name]


@pytest.mark.parametrize("body", [b"[]", b"{", b"{}", payload("vonage/inbound_v01.json")])
def test_what_can_not_be_read(body):
    with pytest.raises(BadHook):
        vonage().parse(called(body, JSON))


# Signatures of the Messages API

BODY = payload("vonage/inbound.json")


def token(body=BODY, secret=SIGNATURE_SECRET, algorithm="HS256", ago_s=0.0, **more):
    said = {
        "iat": int(time.time() - ago_s),
        "jti": "1",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": KEY,
    }
    return {"Authorization": "Bearer " + jwt.encode(said | more, secret, algorithm=algorithm)}


@pytest.mark.parametrize("headers", [token(), token(ago_s=24 * 3600), token(ago_s=-30), token(exp=time.time() + 3600)])
def test_a_call_that_vonage_signed_is_taken(headers):
    vonage().verify(called(BODY, headers | JSON))


def unsigned():
    head, body, _ = token()["Authorization"].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return [
        f"{head}.{body}.",
        f"Bearer {none}.{body}.",
        "Bearer ",
        "Bearer a.b.c",
        "Bearer \u00e4.\u00e4.\u00e4",
        "Bearer",
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        token(BODY, KEY * 8),
        token(body=b"{}"),
        token(ago_s=26 * 3600),
        token(ago_s=-26 * 3600),
        token(exp=time.time() - 120),
        token(nbf=time.time() + 3600),
        token(iat=None),
        token(payload_hash=None),
        *({"Authorization": value} for value in unsigned()),
    ],
)
def test_another_call_is_refused(headers):
    with pytest.raises(BadSignature):
        vonage().verify(called(BODY, headers | JSON))


# Signatures of the SMS API

METHODS = ("md5", "hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha512")


def signed(method, **more):
    fields = json.loads(payload("vonage/sms_inbound.json")) | {"timestamp": str(int(time.time()))} | more
    return fields | {"sig": sig(fields, SIGNATURE_SECRET, method).upper()}


@pytest.mark.parametrize("method", METHODS)
def test_the_sms_api_signs_its_fields(method):
    one, fields = vonage(signature_method=method), signed(method, text="a=b&c")
    one.verify(called(json.dumps(fields).encode(), JSON))
    one.verify(called(urlencode(fields).encode()))
    one.verify(called(url=f"{HOOK}?{urlencode(fields)}", method="GET"))
    with pytest.raises(BadSignature):
        vonage(signature_method=METHODS[METHODS.index(method) - 1]).verify(called(urlencode(fields).encode()))


@pytest.mark.parametrize(
    "fields",
    [
        signed("md5") | {"text": "STOP"},
        signed("md5") | {"text": "\ud800"},
        signed("md5") | {"more": ""},
        signed("md5") | {"sig": ""},
        signed("md5") | {"sig": "\ud800"},
        {name: value for name, value in signed("md5").items() if name != "sig"},
        signed("md5", timestamp=str(int(time.time()) - 26 * 3600)),
        signed("md5", timestamp="nan"),
        signed("md5", timestamp=""),
        {},
    ],
)
def test_fields_that_others_signed_are_refused(fields):
    with pytest.raises(BadSignature):
        vonage().verify(called(json.dumps(fields).encode(), JSON))


# What a person waits for


def test_health():
    with stand_in(Reply(200, "vonage/balance.json"), Reply(401, "vonage/numbers_unauthorized.json")) as carrier:
        one = vonage(carrier.url)
        assert ask(one, lambda it: it.health()) == Health(True, "Balance: 10.28 EUR")
        assert ask(one, lambda it: it.health()) == Health(False, "authentication failed")


def test_numbers_for_sale():
    with stand_in(Reply(200, "vonage/for_sale.json"), Reply(200, body={})) as carrier:
        found = ask(vonage(carrier.url), lambda it: it.inventory("GB", "7700", 10))
        assert ask(vonage(carrier.url), lambda it: it.inventory()) == []
        first, second = carrier.asked
    assert found == [InventoryNumber("+447700900123", "GB"), InventoryNumber("+447700900124", "GB")]
    assert (first.method, first.path) == ("GET", "/number/search")
    assert first.query == {"country": "GB", "features": "SMS", "size": "10", "pattern": "7700", "search_pattern": "1"}
    assert second.query == {"country": "US", "features": "SMS", "size": "50"}


@pytest.mark.parametrize(
    ("verb", "more", "expected"),
    [
        ("buy", {}, [("buy", {}), ("update", {"moHttpUrl": HOOK})]),
        ("buy", {"application_id": "app"}, [("buy", {}), ("update", {"app_id": "app"})]),
        ("adopt", {}, [("update", {"moHttpUrl": HOOK})]),
        ("release", {}, [("cancel", {})]),
    ],
)
def test_numbers_come_and_go(verb, more, expected):
    with stand_in(Reply(200, "vonage/done.json")) as carrier:
        ask(vonage(carrier.url, **more), lambda it: getattr(it, verb)("+447700900123"))
        asked = [(one.method, one.path, one.form) for one in carrier.asked]
    number = {"country": "GB", "msisdn": "447700900123"}
    assert asked == [("POST", f"/number/{path}", number | form) for path, form in expected]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, "vonage/not_done.json"), (Refused, "420")),
        (Reply(420, "vonage/not_done.json"), (Refused, "420")),
        (Reply(200, body=b"<html>"), (Refused, "")),
        (Reply(401, "vonage/numbers_unauthorized.json"), (Misconfigured,)),
    ],
)
def test_a_number_that_is_not_sold(reply, expected):
    with stand_in(reply) as carrier, pytest.raises(expected[0]) as problem:
        ask(vonage(carrier.url), lambda it: it.buy("+447700900123"))
    assert outcome(problem.value) == expected
    assert len(carrier.asked) == 1
