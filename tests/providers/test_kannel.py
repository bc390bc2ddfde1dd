"""Kannel, both directions: what a real one (Debian's 1.4.5, with its fake SMSC) answered and called."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from exchanges import HOOK, REFERENCE, ask, called, hand_off, outcome
from standin import Reply, payload, stand_in

from heed.providers.base import BadHook, BadSignature, MaybeSent, Misconfigured, Refused, Throttled, Unreachable
from heed.providers.kannel import Kannel
from heed.rules.values import Health, InboundText, Outgoing, Receipt

FIRST = f"{REFERENCE}.1"
AT = datetime(2026, 11, 28, 13, 30, 2, tzinfo=UTC)


def kannel(url="http://127.0.0.1:13013", **more):
    settings = {"username": "heed", "password": "quiet-river", "secret": "river"}
    return Kannel({"url": f"{url}/cgi-bin/sendsms", **settings, **more}, HOOK)


# Sending


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(202, "kannel/accepted.txt"), (FIRST,)),
        (Reply(202, "kannel/queued.txt"), (FIRST,)),
        (Reply(202, "kannel/sent.txt"), (FIRST,)),
        (Reply(403, "kannel/unauthorized.txt"), (Misconfigured,)),
        (Reply(403, "kannel/not_routable.txt"), (Refused, "Not routable")),
        (Reply(400, "kannel/denied.txt"), (Refused, "400")),
        (Reply(503, "kannel/busy.txt"), (Throttled, 1)),
        (Reply(500, "kannel/failed.txt"), (Unreachable,)),
        (Reply(500, body=b"<html>A proxy's words"), (MaybeSent,)),
        (Reply(404, body=b"<html>Not Kannel"), (Refused, "404")),
    ],
)
def test_sending(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(kannel(carrier.url))) == expected


def test_what_it_is_asked():
    with stand_in(Reply(202, "kannel/accepted.txt")) as carrier:
        hand_off(kannel(carrier.url, smsc="ACME"), Outgoing(REFERENCE, "+447700900001", "+447700900500", "£5 & more"))
        (asked,) = carrier.asked
    assert (asked.method, asked.path, asked.body.decode()) == ("POST", "/cgi-bin/sendsms", "£5 & more")
    assert asked.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert {name: value for name, value in asked.headers.items() if name.startswith("X-Kannel-")} == {
        "X-Kannel-Username": "heed",
        "X-Kannel-Password": "quiet-river",
        "X-Kannel-SMSC": "ACME",
        "X-Kannel-From": "+447700900001",
        "X-Kannel-To": "+447700900500",
        "X-Kannel-Coding": "0",
        "X-Kannel-DLR-Mask": "27",
        "X-Kannel-DLR-URL": f"{HOOK}?secret=river&reference={REFERENCE}&id={FIRST}&dlr=%d&answer=%A",
    }


def test_a_long_text_goes_in_parts_that_kannel_can_not_cut_off():
    text = "Hello [you] €5 " * 14 + "To opt out, text STOP"
    pieces = kannel().parts(text)
    assert ("".join(pieces), len(pieces)) == (text, 2)
    with stand_in(Reply(202, "kannel/accepted.txt")) as carrier:
        for number, piece in enumerate(pieces, 1):
            outgoing = Outgoing(REFERENCE, "+447700900001", "+447700900500", piece, number, len(pieces), text, 0x12AB)
            assert outcome(hand_off(kannel(carrier.url), outgoing)) == (f"{REFERENCE}.{number}",)
        headers = [asked.headers["X-Kannel-UDH"] for asked in carrier.asked]
    assert headers == ["050003ab0201", "050003ab0202"]


def test_all_parts_of_a_text_have_one_alphabet():
    text = "plain, " * 20 + "\N{GRINNING FACE}"
    pieces = kannel().parts(text)
    assert pieces[0].isascii()
    parts = [Outgoing(REFERENCE, "ACME", "+447700900500", piece, 1, len(pieces), text) for piece in pieces]
    assert {kannel().headers(part)["X-Kannel-Coding"] for part in parts} == {"2"}


# The hook


def got(name):
    query = payload(f"kannel/{name}.query").decode()
    return called(url=f"{HOOK}?{query}", method="GET")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "inbound",
            InboundText(
                "95c0cbc7-13c9-4ea2-9846-023b1515a20d", "447700900500", "447700900001", "stop please+&more", AT
            ),
        ),
        (
            "inbound_ucs2",
            InboundText("22ad53d4-f6e9-4d79-b81d-1a656cb491c1", "+447700900500", "447700900001", "退订", AT),
        ),
        (
            "inbound_binary",
            InboundText("22ad53d4-f6e9-4d79-b81d-1a656cb491c0", "+447700900502", "447700900001", "STé", AT),
        ),
        ("receipt_taken", Receipt(FIRST, REFERENCE, "sent")),
        ("receipt_delivered", Receipt(FIRST, REFERENCE, "delivered")),
        ("receipt_failed", Receipt(FIRST, REFERENCE, "undelivered", "027")),
        ("receipt_refused", Receipt(FIRST, REFERENCE, "undelivered", "11", "Invalid Destination Address")),
    ],
)
def test_arriving(name, expected):
    call = got(name)
    kannel().verify(call)
    assert list(kannel().parse(call)) == [expected]
    answer = kannel().answer(call)
    assert (answer.status, answer.body, answer.content_type) == (200, b"", "text/plain")


POSTED = {"X-Kannel-From": "00447700900501", "X-Kannel-To": "447700900001", "X-Kannel-Coding": "0"}
POSTED_TO = f"{HOOK}?secret=river&id=5b3004bd&at=1795872602"


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"posted it now", 'text/plain; charset="UTF-8"', "posted it now"),
        ("Ça".encode("latin-1"), "text/plain; charset=ISO-8859-1", "Ça"),
        ("退订".encode("utf-16-be"), 'text/plain; charset="UTF-16BE"', "退订"),
        (b"ST\xe9", "application/octet-stream", "STé"),
        (b"STOP", "text/plain; charset=x-unheard-of", "STOP"),
        (b"\x00S\x00", 'text/plain; charset="UTF-16BE"', "S\ufffd"),
    ],
)
def test_arriving_by_post(body, kind, text):
    call = called(body, {**POSTED, "Content-Type": kind}, url=POSTED_TO)
    kannel().verify(call)
    assert list(kannel().parse(call)) == [InboundText("5b3004bd", "00447700900501", "447700900001", text, AT)]


@pytest.mark.parametrize(
    "call",
    [
        called(url=f"{HOOK}?secret=river&from=447700900500&text=STOP", method="GET"),
        called(url=f"{HOOK}?secret=river", method="GET"),
        called(b"STOP", {"X-Kannel-To": "447700900001"}, url=POSTED_TO),
    ],
)
def test_a_call_without_its_fields_is_refused(call):
    with pytest.raises(BadHook, match="missing"):
        kannel().parse(call)


@pytest.mark.parametrize("dlr", ["", "x", "64", "%d", "²"])
def test_an_unknown_notice_moves_nothing_back(dlr):
    call = called(url=f"{HOOK}?secret=river&reference={REFERENCE}&id={FIRST}&dlr={dlr}", method="GET")
    assert list(kannel().parse(call)) == [Receipt(FIRST, REFERENCE, "sent")]


@pytest.mark.parametrize("query", ["", "secret=", "secret=River", "secret=river2", "secret=%C3%A4"])
def test_a_call_without_the_secret_is_refused(query):
    with pytest.raises(BadSignature):
        kannel().verify(called(url=f"{HOOK}?{query}", method="GET"))


# What a person waits for


def test_health():
    replies = (Reply(400, "kannel/no_receiver.txt"), Reply(403, "kannel/unauthorized.txt"))
    with stand_in(*replies) as carrier:
        assert ask(kannel(carrier.url), lambda it: it.health()) == Health(True, "Kannel takes these credentials.")
        assert ask(kannel(carrier.url), lambda it: it.health()) == Health(False, "Authorization failed for sendsms")
        assert "X-Kannel-To" not in carrier.asked[0].headers


@pytest.mark.parametrize(
    "wrong", [{"secret": "50%off"}, {"secret": "né"}, {"url": "ftp://kannel"}, {"password": "ö"}, {"smsc": "a\nb"}]
)
def test_settings_that_can_not_be_right(wrong):
    with pytest.raises(Misconfigured):
        kannel(**wrong).check()
    kannel().check()
