"""Twilio, both directions: what it was recorded to say, and its own validator that agrees with ours on signatures."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from exchanges import HOOK, REFERENCE, ask, called, hand_off, outcome
from standin import Reply, payload, stand_in
from twilio.request_validator import RequestValidator

from heed.providers.base import (
    BadSignature,
    MaybeSent,
    Misconfigured,
    RecipientOptedOut,
    Refused,
    Throttled,
)
from heed.providers.twilio import Twilio
from heed.rules.values import Health, InboundText, InventoryNumber, Receipt

SID, TOKEN = "AC00000000000000000000000000000001", "a-token-that-is-secret"
PATH = f"/2010-04-01/Accounts/{SID}"
MINE = Receipt("SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", REFERENCE, "delivered")


def twilio(url="https://api.twilio.com", **more):
    return Twilio({"account_sid": SID, "auth_token": TOKEN, "api": url, **more}, HOOK)


# Sending

SENDING = [
    (Reply(201, "twilio/sent.json"), ("SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",)),
    (Reply(201, body={}), (MaybeSent,)),
    (Reply(400, "twilio/opted_out.json"), (RecipientOptedOut,)),
    (Reply(400, "twilio/invalid_to.json"), (Refused, "21211")),
    (Reply(403, "twilio/no_region.json"), (Refused, "21408")),
    (Reply(401, "twilio/unauthorized.json"), (Misconfigured,)),
    (Reply(429, "twilio/too_many.json"), (Throttled, 1)),
    (Reply(400, "twilio/rate_limit.json"), (Throttled, 1)),
    (Reply(500, body={}), (MaybeSent,)),
]


@pytest.mark.parametrize(("reply", "expected"), SENDING)
def test_sending(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(twilio(carrier.url))) == expected


def test_what_it_is_asked():
    with stand_in(Reply(201, "twilio/sent.json")) as carrier:
        hand_off(twilio(carrier.url, messaging_service="MG1"))
        (asked,) = carrier.asked
    assert (asked.method, asked.path) == ("POST", f"{PATH}/Messages.json")
    assert asked.headers["Authorization"].startswith("Basic QUMw")
    assert asked.form == {
        "From": "+447700900001",
        "To": "+447700900500",
        "Body": "Hëllo £5 & more",
        "StatusCallback": f"{HOOK}?reference={REFERENCE}",
        "MessagingServiceSid": "MG1",
    }


def test_no_callback_to_a_machine_that_twilio_can_not_call():
    with stand_in(Reply(201, "twilio/sent.json")) as carrier:
        local = Twilio(twilio(carrier.url).settings, "http://localhost:8000/hooks/twilio/token/")
        hand_off(local)
        assert "StatusCallback" not in carrier.asked[0].form


# The hook

TEXT = InboundText("SMcccccccccccccccccccccccccccccccc", "+447700900500", "+447700900001", "Hello there & £5")
ARRIVING = [
    ("inbound", HOOK, [TEXT]),
    ("inbound_stop", HOOK, [InboundText(TEXT.provider_id, TEXT.sender, TEXT.to, "Stop", carrier_read="stop")]),
    ("inbound_start", HOOK, [InboundText(TEXT.provider_id, TEXT.sender, TEXT.to, "START", carrier_read="start")]),
    ("inbound_help", HOOK, [InboundText(TEXT.provider_id, TEXT.sender, TEXT.to, "help", carrier_read="help")]),
    ("receipt_queued", f"{HOOK}?reference={REFERENCE}", []),
    ("receipt_sent", f"{HOOK}?reference={REFERENCE}", [Receipt(MINE.provider_id, REFERENCE, "sent")]),
    ("receipt_delivered", f"{HOOK}?reference={REFERENCE}", [MINE]),
    ("receipt_delivered", HOOK, [Receipt(MINE.provider_id, "", "delivered")]),
    (
        "receipt_30005",
        HOOK,
        [Receipt(MINE.provider_id, "", "undelivered", "30005", "There is no such phone.")],
    ),
    (
        "receipt_30006",
        HOOK,
        [Receipt(MINE.provider_id, "", "undelivered", "30006", "A landline, or a carrier that can't be reached.")],
    ),
    ("receipt_21610", HOOK, [Receipt(MINE.provider_id, "", "undelivered", "21610", opted_out=True)]),
]


@pytest.mark.parametrize(("name", "url", "expected"), ARRIVING)
def test_arriving(name, url, expected):
    call = called(payload(f"twilio/{name}.form"), url=url)
    assert list(twilio().parse(call)) == expected
    answer = twilio().answer(call)
    assert (answer.status, answer.content_type) == (200, "text/xml")


def signed(url, form, token=TOKEN):
    """A call as Twilio signs it, by its own library."""
    signature = RequestValidator(token).compute_signature(url, form)
    return called(urlencode(form).encode(), {"X-Twilio-Signature": signature}, url=url)


FORM = {"Body": "Stöp & go=1", "From": "+447700900500", "To": "+447700900001", "Empty": ""}
WITH_PORT = HOOK.replace("heed.example", "heed.example:8443")
SIGNED = [  # what Twilio signed, how it came to us
    (signed(HOOK, FORM), None),
    (signed(f"{HOOK}?reference={REFERENCE}", FORM), None),
    (signed(HOOK.replace("heed.example", "heed.example:443"), FORM), HOOK),
    (signed(HOOK, FORM), WITH_PORT),
    (signed(WITH_PORT, FORM), WITH_PORT),
    (signed(HOOK, {}), None),
]


@pytest.mark.parametrize(("call", "url"), SIGNED)
def test_a_call_that_twilio_signed_is_taken(call, url):
    here = called(call.body, call.headers, url=url or call.url)
    twilio().verify(here)
    assert RequestValidator(TOKEN).validate(here.url, here.form, here.headers["X-Twilio-Signature"])


@pytest.mark.parametrize(
    "call",
    [
        signed(HOOK, FORM, "another token"),
        called(b"Body=STOP", {}),
        called(b"Body=STOP", {"X-Twilio-Signature": ""}),
        called(b"Body=STOP", {"X-Twilio-Signature": "\u00e4"}),
        called(signed(HOOK, FORM).body + b"&More=1", signed(HOOK, FORM).headers),
        called(signed(HOOK, FORM).body, signed(HOOK, FORM).headers, url=f"{HOOK}?reference=another"),
    ],
)
def test_another_call_is_refused(call):
    with pytest.raises(BadSignature):
        twilio().verify(call)
    assert not RequestValidator(TOKEN).validate(call.url, call.form, call.headers.get("X-Twilio-Signature", ""))


# What a person waits for


def test_health():
    with stand_in(Reply(200, "twilio/balance.json"), Reply(401, "twilio/unauthorized.json")) as carrier:
        one = twilio(carrier.url)
        assert ask(one, lambda it: it.health()) == Health(True, "Balance: 12.34 USD")
        assert ask(one, lambda it: it.health()) == Health(False, "Authentication Error - invalid username")


def test_numbers_for_sale():
    with stand_in(Reply(200, "twilio/for_sale.json"), Reply(404, "twilio/not_found.json")) as carrier:
        found = ask(twilio(carrier.url), lambda it: it.inventory("GB", "7700", 10))
        asked = [(one.path, one.query) for one in carrier.asked]
    assert found == [InventoryNumber("+447700900123", "GB"), InventoryNumber("+447700900124", "GB")]
    assert asked[0] == (
        f"{PATH}/AvailablePhoneNumbers/GB/Mobile.json",
        {"SmsEnabled": "true", "PageSize": "10", "Contains": "7700"},
    )
    assert [path.rpartition("/")[2] for path, _ in asked] == ["Mobile.json", "Local.json", "TollFree.json"]


def test_buying_points_its_texts_at_the_hook():
    with stand_in(Reply(201, body={"sid": "PN1"})) as carrier:
        ask(twilio(carrier.url), lambda it: it.buy("+447700900123"))
        (asked,) = carrier.asked
    assert asked.path == f"{PATH}/IncomingPhoneNumbers.json"
    assert asked.form == {"PhoneNumber": "+447700900123", "SmsUrl": HOOK, "SmsMethod": "POST"}


@pytest.mark.parametrize(("verb", "method"), [("adopt", "POST"), ("release", "DELETE")])
def test_a_number_of_ours_is_found_first(verb, method):
    with stand_in(Reply(200, "twilio/owned.json"), Reply(200, body={})) as carrier:
        ask(twilio(carrier.url), lambda it: getattr(it, verb)("+447700900123"))
        first, last = carrier.asked
    assert first.query == {"PhoneNumber": "+447700900123"}
    assert (last.method, last.path) == (
        method,
        f"{PATH}/IncomingPhoneNumbers/PNbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.json",
    )


@pytest.mark.parametrize("verb", ["adopt", "release"])
def test_a_number_of_somebody_else_is_left_alone(verb):
    with stand_in(Reply(200, "twilio/owned.json")) as carrier:
        with pytest.raises(Refused, match="not in the Twilio account"):
            ask(twilio(carrier.url), lambda it: getattr(it, verb)("+447700900999"))
        assert [one.method for one in carrier.asked] == ["GET"]


@pytest.mark.parametrize(("url", "account"), [("https://api.twilio.com", "AC1"), ("ftp://api.twilio.com", SID)])
def test_settings_that_can_not_be_right(url, account):
    with pytest.raises(Misconfigured):
        twilio(url, account_sid=account).check()
    twilio().check()
