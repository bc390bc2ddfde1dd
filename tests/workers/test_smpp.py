"""The dispatcher on an SMPP carrier, from the queue to the phone and back; and carriers that behave as none should."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter

import people
import pytest
import smsc as stub
from people import ANNA, BEN
from smsc import Smsc, accept, refuse, says

from heed import carriers
from heed.core import gate, handoff, leases, outbound, queued
from heed.core.models import Connection, Inbound, Message, MessagePart, Sender
from heed.core.outbound import Draft
from heed.providers.smpp import pdu, session
from heed.providers.smpp.pdu import DeliverSm
from heed.providers.smpp.status import Status
from heed.rules import numbers
from heed.workers import dispatcher
from heed.workers.dispatcher import Dispatcher

PHONES = range(447700900510, 447700900530)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(session, "SHORTEST_WAIT_S", 0.02)
    monkeypatch.setattr(session, "LONGEST_WAIT_S", 0.05)
    monkeypatch.setattr(dispatcher, "WATCH_EVERY_S", 0.05)
    monkeypatch.setattr(handoff, "may_be_handed", lambda kind, address: True)  # the stub is on loopback
    monkeypatch.setattr(handoff.backoff, "delay_s", lambda tries, **limits: 0.01)


class Site:
    """One dispatcher at work on a connection to ``smsc``, which carries the account's number."""

    def __init__(self, world: people.World, smsc: Smsc) -> None:
        self.world, self.smsc = world, smsc
        self.process = Dispatcher()
        self.database = self.process.database

    async def start(self, **habits: str) -> None:
        values = {"host": "127.0.0.1", "port": str(self.smsc.port), "system_id": "heed", "password": "secret"}
        habits = {"response_s": "1", **habits}
        self.process.token = await self.database(lambda: leases.take(leases.DISPATCHER))
        add = carriers.add
        self.link = await self.database(
            lambda: add("smpp", "Main", values | habits, answered=(), account=None, actor="test")
        )
        await self.database(lambda: Sender.objects.filter(id=self.world.number.id).update(connection=self.link))
        await self.database(self.world.number.refresh_from_db)
        self.watching = asyncio.create_task(self.process._watch())

    async def send(self, text: str, *phones: int) -> list[int]:
        drafts = [Draft(phone, numbers.show(phone), text) for phone in phones]
        number = self.world.number
        return [
            one.id for one in await self.database(lambda: outbound.queue(number, drafts, door="command", actor="test"))
        ]

    async def text(self, words: str, phone: int = ANNA) -> int:
        """The status that a text from ``phone`` is answered with."""
        body = DeliverSm(
            source_ton=1, source=str(phone), destination_ton=1, destination=str(people.FIRST_NUMBER),
            short_message=words.encode(),
        )  # fmt: skip
        await until_async(lambda: bool(self.smsc.bound))
        return (await self.smsc.deliver(body)).status

    async def states(self) -> Counter[str]:
        def read() -> Counter[str]:
            queued.move_due()
            return Counter(Message.objects.values_list("state", flat=True))

        return await self.database(read)

    async def until(self, **wanted: int) -> None:
        """Until the messages have come to these ends."""
        end = time.monotonic() + 10
        while (found := await self.states()) != Counter(wanted):
            assert time.monotonic() < end, found
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        self.process.stopping.set()
        await self.watching
        await self.database(lambda: leases.end(self.process.token))
        await self.database(_close)
        self.process._thread.shutdown()


def _close() -> None:
    from django.db import connection

    connection.close()


async def until_async(holds, within_s: float = 5.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def at_work(world: people.World, smsc: Smsc, **habits: str):
    site = Site(world, smsc)
    await site.start(**habits)
    try:
        yield site
    finally:
        await site.stop()


def run(test) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def sent_to(smsc: Smsc) -> Counter[str]:
    return Counter(body.destination for body in smsc.submitted)


def test_texts_leave_and_receipts_come_back(live_world):
    async def test():
        async with stub.running() as smsc, at_work(live_world, smsc) as site:
            smsc.with_receipts = True
            await site.send("5 € off [today]", ANNA)
            await site.until(delivered=1)
            await site.send("Привет", ANNA)
            await site.until(delivered=2)
            await site.send("x" * 161, ANNA)
            await site.until(delivered=3)
            first, second, *parts = smsc.submitted
            assert (first.source, first.source_ton, first.destination) == ("447700900001", 1, str(ANNA))
            assert first.short_message == b"5 \x1be off \x1b<today\x1b>"
            assert (second.data_coding, second.short_message) == (8, "Привет".encode("utf-16-be"))
            assert [(part.esm_class, part.short_message[:2], part.short_message[4:]) for part in parts] == [
                (0x40, b"\5\0", b"\2\1" + b"x" * 153),
                (0x40, b"\5\0", b"\2\2" + b"x" * 8),
            ]
            assert len({part.short_message[:4] for part in parts}) == 1

    run(test)
    assert set(MessagePart.objects.values_list("state", flat=True)) == {"delivered"}


def test_a_stop_suppresses_the_next_message(live_world):
    async def test():
        async with stub.running() as smsc, at_work(live_world, smsc) as site:
            assert await site.text("Stop.") == Status.OK
            await site.send("Hello", ANNA, BEN)
            await site.until(sent=1, suppressed=1)
            assert sent_to(smsc) == {str(BEN): 1}

    run(test)
    assert Inbound.objects.get().verdict == "opt_out"


def test_a_stop_in_two_parts_over_two_binds(live_world):
    async def test():
        async with stub.running() as smsc, at_work(live_world, smsc, binds="2") as site:
            await until_async(lambda: len(smsc.bound) == 2)
            for number, words in enumerate((b"Please stop ", b"texting me"), 1):
                body = DeliverSm(
                    source_ton=1, source=str(ANNA), destination=str(people.FIRST_NUMBER), esm_class=0x40,
                    short_message=bytes([5, 0, 3, 9, 2, number]) + words,
                )  # fmt: skip
                assert (await smsc.bound[number - 1].request(body)).status == Status.OK
            await site.send("Hello", ANNA)
            await site.until(suppressed=1)

    run(test)


def test_a_connection_killed_in_mid_window_sends_nothing_twice(live_world):
    async def test():
        async with stub.running() as smsc, at_work(live_world, smsc) as site:
            smsc.script = [accept] * 3 + [stub.silence] * 3 + [stub.cut]
            await site.send("Hello", *PHONES)
            for _ in range(500):
                states = await site.states()
                if states["sent"] + states["unconfirmed"] == len(PHONES):
                    break
                await asyncio.sleep(0.02)
            assert states["unconfirmed"] >= 4
            assert states["sent"] + states["unconfirmed"] == len(PHONES)
            assert sent_to(smsc) == dict.fromkeys(map(str, PHONES), 1)

    run(test)


def test_throttling_costs_nothing_but_time(live_world):
    async def test():
        async with stub.running() as smsc, at_work(live_world, smsc) as site:
            smsc.script = [accept, refuse(0x58)]
            await site.send("x" * 161, ANNA)
            await site.until(sent=1)
            assert [body.short_message[5] for body in smsc.submitted] == [1, 2, 2]

    run(test)


def test_refused_credentials_stop_the_connection_and_say_so(live_world):
    async def test():
        async with stub.running() as smsc:
            smsc.at_bind = [refuse(Status.INVALID_PASSWORD)]
            async with at_work(live_world, smsc) as site:
                await site.send("Hello", ANNA)

                def reason() -> str:
                    return Connection.objects.get(id=site.link.id).stopped_reason

                while not await site.database(reason):
                    await asyncio.sleep(0.02)
                assert await site.database(reason) == "The carrier refuses the bind: 0x0000000E (invalid password)."
                assert await site.states() == {"queued": 1}
                assert len(smsc.binds) == 1

    run(test)


def test_two_dispatchers_never_bind_the_same_connection(live_world):
    async def test():
        async with stub.running() as smsc, at_work(live_world, smsc) as site:
            await until_async(lambda: bool(smsc.bound))
            other = Dispatcher()
            other.token = await other.database(lambda: leases.take(leases.DISPATCHER))
            watching = asyncio.create_task(other._watch())
            await asyncio.sleep(0.3)
            assert len(smsc.binds) == 1
            await site.send("Hello", ANNA)
            await site.until(sent=1)
            other.stopping.set()
            await watching
            await other.database(_close)
            other._thread.shutdown()

    run(test)


UNKNOWN_COMMAND = b"\0\0\0\x10\0\0\x0f\0\0\0\0\0\0\0\0\x09"


def text_cut_short(smsc: Smsc, wire, unit) -> None:
    raw = pdu.encode(DeliverSm(short_message=b"STOP"), 99)
    stub.raw(wire, (len(raw) - 1).to_bytes(4, "big") + raw[4:-1])
    accept(smsc, wire, unit)


def outbind(smsc: Smsc, wire, unit) -> None:
    stub.raw(wire, pdu.encode(pdu.Outbind("smsc", "secret"), 77))
    accept(smsc, wire, unit)


def answers_twice(smsc: Smsc, wire, unit) -> None:
    accept(smsc, wire, unit)
    stub.raw(wire, pdu.encode(pdu.SubmitSmResp("twice"), unit.sequence))


def without_a_body(smsc: Smsc, wire, unit) -> None:
    wire.answer(unit, pdu.SubmitSmResp())


def another_answer(smsc: Smsc, wire, unit) -> None:
    stub.raw(wire, pdu.encode(pdu.QuerySmResp("1"), unit.sequence))


@pytest.mark.parametrize(
    ("act", "end", "said", "refused"),
    [
        (stub.silence, "unconfirmed", "", 0),
        (stub.cut, "unconfirmed", "The connection ended.", 0),
        (stub.half_close, "unconfirmed", "The connection ended.", 0),
        (stub.nack, "sent", "generic_nack 0x00000008 (system error)", 1),
        (stub.nack_of_nothing, "unconfirmed", "generic_nack 0x00000002 (invalid command length) for number 0", 0),
        (stub.unbind, "sent", "The other side unbinds", 0),
        (says(b"\0\0\0\4garbage garbage"), "unconfirmed", "A unit says that it has 4 octets.", 0),
        (says(b"\xff" * 64), "unconfirmed", "A unit says that it has 4294967295 octets.", 0),
        (says(UNKNOWN_COMMAND), "unconfirmed", "There is no command 0x00000F00.", 0),
        (text_cut_short, "sent", "sm_length is more than there is.", 0),
        (outbind, "sent", "An outbind is ignored", 0),
        (answers_twice, "sent", "An answer to nothing", 0),
        (without_a_body, "sent", "", 0),
        (another_answer, "unconfirmed", "", 0),
        (refuse(0x58), "sent", "", 1),
        (refuse(0x0B), "failed", "", 0),
    ],
)
def test_no_carrier_makes_it_crash_lose_a_message_or_send_one_twice(live_world, caplog, act, end, said, refused):
    """Only what the carrier refused for now is handed to it again."""
    phones = PHONES[:4]

    async def test():
        async with stub.running() as smsc, at_work(live_world, smsc, window="1") as site:
            smsc.script = [act]
            await site.send("What nobody else may read", *phones)
            await site.until(**Counter([end, "sent", "sent", "sent"]))
            assert sorted(sent_to(smsc).values()) == [1, 1, 1, 1 + refused]
            assert await site.text("STOP", phones[0]) == Status.OK

    with caplog.at_level(logging.INFO):
        run(test)
    assert gate.may_send(live_world.account.id, live_world.number.id, [phones[0]])
    assert said in caplog.text
    assert "nobody else" not in caplog.text
    assert not [phone for phone in phones if str(phone) in caplog.text]


def test_texts_before_the_bind_are_not_lost(live_world):
    """They are refused, so the carrier keeps them."""
    answers = []

    def early(smsc: Smsc, wire, unit) -> None:
        body = DeliverSm(source_ton=1, source=str(ANNA), destination=str(people.FIRST_NUMBER), short_message=b"STOP")
        wire.request(body).add_done_callback(lambda one: answers.append(one.result().status))
        asyncio.get_running_loop().call_later(0.05, lambda: stub.accept_bind(smsc, wire, unit))

    async def test():
        async with stub.running() as smsc:
            smsc.at_bind = [early]
            async with at_work(live_world, smsc) as site:
                await until_async(lambda: bool(smsc.bound))
                assert answers == [Status.INCORRECT_BIND_STATUS]
                assert await site.text("STOP") == Status.OK

    run(test)
    assert Inbound.objects.count() == 1
    assert gate.may_send(live_world.account.id, live_world.number.id, [ANNA])


def test_a_carrier_that_is_away_costs_nothing_but_time(live_world):
    async def test():
        async with stub.running() as smsc:
            port = smsc.port
        async with at_work(live_world, smsc) as site:
            await site.send("Hello", *PHONES)
            await asyncio.sleep(0.2)
            assert await site.states() == {"queued": len(PHONES)}
            async with stub.running(port) as back:
                await site.until(sent=len(PHONES))
                assert sent_to(back) == dict.fromkeys(map(str, PHONES), 1)

    run(test)
