"""Plivo, both directions, the signatures of its calls, and its numbers."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

import pytest
from exchanges import HOOK, REFERENCE, ask, called, hand_off, outcome
from standin import Reply, payload, stand_in

from heed.providers.base import BadHook, BadSignature, MaybeSent, Misconfigured, Refused, Throttled
from heed.providers.plivo import Plivo, _bare, _signature, signature_v3
from heed.rules.values import Health, InboundText, InventoryNumber, Receipt

AUTH_ID, TOKEN, OTHER = "MA000000000000000001", "a-token-that-is-secret", "another-token"
ID = "db3ce55a-7f1d-11e1-8ea7-1231380bc196"
ACCOUNT = f"/v1/Account/{AUTH_ID}"


def plivo(url="https://api.plivo.com", **more):
    return Plivo(
        {"auth_id": AUTH_ID, "auth_token": TOKEN, "application_id": "16638156474000802", "api": url} | more, HOOK
    )


# Sending

SENDING = [
    (Reply(202, "plivo/sent.json"), (ID,)),
    (Reply(202, body={}), (MaybeSent,)),
    (Reply(400, "plivo/invalid_dst.json"), (Refused, "400")),
    (Reply(402, "plivo/no_credit.json"), (Misconfigured,)),
    (Reply(401, body=b"Could not verify your access level for that URL."), (Misconfigured,)),
    (Reply(429, body={"error": "too many requests"}), (Throttled, 1)),
    (Reply(500, body={}), (MaybeSent,)),
]


@pytest.mark.parametrize(("reply", "expected"), SENDING)
def test_sending(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(plivo(carrier.url))) == expected


def test_what_it_is_asked():
    with stand_in(Reply(202, "plivo/sent.json")) as carrier:
        hand_off(plivo(carrier.url))
        hand_off(Plivo(plivo(carrier.url).settings, "http://localhost:8000/hooks/plivo/token/"))
        asked, of_a_try = carrier.asked
    assert (asked.method, asked.path) == ("POST", f"{ACCOUNT}/Message/")
    assert asked.headers["Authorization"].startswith("Basic TUEw")
    assert asked.json == {
        "src": "+447700900001",
        "dst": "+447700900500",
        "text": "Hëllo £5 & more",
        "type": "sms",
        "url": f"{HOOK}?reference={REFERENCE}",
        "method": "POST",
    }
    assert "url" not in of_a_try.json


@pytest.mark.parametrize("wrong", [{"api": "ftp://x"}, {"auth_id": "MA1"}, {"auth_id": "MA/00000000000000001"}])
def test_settings_that_can_not_be_right(wrong):
    with pytest.raises(Misconfigured):
        Plivo(plivo().settings | wrong).check()
    plivo().check()


# The hook

ARRIVING = [
    ("inbound", [InboundText(ID, "447700900500", "447700900001", "Hello there & £5")]),
    ("receipt_queued", []),
    ("receipt_sent", [Receipt(ID, REFERENCE, "sent")]),
    ("receipt_delivered", [Receipt(ID, REFERENCE, "delivered")]),
    ("receipt_first_part", [Receipt(ID, REFERENCE, "sent")]),
    ("receipt_last_part", [Receipt(ID, REFERENCE, "delivered")]),
    ("receipt_part_undelivered", [Receipt(ID, REFERENCE, "undelivered", "80", "The phone could not be reached.")]),
    (
        "receipt_stopped",
        [Receipt(ID, REFERENCE, "undelivered", "200", "The recipient has sent STOP to this number.", opted_out=True)],
    ),
]


@pytest.mark.parametrize(("name", "expected"), ARRIVING)
def test_arriving(name, expected):
    call = called(payload(f"plivo/{name}.form"), url=f"{HOOK}?reference={REFERENCE}")
    assert list(plivo().parse(call)) == expected
    assert plivo().answer(call).status == 200


@pytest.mark.parametrize("body", [b"", b"From=1&Text=STOP", b"\xff"])
def test_what_can_not_be_read(body):
    with pytest.raises(BadHook):
        plivo().parse(called(body))


FORM = {"From": "447700900500", "Text": "Stöp & go=1", "Empty": "", "Several": ["b", "a"]}
WITH_QUERY = f"{HOOK}?reference={REFERENCE}&a=1"


def signed(url=HOOK, form=FORM, name="Ma-V3", token=TOKEN):
    signature = signature_v3(url, parse_qs(urlencode(form, True), keep_blank_values=True), "12345", token)
    headers = {f"X-Plivo-Signature-{name}": signature, "X-Plivo-Signature-V3-Nonce": "12345"}
    return called(urlencode(form, True).encode(), headers, url=url)


# What Plivo's own library makes of these, with the nonce 12345.
THEIRS = [
    (HOOK, {}, "RxjR61sHQ/rGrF4/wtZX0u/dXrvg6so69uBNicm4jfE="),
    (WITH_QUERY, {}, "FZxdYqSNZoiuvh+Hp93t2GqbaZ7y6Mi1MH1TossVPm8="),
    (
        HOOK,
        {"From": "447700900500", "Text": "Stöp & go=1", "Empty": ""},
        "x/94I5q0wafgF0u1qDposywgK4XHzcobK1QcmGaCxxc=",
    ),
    (
        WITH_QUERY,
        {"From": "447700900500", "Text": "Stöp & go=1", "Several": ["b", "a"]},
        "sZdAseWtT5EcMjIdQq7MSSBUufDuWpcWzSXb0CCreTU=",
    ),
]


@pytest.mark.parametrize(("url", "form", "expected"), THEIRS)
def test_signatures_are_those_of_plivos_library(url, form, expected):
    lists = {name: value if isinstance(value, list) else [value] for name, value in form.items()}
    assert signature_v3(url, lists, "12345", TOKEN) == expected


def old(url=HOOK, token=TOKEN):
    headers = {
        "X-Plivo-Signature-V2": _signature(f"{_bare(url)}678", token),
        "X-Plivo-Signature-V2-Nonce": "678",
    }
    return called(urlencode(FORM, True).encode(), headers, url=url)


def both(new, token=TOKEN):
    return called(new.body, new.headers | old(new.url, token).headers, url=new.url)


def as_well(call, name):
    """The same call while the account has two tokens: two signatures in a header."""
    header = f"x-plivo-signature-{name.lower()}"
    return called(call.body, call.headers | {header: f"bm9uZQ==, {call.headers[header]}"}, url=call.url)


@pytest.mark.parametrize(
    "call",
    [
        signed(),
        signed(WITH_QUERY),
        signed(name="V3"),
        signed(form={}),
        as_well(signed(), "Ma-V3"),
        old(),
        old(WITH_QUERY),
        both(signed()),
    ],
)
def test_a_call_that_plivo_signed_is_taken(call):
    plivo().verify(call)


@pytest.mark.parametrize(
    "call",
    [
        called(b"Text=STOP"),
        signed(HOOK, FORM, "V3", OTHER),
        called(signed().body + b"&More=1", signed().headers),
        called(signed().body, signed().headers, url=f"{HOOK}?reference=another"),
        called(signed().body, signed().headers | {"x-plivo-signature-v3-nonce": "9"}),
        called(signed().body, {"X-Plivo-Signature-V3": "", "X-Plivo-Signature-V3-Nonce": "12345"}),
        called(signed().body, {"X-Plivo-Signature-V3": "\u00e4", "X-Plivo-Signature-V3-Nonce": "12345"}),
        called(b"\xff", signed().headers),
        old(HOOK, OTHER),
        both(signed(HOOK, FORM, "V3", OTHER)),  # a wrong signature is not made good by one of the older kind
    ],
)
def test_another_call_is_refused(call):
    with pytest.raises(BadSignature):
        plivo().verify(call)


# What a person waits for


def test_health():
    with stand_in(Reply(200, "plivo/account.json"), Reply(401, body={"error": "No such account."})) as carrier:
        assert ask(plivo(carrier.url), lambda it: it.health()) == Health(True, "Balance: 122.48 USD")
        assert ask(plivo(carrier.url), lambda it: it.health()) == Health(False, "No such account.")
        assert carrier.asked[0].path == f"{ACCOUNT}/"


def test_numbers_for_sale():
    with stand_in(Reply(200, "plivo/for_sale.json")) as carrier:
        found = ask(plivo(carrier.url), lambda it: it.inventory("GB", "447700", 50))
        (asked,) = carrier.asked
    assert found == [InventoryNumber("+447700900123", "GB"), InventoryNumber("+447700900124", "GB")]
    assert asked.path == f"{ACCOUNT}/PhoneNumber/"
    assert asked.query == {"country_iso": "GB", "services": "sms", "limit": "20", "pattern": "7700", "offset": "0"}


def test_its_pages_are_short():
    page = Reply(200, body={"objects": [{"number": str(447700900000 + at)} for at in range(20)]})
    with stand_in(page, page, Reply(200, body={"objects": []})) as carrier:
        assert len(ask(plivo(carrier.url), lambda it: it.inventory("GB", "", 50))) == 40
        assert [one.query["offset"] for one in carrier.asked] == ["0", "20", "40"]


@pytest.mark.parametrize(
    ("verb", "method", "path", "body"),
    [
        ("buy", "POST", "PhoneNumber", {"app_id": "16638156474000802"}),
        ("adopt", "POST", "Number", {"app_id": "16638156474000802"}),
        ("release", "DELETE", "Number", None),
    ],
)
def test_numbers_come_and_go(verb, method, path, body):
    with stand_in(Reply(201, "plivo/bought.json")) as carrier:
        ask(plivo(carrier.url), lambda it: getattr(it, verb)("+447700900123"))
        (asked,) = carrier.asked
    assert (asked.method, asked.path) == (method, f"{ACCOUNT}/{path}/447700900123/")
    assert (asked.json if body else None) == body


@pytest.mark.parametrize("verb", ["buy", "adopt"])
def test_a_number_without_an_application_would_be_deaf(verb):
    with pytest.raises(Refused, match="application"):
        ask(plivo(application_id=""), lambda it: getattr(it, verb)("+447700900123"))
