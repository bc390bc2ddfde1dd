"""Webhooks over HTTP: a receiver of ours on loopback, the worker's loop, and what must never be reached."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from people import ANNA, BEN, World
from standardwebhooks import Webhook
from twilio.request_validator import RequestValidator

from heed.core import consent, events, inbound, outbound, webhooks
from heed.core.consent import Cause
from heed.core.deliveries import Call
from heed.core.events import Happened
from heed.core.models import Delivery, DeliveryState, EndpointStyle, Message, Source
from heed.providers import http
from heed.rules import numbers
from heed.rules.values import InboundText
from heed.workers import calling
from heed.workers.calling import Phone
from heed.workers.webhooks import Webhooks

LOOPBACK = (ip_network("127.0.0.0/8"),)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """A customer's program, and all that it was sent."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.got: list[tuple[dict[str, str], str]] = []
        self.answer = answer

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.got.append((dict(request.headers), await request.text()))
        return await self.answer(request) if self.answer else web.Response(text="thanks")

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._take)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.port = self.runner.addresses[0][1]
        return f"http://127.0.0.1:{self.port}/heed"

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()


def call(url: str, **more) -> Call:
    values = {"style": EndpointStyle.EVENTS, "event_id": "evt_1", "body": "{}", "secrets": ("whsec_" + "QUJD" * 8,)}
    return Call(1, 1, url=url, tries=0, **(values | more))


async def one(url: str, networks=LOOPBACK, **more):
    async with Phone(networks) as phone:
        return await phone.call(call(url, **more))


def against(answer: Answer | None, **more):
    """What comes of one call to a receiver that answers so, and how often it was called."""
    receiver = Receiver(answer)

    async def run():
        async with receiver as url:
            return await one(url, **more)

    return asyncio.run(run()), len(receiver.got)


# One call


def test_it_posts_what_the_official_validator_accepts() -> None:
    receiver, secret = Receiver(), "whsec_" + "QUJD" * 8

    async def run():
        async with receiver as url:
            return await one(url, body='{"message":"Arrêt 🛑"}', secrets=(secret,))

    result = asyncio.run(run())
    assert (result.status, result.response, result.is_delivered) == (200, "thanks", True)
    ((headers, body),) = receiver.got
    assert Webhook(secret).verify(body, headers) == {"message": "Arrêt 🛑"}
    assert headers["Content-Type"] == "application/cloudevents+json; charset=UTF-8"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": str(request.url)})

    result, count = against(elsewhere)
    assert (result.status, result.is_delivered, count) == (status, False, 1)


def test_an_endless_answer_is_read_to_its_bound() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        except ConnectionError:
            return response

    result, _ = against(endless)
    assert result.is_delivered
    assert len(result.response) == calling.MOST_READ


def test_a_packed_answer_is_not_unpacked() -> None:
    async def packed(request: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8b not really", headers={"Content-Encoding": "gzip"})

    result, _ = against(packed)
    assert result.is_delivered


def test_silence_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "TIMEOUT", calling.aiohttp.ClientTimeout(total=0.2))

    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    assert against(silent)[0].problem == "It did not answer in time."


@pytest.mark.parametrize(("raw", "wait_s"), [("120", 120), ("999999", 3600), ("-1", 0), ("soon", 0), ("", 0)])
def test_it_is_told_when_to_come_again(raw: str, wait_s: int) -> None:
    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": raw})

    assert against(busy)[0].wait_s == wait_s


def test_nothing_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        result = asyncio.run(one(f"http://127.0.0.1:{free.getsockname()[1]}/"))
    assert (result.status, result.is_delivered) == (None, False)
    assert result.problem.startswith("It could not be reached")


# What must never be reached


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "127.1", "2130706433", "0x7f.1", "0"]
)
def test_this_machine_is_not_reached(host: str) -> None:
    receiver = Receiver()

    async def run():
        async with receiver:
            return [await one(f"{scheme}://{host}:{receiver.port}/", networks=()) for scheme in ("https", "http")]

    results = asyncio.run(run())
    assert receiver.got == []
    assert all(result.status is None and result.problem for result in results)


class Names:
    """A resolver that leads wherever a test says, another way each time."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family=socket.AF_INET):
        found = self.answers.pop(0)
        return [
            {"hostname": host, "host": one, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for one in found
        ]

    async def close(self) -> None:
        return None


def _names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> Names:
    names = Names(*answers)
    monkeypatch.setattr(http, "ThreadedResolver", lambda: names)
    return names


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
def test_a_name_that_leads_to_a_private_address_is_not_called(monkeypatch, address: str) -> None:
    _names(monkeypatch, [address])
    assert asyncio.run(one("https://shop.example/", networks=())).problem == calling.BLOCKED


def test_the_connection_is_made_to_the_address_that_was_looked_at(monkeypatch) -> None:
    """A name that changes its mind (DNS rebinding) is asked once, and that answer is what is connected to."""
    receiver = Receiver()

    async def run():
        async with receiver:
            names = _names(monkeypatch, ["10.9.9.9", "127.0.0.1"], ["10.9.9.9"])
            result = await one(f"http://shop.example:{receiver.port}/")
            return result, len(names.answers)

    result, left = asyncio.run(run())
    assert (result.status, left) == (200, 1)


def test_without_tls_only_the_named_networks_are_reached(monkeypatch) -> None:
    _names(monkeypatch, ["8.8.8.8"])
    assert asyncio.run(one("http://shop.example/")).problem == calling.BLOCKED
    assert asyncio.run(one("http://8.8.8.8/")).problem == calling.NOT_PRIVATE


# The worker


@pytest.fixture
def acme(live_world: World, settings) -> World:
    settings.WEBHOOK_NETWORKS = LOOPBACK
    return live_world


def tell(receiver: Receiver, set_up: Callable[[str], object], rounds: int = 8) -> None:
    """Serve ``receiver``, have ``set_up`` make what is to be told to its address, and work."""

    async def run() -> None:
        async with receiver as url, Phone(LOOPBACK) as phone:
            worker = Webhooks(threading.Event())
            await worker.database(lambda: set_up(url))
            for _ in range(rounds):
                await worker.round(phone)
                await worker.finish()
            await worker._end()

    asyncio.run(run())


def test_what_happens_is_told_signed_and_noted(acme: World) -> None:
    receiver, kept = Receiver(), {}

    def happen(url: str) -> None:
        kept["secret"] = webhooks.create(acme.account, url, ["opt_out", "opt_in"], actor="test")[1]
        for words in ("STOP", "START", "STOP"):
            text = InboundText("", numbers.show(ANNA), acme.number.address, words)
            inbound.receive(acme.link, [text])
        consent.opt_out(acme.account.id, 0, BEN, Cause(Source.WEB_FORM))

    tell(receiver, happen)
    told = [Webhook(kept["secret"]).verify(body, headers)["data"] for headers, body in receiver.got]
    anna = [one["status"] for one in told if one["phone_number"] == numbers.show(ANNA)]
    assert anna == ["opt_out", "opt_in", "opt_out"]
    assert [one["type"] for one in told if one["phone_number"] == numbers.show(BEN)] == ["web_form"]
    rows = Delivery.objects.all()
    assert {(row.state, row.status, row.response, row.tries) for row in rows} == {("delivered", 200, "thanks", 1)}
    assert sorted(row.body for row in rows) == sorted(body for _, body in receiver.got)


def test_one_endpoint_that_fails_keeps_no_other_waiting(acme: World) -> None:
    async def fail_one(request: web.Request) -> web.Response:
        return web.Response(status=500 if request.path.endswith("bad") else 200)

    receiver = Receiver(fail_one)

    def happen(url: str) -> None:
        webhooks.create(acme.account, url + "/bad", ["opt_out"], actor="test")
        webhooks.create(acme.account, url + "/good", ["opt_out"], actor="test")
        for at in range(10):
            consent.opt_out(acme.account.id, 0, ANNA + at, Cause(Source.API))

    tell(receiver, happen)
    states = Delivery.objects.values_list("endpoint__url", "state")
    assert all((state == DeliveryState.DELIVERED) == url.endswith("good") for url, state in states)
    assert Delivery.objects.filter(state=DeliveryState.DELIVERED).count() == 10


def test_status_callbacks_are_signed_as_twilio_signs(acme: World) -> None:
    receiver, kept = Receiver(), {}

    def happen(url: str) -> None:
        draft = outbound.Draft(ANNA, numbers.show(ANNA), "Hello")
        id_ = outbound.queue(acme.number, [draft], door="api", actor="test")[0].id
        kept["url"] = url + "?order=7"
        webhooks.call_back(acme.account, [id_], kept["url"], "heed_key")
        for kind in ("sent", "delivered"):
            events.tell([Happened(acme.account.id, kind, ANNA, id_)], Message.objects.get(id=id_).created_at)

    tell(receiver, happen)
    assert [dict(parse_qsl(body))["MessageStatus"] for _, body in receiver.got] == ["sent", "delivered"]
    for headers, body in receiver.got:
        fields = dict(parse_qsl(body, keep_blank_values=True))
        assert fields["MessageSid"].startswith("SM")
        assert fields["To"] == numbers.show(ANNA)
        assert RequestValidator("heed_key").validate(kept["url"], fields, headers["X-Twilio-Signature"])


def test_the_thread_ends_when_it_is_told_to(acme: World) -> None:
    from heed.workers.webhooks import WebhookThread

    stopping = threading.Event()
    thread = WebhookThread(stopping)
    thread.start()
    stopping.set()
    thread.join(10)
    assert not thread.is_alive()
    assert json.dumps(list(Delivery.objects.values())) == "[]"
