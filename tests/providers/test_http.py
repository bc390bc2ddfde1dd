"""What becomes of a call over HTTP, whatever the carrier: which failures surely sent nothing, and which may have."""

from __future__ import annotations

import socket

import pytest
from exchanges import ask, hand_off, outcome
from standin import Reply, stand_in

from heed import clock
from heed.providers import http
from heed.providers.base import (
    Field,
    MaybeSent,
    Misconfigured,
    RecipientOptedOut,
    Refused,
    Throttled,
    TooLate,
    Unreachable,
)
from heed.providers.http import HttpProvider, moment, same, words_in
from heed.rules.values import HandedOff


class Plain(HttpProvider):
    fields = (Field("url", "Address"), Field("password", "Password", is_secret=True))
    codes = {"gone": RecipientOptedOut, "slow": Throttled}  # noqa: RUF012
    accepts_nothing_on = frozenset({502})

    def authentication(self):
        return {"Authorization": "Bearer " + self.settings["password"]}

    def problem(self, answer):
        return words_in(answer.json, "code"), words_in(answer.json, "words")

    async def submit(self, part, before):
        return HandedOff(words_in(await self.ask("POST", self.settings["url"], json={}, before=before), "id"))


def plain(url):
    return Plain({"url": url, "password": "s3cret"})


ANSWERS = [
    (Reply(200, body={"id": 7}), ("7",)),
    (Reply(200, body=b"<html>"), ("",)),
    (Reply(400, body={"code": "gone"}), (RecipientOptedOut,)),
    (Reply(500, body={"code": "gone"}), (RecipientOptedOut,)),
    (Reply(400, body={"code": "slow"}), (Throttled, 1)),
    (Reply(400, body={"code": 12}), (Refused, "12")),
    (Reply(404, body=[]), (Refused, "404")),
    (Reply(401), (Misconfigured,)),
    (Reply(403), (Misconfigured,)),
    (Reply(302, headers={"Location": "/elsewhere"}), (Misconfigured,)),
    (Reply(429, headers={"Retry-After": "7"}), (Throttled, 7)),
    (Reply(429, headers={"Retry-After": "86400"}), (Throttled, 60)),
    (Reply(429, headers={"Retry-After": "Fri, 01 Jan 2027 00:00:00 GMT"}), (Throttled, 1)),
    (Reply(503, headers={"Retry-After": "0"}), (Throttled, 1)),
    (Reply(503), (MaybeSent,)),
    (Reply(408), (MaybeSent,)),
    (Reply(500), (MaybeSent,)),
    (Reply(502), (Unreachable,)),
    (Reply(fault="close"), (MaybeSent,)),
    (Reply(fault="cut"), (MaybeSent,)),
]


@pytest.mark.parametrize(("reply", "expected"), ANSWERS)
def test_answers(reply, expected):
    with stand_in(reply) as carrier:
        assert outcome(hand_off(plain(carrier.url))) == expected
        assert len(carrier.asked) == 1  # no redirect is followed, nothing is sent again


def test_no_answer_in_time_may_have_been_sent(monkeypatch):
    monkeypatch.setattr(http, "ANSWERS_WITHIN_S", 0.1)
    with stand_in(Reply(fault="hang")) as carrier:
        assert outcome(hand_off(plain(carrier.url))) == (MaybeSent,)


def unused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


UNSENT = ["http://127.0.0.1:{}/", "http://no-such-host.invalid/"]


@pytest.mark.parametrize("url", UNSENT)
def test_nobody_there_was_surely_not_sent(url):
    assert outcome(hand_off(plain(url.format(unused())))) == (Unreachable,)


def test_a_host_without_tls_was_surely_not_sent():
    with stand_in(Reply()) as carrier:
        assert outcome(hand_off(plain(carrier.url.replace("http", "https")))) == (Unreachable,)
        assert carrier.asked == []


def test_a_host_that_takes_no_connection_in_its_second_was_surely_not_sent():
    with socket.socket() as full:  # a listener whose queue is full: the next one waits
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        try:
            result = hand_off(plain(f"http://127.0.0.1:{full.getsockname()[1]}/"), within_s=0.1)
        finally:
            for one in waiting:
                one.close()
    assert outcome(result) == (Unreachable,)


def test_no_time_left_asks_nothing():
    with stand_in(Reply()) as carrier:
        assert outcome(hand_off(plain(carrier.url), within_s=-1)) == (TooLate,)
        assert carrier.asked == []


@pytest.mark.parametrize("url", ["http://[", "nonsense", "file:///etc/passwd?s3cret"])
def test_an_address_that_can_not_be_called_stops_the_connection_and_is_not_repeated(url):
    result = hand_off(plain(url))
    assert outcome(result) == (Misconfigured,)
    assert "s3cret" not in result.words


def test_what_the_carrier_says_is_shown_short_and_without_secrets():
    with stand_in(Reply(401, body={"words": "No “s3cret” here\0" + "x" * 1000})) as carrier:
        result = hand_off(plain(carrier.url))
    assert result.words.startswith("No “…” here␀x")
    assert len(result.words) == 300
    assert outcome(result) == (Misconfigured,)


def test_an_answer_too_long_says_nothing(monkeypatch):
    monkeypatch.setattr(http, "MOST_READ", 100)
    with stand_in(Reply(200, body={"id": "7", "more": "x" * 100})) as carrier:
        assert outcome(hand_off(plain(carrier.url))) == ("",)


def test_one_connection_carries_many():
    async def several(one):
        for _ in range(3):
            await one.submit(None, clock.seconds() + 5)
        return len(one._session.connector._conns)

    with stand_in(Reply(200, body={"id": 1})) as carrier:
        assert ask(plain(carrier.url), several) == 1
        assert [one.headers["Authorization"] for one in carrier.asked] == ["Bearer s3cret"] * 3


@pytest.mark.parametrize(
    ("given", "ours", "expected"),
    [("a", "a", True), ("a", "b", False), ("", "", False), ("\ud800", "a", False), ("ä", "a", False)],
)
def test_secrets_compared(given, ours, expected):
    assert same(given, ours) is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00+00:00"),
        ("2026-01-31 12:00:00", "2026-01-31T12:00:00+00:00"),
        ("yesterday", None),
        (None, None),
        (7, None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_moments(raw, expected):
    found = moment(raw)
    assert (found and found.isoformat()) == expected
