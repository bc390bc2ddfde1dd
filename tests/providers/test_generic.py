"""The carrier described by settings: one with JSON, one with a form, one with all in the address."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from exchanges import HOOK, REFERENCE, TEXT, called, hand_off, outcome
from standin import Reply, payload, stand_in

from heed.providers.base import (
    BadHook,
    BadSignature,
    MaybeSent,
    Misconfigured,
    RecipientOptedOut,
    Refused,
    Throttled,
)
from heed.providers.generic import Generic
from heed.rules.values import InboundText, Outgoing, Receipt

JSON = {
    "template": '{"messages": [{"from": "{from_digits}", "to": "{to_digits}", "body": "{text}"}], "cb": "{hook}?{reference}"}',  # noqa: E501
    "headers": "Authorization: App s3cret\nX-Way: direct",
    "id_at": "messages.0.messageId",
    "accepted_if": "messages.0.status.group=PENDING",
    "code_at": "messages.0.status.code",
    "words_at": "messages.0.status.text",
    "opted_out_codes": "17, 18",
    "throttled_codes": "5",
    "items_at": "results",
    "text_at": "body",
    "from_at": "msisdn",
    "to_at": "shortcode",
    "inbound_id_at": "msgId",
    "time_at": "at",
    "status_at": "state",
    "receipt_id_at": "msgId",
    "reference_at": "ref",
    "receipt_code_at": "err",
    "delivered_words": "delivrd",
    "undelivered_words": "undeliv",
}


def generic(url="https://sms.example/send", **settings):
    return Generic({"url": url, **settings}, HOOK)


# Sending

SENDING = [
    (JSON, Reply(200, "generic/sent.json"), ("77-a",)),
    (JSON, Reply(200, "generic/barred.json"), (RecipientOptedOut,)),
    (JSON, Reply(400, "generic/barred.json"), (RecipientOptedOut,)),
    (JSON, Reply(200, "generic/refused.json"), (Refused, "9")),
    (JSON, Reply(200, body={"messages": [{"status": {"group": "NO", "code": "5"}}]}), (Throttled, 1)),
    (JSON, Reply(200, body={"messages": [{"status": {"group": "NO"}}]}), (Refused, "")),
    (JSON, Reply(200, body=b"<html>"), (MaybeSent,)),
    ({}, Reply(200, body=b""), ("",)),
    ({"id_at": "text"}, Reply(200, body=b"12345\r\n"), ("12345",)),
    ({}, Reply(400, body={"code": "1", "message": "No"}), (Refused, "1")),
    ({}, Reply(401), (Misconfigured,)),
]


@pytest.mark.parametrize(("settings", "reply", "expected"), SENDING)
def test_sending(settings, reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(generic(carrier.url, **settings))) == expected


QUOTED = Outgoing(REFERENCE, "+447700900001", "+447700900500", 'Say "{to}" & \\ ünd\n')


def test_json_with_any_text_stays_what_it_was():
    with stand_in(Reply()) as carrier:
        hand_off(generic(carrier.url, **JSON), QUOTED)
        (asked,) = carrier.asked
    assert asked.json == {
        "messages": [{"from": "447700900001", "to": "447700900500", "body": QUOTED.text}],
        "cb": f"{HOOK}?{REFERENCE}",
    }
    assert (asked.headers["Authorization"], asked.headers["X-Way"]) == ("App s3cret", "direct")


PAIRS = "to={to}&text={text}&fixed=a%2Bb"
FILLED = {"to": "+447700900500", "text": QUOTED.text, "fixed": "a+b"}


LOGIN = {"user": "ann", "password": "pw"}


def test_a_form_with_a_password():
    with stand_in(Reply()) as carrier:
        hand_off(generic(carrier.url, format="form", template=PAIRS, **LOGIN), QUOTED)
        (asked,) = carrier.asked
    assert (asked.method, asked.form, asked.headers["Authorization"]) == ("POST", FILLED, "Basic YW5uOnB3")


def test_all_in_the_address():
    with stand_in(Reply()) as carrier:
        hand_off(generic(carrier.url + "/{reference}/go", method="GET", format="query", template=PAIRS), QUOTED)
        (asked,) = carrier.asked
    assert (asked.method, asked.path, asked.query) == ("GET", f"/{REFERENCE}/go", FILLED)


def test_a_token_that_the_carrier_repeats_is_not_shown():
    with stand_in(Reply(401, body={"message": "“App s3cret” is wrong"})) as carrier:
        assert hand_off(generic(carrier.url, headers="Authorization: App s3cret")).words == "“…” is wrong"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://169.254.169.254/", "http://localhost:9/"])
def test_an_accounts_own_connection_reaches_no_private_address(url):
    one = generic(url)
    one.networks = ()
    result = hand_off(one, TEXT)
    assert "may be reached" in result.words or "private" in result.words


# The hook

STOP = InboundText("m-1", "447700900500", "447700900001", "STOP", datetime(2026, 1, 31, 11, tzinfo=UTC))
DELIVERED = Receipt("77-a", REFERENCE, "delivered", "0")
BARRED = Receipt("77-b", "", "undelivered", "17", opted_out=True)
SIMPLE = b'{"id": "1", "from": "+447700900500", "to": "+447700900001", "text": "Hi"}'
HI = InboundText("1", "+447700900500", "+447700900001", "Hi")
ARRIVING = [
    (JSON, called(payload("generic/calls.json")), [STOP, DELIVERED, BARRED]),
    (
        JSON | {"items_at": ""},
        called(payload("generic/inbound.form")),
        [InboundText("m-2", "447700900500", "447700900001", "Stöp & go")],
    ),
    ({}, called(SIMPLE), [HI]),
    ({}, called(method="GET", url=HOOK + "?id=1&from=%2B447700900500&to=%2B447700900001&text=Hi"), [HI]),
    ({}, called(b"", url=HOOK + "?id=1&from=%2B447700900500&to=%2B447700900001&text=Hi"), [HI]),
    ({}, called(b"[" + SIMPLE + b"]"), [HI]),
    ({}, called(b'{"id": 7, "status": "Delivered"}'), [Receipt("7", "", "delivered")]),
    ({}, called(b'{"id": 7, "status": "failed", "code": 3}'), [Receipt("7", "", "undelivered", "3")]),
    ({}, called(b'{"id": 7, "status": "accepted"}'), []),
    ({}, called(SIMPLE.replace(b'"Hi"', b'""')), [InboundText("1", "+447700900500", "+447700900001", "")]),
]


@pytest.mark.parametrize(("settings", "call", "expected"), ARRIVING)
def test_arriving(settings, call, expected):
    assert list(generic(**settings).parse(call)) == expected


@pytest.mark.parametrize("body", [b"", b"{}", b'"text"', b"[1]", b"{", b'{"text": null}', b"\xff"])
def test_a_call_that_says_nothing_is_refused(body):
    with pytest.raises(BadHook):
        generic().parse(called(body))


SECRET = {"check_secret": "k"}
DIGEST = hmac.digest(b"k", SIMPLE, hashlib.sha256)
KNOWN = [
    ("address", {}, True),
    ("basic", {"Authorization": "Basic " + b64encode(b"k").decode()}, False),
    ("basic", {"Authorization": "Basic " + b64encode(b"k:").decode()}, True),
    ("header", {"X-Signature": "k"}, True),
    ("header", {"X-Signature": "l"}, False),
    ("header", {}, False),
    ("hmac-sha256", {"X-Signature": DIGEST.hex()}, True),
    ("hmac-sha256", {"X-Signature": "sha256=" + DIGEST.hex().upper()}, True),
    ("hmac-sha256", {"X-Signature": b64encode(DIGEST).decode()}, True),
    ("hmac-sha256", {"X-Signature": DIGEST.hex()[:-1]}, False),
    ("hmac-sha256", {}, False),
]


@pytest.mark.parametrize(("check", "headers", "is_theirs"), KNOWN)
def test_whose_call_it_is(check, headers, is_theirs):
    one = generic(check=check, **SECRET)
    if is_theirs:
        return one.verify(called(SIMPLE, headers))
    with pytest.raises(BadSignature):
        one.verify(called(SIMPLE, headers))


def test_a_signature_says_nothing_of_an_address():
    signature = {"X-Signature": hmac.digest(b"k", b"", "sha256").hex()}
    with pytest.raises(BadSignature):
        generic(check="hmac-sha256", **SECRET).verify(called(b"", signature, method="GET"))


@pytest.mark.parametrize(
    ("answer", "kind"), [("{}", "application/json"), ("<ok/>", "text/xml"), ("OK", "text/plain"), ("", "text/plain")]
)
def test_its_calls_are_answered_as_it_likes(answer, kind):
    given = generic(answer=answer).answer(called(SIMPLE))
    assert (given.body.decode(), given.content_type) == (answer, kind)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "sms.example"},
        {"template": '{"to": "{to}", "text": "{text}", "who": "{sender}"}'},
        {"template": '{"to": "{to}"}'},
        {"template": '"{text}" {to}'},
        {"headers": "s3cret"},
        {"check": "header"},
    ],
)
def test_settings_that_can_not_be_right(wrong):
    generic(**JSON).check()
    with pytest.raises(Misconfigured):
        generic(**wrong).check()
