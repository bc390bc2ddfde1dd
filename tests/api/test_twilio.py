"""/2010-04-01 as Twilio's own SDK calls it, with its base URL changed; it never sees that it is not Twilio."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from people import ANNA, BEN, World
from programs import _Handler
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client as Twilio

from heed.api.rates import rates
from heed.core import accounts, consent, deliveries, gate, handoff, inbound, leases, reviews, senders, webhooks
from heed.core.consent import Cause
from heed.core.models import Audit, Callback, Endpoint, EndpointStyle, LedgerEntry, Message, Role, Source
from heed.core.status_callbacks import sid
from heed.rules import numbers
from heed.rules.values import InboundText

PHONE, OTHER, NUMBER = numbers.show(ANNA), numbers.show(BEN), "+447700900001"


class Wire(HttpClient):
    """What the SDK asks goes to our application, through the short chain as in life."""

    def __init__(self) -> None:
        super().__init__(None, False)
        self.client = Client(raise_request_exception=False)
        self.client.handler = _Handler(enforce_csrf_checks=True)

    def request(
        self, method, url, params=None, data=None, headers=None, auth=None, timeout=None, allow_redirects=False
    ):
        from urllib.parse import urlencode

        parts = urlsplit(url)
        query = "&".join(filter(None, [parts.query, urlencode(params or {}, doseq=True)]))
        body = urlencode({name: value for name, value in (data or {}).items() if value is not None}, doseq=True)
        secret = base64.b64encode(":".join(auth).encode()).decode()
        answer = self.client.generic(
            method,
            f"{parts.path}?{query}",
            body,
            content_type="application/x-www-form-urlencoded",
            headers={"Authorization": f"Basic {secret}"},
        )
        return Response(answer.status_code, answer.content.decode())


def sdk(world: World, role: Role = Role.MARKETER, account=None) -> Twilio:
    account = account or world.account
    secret = accounts.create_api_key(account, "shop", role, actor="test")[1]
    client = Twilio(sid("AC", account.id), secret, http_client=Wire())
    client.api.base_url = "https://heed.example"
    return client


@pytest.fixture
def twilio(world: World) -> Twilio:
    rates.forget()
    return sdk(world)


def send(twilio: Twilio, **more: Any) -> Any:
    return twilio.messages.create(**({"to": PHONE, "from_": NUMBER, "body": "Hello"} | more))


def refused(verb: Any, *args: Any, **more: Any) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as error:
        verb(*args, **more)
    assert error.value.msg
    return error.value.status, error.value.code


def settle(world: World) -> None:
    """What the dispatcher does with all that is queued."""
    lease = leases.take(leases.DISPATCHER)
    claimed = gate.claim(world.link.id, 50, lease)
    handoff.handed_off([handoff.Sent(one.id, f"p{one.id}", one.of) for one in claimed], lease)


def test_it_sends_fetches_and_lists(twilio: Twilio, world: World) -> None:
    made = send(twilio)
    assert made.sid.startswith("SM")
    assert (made.status, made.direction, made.to, made.from_, made.body) == (
        "queued",
        "outbound-api",
        PHONE,
        NUMBER,
        "Hello",
    )
    assert (made.num_segments, made.num_media, made.error_code) == ("1", "0", None)
    assert datetime.now(UTC) - made.date_created < timedelta(minutes=1)
    settle(world)
    fetched = twilio.messages(made.sid).fetch()
    assert (fetched.status, fetched.sid, fetched.account_sid) == ("sent", made.sid, twilio.username)
    assert fetched.date_sent is not None
    assert [one.sid for one in twilio.messages.list(to=PHONE)] == [made.sid]
    assert twilio.messages.list(to=OTHER) == []
    row = Message.objects.get()
    assert (row.door, row.actor) == ("twilio", "key shop")
    assert twilio.messages(made.sid).media.list() == []


def test_someone_who_opted_out_is_refused(twilio: Twilio, world: World) -> None:
    inbound.receive(world.link, [InboundText("", PHONE, NUMBER, "STOP")])
    assert refused(send, twilio) == (400, 21610)
    assert not Message.objects.exists()
    assert send(twilio, from_="+447700900002").status == "queued"  # she left the other number alone
    consent.opt_out(world.account.id, 0, BEN, Cause(Source.WEB_FORM))
    assert refused(send, twilio, to=OTHER) == (400, 21610)


def test_what_is_in_review_is_refused_too(twilio: Twilio, world: World) -> None:
    inbound.receive(world.link, [InboundText("", PHONE, NUMBER, "not interested")])
    assert reviews.queue(world.account).count() == 1
    assert refused(send, twilio) == (400, 21610)


def test_an_opt_out_after_queueing_shows_as_21610(twilio: Twilio, world: World) -> None:
    made = send(twilio)
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.WEB_FORM))
    fetched = twilio.messages(made.sid).fetch()
    assert (fetched.status, fetched.error_code) == ("failed", 21610)


BAD = [
    ({"to": ""}, 21604),
    ({"to": "12"}, 21211),
    ({"from_": ""}, 21603),
    ({"from_": "+447700900003"}, 21606),  # the stranger's
    ({"from_": "NOBODY"}, 21606),
    ({"body": ""}, 21602),
    ({"body": "x" * 1600}, 21617),
    ({"status_callback": "http://shop.example/"}, 21609),
    ({"status_callback": "https://10.0.0.1/"}, 21609),
    ({"media_url": ["https://shop.example/cat.png"]}, 21620),
    ({"messaging_service_sid": "MG" + "0" * 32}, 21701),
    ({"send_at": "2999-01-01T00:00:00Z", "schedule_type": "fixed"}, 35114),
    ({"validity_period": 0}, 21618),
    ({"validity_period": 99_999}, 21618),
]


@pytest.mark.parametrize(("more", "code"), BAD)
def test_what_cant_be_sent_is_refused_in_twilios_words(twilio: Twilio, more: dict, code: int) -> None:
    assert refused(send, twilio, **more) == (400, code)
    assert not Message.objects.exists()


def test_a_list_has_pages(twilio: Twilio, world: World) -> None:
    sids = [send(twilio, body=str(at)).sid for at in range(7)][::-1]
    assert [one.sid for one in twilio.messages.list(page_size=3)] == sids
    assert [one.sid for one in twilio.messages.list(limit=4, page_size=2)] == sids[:4]
    page = twilio.messages.page(page_size=3)
    assert [one.sid for one in page] == sids[:3]
    second = page.next_page()
    assert [one.sid for one in second] == sids[3:6]
    today = datetime.now(UTC).date()
    assert len(twilio.messages.list(date_sent=today)) == 7
    assert len(twilio.messages.list(date_sent_after=today - timedelta(days=1))) == 7
    assert twilio.messages.list(date_sent_before=today - timedelta(days=2)) == []
    assert len(twilio.messages.list(from_=NUMBER)) == 7
    assert twilio.messages.list(from_="ACME") == []
    with pytest.raises(TwilioException, match="Page and PageSize are numbers"):
        twilio.messages.list(page_size=-1)


def test_it_schedules_and_cancels(twilio: Twilio) -> None:
    made = send(twilio, send_at=datetime.now(UTC) + timedelta(hours=2), schedule_type="fixed", validity_period=3600)
    row = Message.objects.get()
    assert (made.status, row.state) == ("scheduled", "waiting")
    assert timedelta(minutes=59) < row.expires_at - row.due_at < timedelta(minutes=61)
    assert twilio.messages(made.sid).update(status="canceled").status == "canceled"
    assert refused(twilio.messages(made.sid).update, status="canceled") == (409, 30409)


def test_it_redacts_and_deletes_what_has_ended(twilio: Twilio, world: World) -> None:
    made = send(twilio)
    assert refused(twilio.messages(made.sid).update, body="") == (409, 20009)
    assert refused(twilio.messages(made.sid).delete) == (409, 20009)
    settle(world)
    assert refused(twilio.messages(made.sid).update, body="Other")[0] == 400
    assert twilio.messages(made.sid).update(body="").body == ""
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.WEB_FORM))
    entries = LedgerEntry.objects.count()
    assert twilio.messages(made.sid).delete()
    assert refused(twilio.messages(made.sid).fetch) == (404, 20404)
    assert (Message.objects.count(), LedgerEntry.objects.count()) == (0, entries)
    assert Audit.objects.filter(action="message.delete", account=world.account).count() == 1


def test_a_callback_is_told_signed_with_the_key(twilio: Twilio, world: World) -> None:
    made = send(twilio, status_callback="https://shop.example/called?order=7")
    endpoint = Endpoint.objects.get(style=EndpointStyle.CALLBACK)
    assert (endpoint.url, Callback.objects.get().url) == ("https://shop.example", "https://shop.example/called?order=7")
    send(twilio, to=OTHER, status_callback="https://shop.example/called?order=8")
    assert Endpoint.objects.count() == 1
    settle(world)
    first, _ = deliveries.claim(endpoint.id, 5, leases.take(leases.WEBHOOKS))
    assert (first.url, first.secrets) == ("https://shop.example/called?order=7", (twilio.password,))
    assert f"MessageSid={made.sid}" in first.body
    assert "MessageStatus=sent" in first.body
    assert webhooks.of(world.account).count() == 0  # it is none of the account's webhooks for events


def test_a_service_is_a_pool_and_one_sender_for_consent(twilio: Twilio, world: World) -> None:
    for number in (world.number, world.second):
        pool = senders.join_pool(number, "Shop", actor="test")
    service = sid("MG", pool.id)
    made = send(twilio, from_="", messaging_service_sid=service)
    assert made.from_ in (NUMBER, "+447700900002")
    assert made.messaging_service_sid == service
    assert {send(twilio, from_="", messaging_service_sid=service).from_ for _ in range(5)} == {made.from_}
    people = {
        send(twilio, from_="", messaging_service_sid=service, to=numbers.show(ANNA + at)).from_ for at in range(20)
    }
    assert people == {NUMBER, "+447700900002"}
    inbound.receive(world.link, [InboundText("", PHONE, made.from_, "STOP")])
    for one in (NUMBER, "+447700900002"):
        assert refused(send, twilio, from_=one) == (400, 21610)
    assert refused(send, twilio, from_="", messaging_service_sid=service) == (400, 21610)
    assert refused(send, twilio, from_="Shop") == (400, 21606)  # a pool is no sender name
    with pytest.raises(senders.Refused):
        senders.join_pool(type(world.number).objects.get(id=world.number.id), "Other", actor="test")


# Who may


def test_a_stranger_finds_nothing(twilio: Twilio, world: World) -> None:
    made = send(twilio)
    settle(world)
    stranger = sdk(world, Role.OWNER, world.other)
    assert stranger.messages.list() == []
    for verb in (stranger.messages(made.sid).fetch, stranger.messages(made.sid).delete):
        assert refused(verb) == (404, 20404)
    assert refused(stranger.messages(made.sid).update, body="") == (404, 20404)
    assert refused(send, stranger) == (400, 21606)
    pool = senders.join_pool(world.number, "Shop", actor="test")
    assert refused(send, stranger, from_="", messaging_service_sid=sid("MG", pool.id)) == (400, 21701)
    elsewhere = Twilio(twilio.username, stranger.password, http_client=Wire())
    elsewhere.api.base_url = "https://heed.example"
    assert refused(elsewhere.messages(made.sid).fetch) == (401, 20003)
    path = f"/2010-04-01/Accounts/{twilio.username}/Messages.json"
    theirs = base64.b64encode(f"{stranger.username}:{stranger.password}".encode()).decode()
    answer = Wire().client.get(path, headers={"Authorization": f"Basic {theirs}"})
    assert (answer.status_code, answer.json()["code"]) == (404, 20404)
    assert Message.objects.get().text == "Hello"


def test_a_viewers_key_only_reads(twilio: Twilio, world: World) -> None:
    made = send(twilio)
    viewer = sdk(world, Role.VIEWER)
    assert viewer.messages(made.sid).fetch().body == "Hello"
    for verb in (viewer.messages(made.sid).delete, lambda: send(viewer)):
        assert refused(verb) == (403, 20003)
    assert refused(viewer.messages(made.sid).update, status="canceled") == (403, 20003)


@pytest.mark.parametrize("given", ["", "Basic", "Basic !!!", "Basic Og==", "Bearer x", "Basic " + "QQ==" * 3])
def test_without_a_key_it_is_401(world: World, given: str) -> None:
    for path in ("/Messages.json", "/Messages/SM0.json", "/Anything.json"):
        headers = {"Authorization": given} if given else {}
        answer = Wire().client.get(f"/2010-04-01/Accounts/{sid('AC', world.account.id)}{path}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)
        assert answer["WWW-Authenticate"].startswith("Basic")
        assert set(json.loads(answer.content)) == {"code", "message", "more_info", "status"}


def test_other_methods_and_addresses_are_refused(twilio: Twilio, world: World) -> None:
    made = send(twilio)
    secret = base64.b64encode(f"{twilio.username}:{twilio.password}".encode()).decode()
    here = f"/2010-04-01/Accounts/{twilio.username}"
    for method, path, status in (
        ("PUT", f"{here}/Messages.json", 405),
        ("PATCH", f"{here}/Messages/{made.sid}.json", 405),
        ("GET", f"{here}/Messages/SM{'0' * 32}.json", 404),
        ("GET", f"{here}/Messages/x.json", 404),
        ("GET", f"{here}/Calls.json", 404),
        ("GET", "/2010-04-01/", 404),
        ("GET", f"{here}/Messages.json?PageToken=nonsense", 200),
        ("GET", f"{here}/Messages.json?DateSent=never", 400),
    ):
        answer = Wire().client.generic(method, path, headers={"Authorization": f"Basic {secret}"})
        assert (method, path, answer.status_code) == (method, path, status)
        assert answer["Content-Type"] == "application/json"
