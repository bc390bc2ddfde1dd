"""A bind against a carrier that behaves, and against one that doesn't: each submit ends in the one true way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

import pytest
import smsc as stub
from certificates import certificate
from smsc import Smsc, accept, refuse, says

from heed import clock
from heed.providers.base import MaybeSent, Unreachable
from heed.providers.smpp import pdu, session
from heed.providers.smpp.pdu import (
    BindReceiver,
    BindTransmitter,
    DeliverSm,
    GenericNack,
    SubmitSm,
    SubmitSmResp,
    encode,
)
from heed.providers.smpp.session import Address, Rejected, Session
from heed.providers.smpp.status import Status

BODY = SubmitSm(source="447700900001", destination="447700900501", short_message=b"hello")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(session, "SHORTEST_WAIT_S", 0.02)
    monkeypatch.setattr(session, "LONGEST_WAIT_S", 0.05)


@contextlib.asynccontextmanager
async def bound(smsc: Smsc, role: str = "transceiver", take=lambda wire, unit: None, **habits):
    habits = {"response_within_s": 0.3, "window": 10} | habits
    one = Session("test", role, Address("127.0.0.1", smsc.port, "heed", "secret", **habits), take)
    stopping = asyncio.Event()
    task = asyncio.ensure_future(one.run(stopping))
    try:
        await until(lambda: one.is_bound or task.done())
        yield one
    finally:
        stopping.set()
        await asyncio.wait_for(task, 5)


async def until(holds, within_s: float = 5.0):
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.005)


def soon() -> float:
    return clock.seconds() + 5


def run(test):
    return asyncio.run(asyncio.wait_for(test(), 20))


@pytest.mark.parametrize(
    ("role", "kind"),
    [("transceiver", pdu.BindTransceiver), ("transmitter", BindTransmitter), ("receiver", BindReceiver)],
)
def test_it_binds(role, kind):
    async def test():
        async with stub.running() as smsc, bound(smsc, role) as one:
            assert smsc.binds == [kind(system_id="heed", password="secret")]  # noqa: S106
            assert (one.room == 0) is (role == "receiver")

    run(test)


def test_a_submit_has_its_answer():
    async def test():
        async with stub.running() as smsc, bound(smsc) as one:
            answers = await asyncio.gather(*(one.submit(BODY, soon()) for _ in range(10)))
            assert [answer.body.message_id for answer in answers] == [f"{n:x}" for n in range(1, 11)]
            assert smsc.submitted == [BODY] * 10

    run(test)


@pytest.mark.parametrize(
    "act",
    [
        stub.silence,
        stub.nack_of_nothing,
        stub.cut,
        stub.half_close,
        says(b"\0\0\0\4garbage garbage"),
        says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ],
    ids=["silence", "nack of nothing", "cut", "half closed", "too short", "HTTP"],
)
def test_what_nobody_knows_may_have_been_sent(act, caplog):
    async def test():
        async with stub.running() as smsc, bound(smsc) as one:
            smsc.script = [act]
            with pytest.raises(MaybeSent):
                await one.submit(BODY, soon())
            await until(lambda: one.room)  # bound again, or still
            assert (await one.submit(BODY, soon())).status == Status.OK
            assert len(smsc.submitted) == 2

    with caplog.at_level(logging.WARNING):
        run(test)


def test_half_a_unit_is_waited_for_no_longer_than_an_answer():
    async def test():
        async with stub.running() as smsc, bound(smsc) as one:
            smsc.script = [says((17).to_bytes(4, "big") + b"\x80\0\0\4" + b"\0" * 8)]
            with pytest.raises(MaybeSent):
                await one.submit(BODY, soon())
            await until(lambda: len(smsc.binds) == 2 and one.room)
            assert (await one.submit(BODY, soon())).status == Status.OK

    run(test)


def test_what_is_answered_is_known():
    async def test():
        async with stub.running() as smsc, bound(smsc) as one:
            smsc.script = [refuse(0x58), stub.nack, stub.unbind, accept]
            answers = [await one.submit(BODY, soon()) for _ in range(2)]
            assert [(answer.status, type(answer.body)) for answer in answers] == [
                (0x58, SubmitSmResp),
                (8, GenericNack),
            ]
            assert (await one.submit(BODY, soon())).body.message_id == "1"  # after the goodbye
            await until(lambda: len(smsc.binds) == 2 and one.room)
            assert (await one.submit(BODY, soon())).body.message_id == "2"

    run(test)


def test_unbind_in_mid_window_loses_no_answer():
    async def test():
        async with stub.running() as smsc, bound(smsc, response_within_s=5) as one:
            smsc.script = [accept, accept, stub.unbind]
            answers = await asyncio.gather(*(one.submit(BODY, soon()) for _ in range(6)), return_exceptions=True)
            assert [answer.status for answer in answers] == [0] * 6

    run(test)


def test_an_acceptance_that_cannot_be_read_is_one():
    async def test():
        async with stub.running() as smsc, bound(smsc) as one:
            raw = encode(SubmitSmResp("x"), 2)
            smsc.script = [says((17).to_bytes(4, "big") + raw[4:-1])]
            answer = await one.submit(BODY, soon())
            assert (answer.status, answer.body) == (Status.OK, SubmitSmResp(""))

    run(test)


def test_nothing_leaves_without_a_bind_a_window_or_time():
    async def test():
        async with stub.running() as smsc, bound(smsc, window=2, response_within_s=5) as one:
            smsc.script = [stub.silence] * 2
            waiting = [asyncio.ensure_future(one.submit(BODY, soon())) for _ in range(2)]
            await until(lambda: len(smsc.submitted) == 2)
            assert one.room == 0
            with pytest.raises(Unreachable):
                await one.submit(BODY, soon())
            smsc.wires[0]._transport.abort()
            await asyncio.wait(waiting)
            await until(lambda: one.room)
            with pytest.raises(Unreachable):
                await one.submit(BODY, clock.seconds())
            assert len(smsc.submitted) == 2

    run(test)


def test_wrong_credentials_are_not_tried_again():
    async def test():
        async with stub.running() as smsc:
            smsc.at_bind = [refuse(Status.INVALID_PASSWORD)] * 5
            one = Session("test", "transceiver", Address("127.0.0.1", smsc.port, "heed", "wrong"), lambda *_: None)
            with pytest.raises(Rejected, match="invalid password"):
                await one.run(asyncio.Event())
            assert len(smsc.binds) == 1

    run(test)


def test_every_other_refusal_and_silence_is_tried_again():
    async def test():
        async with stub.running() as smsc:
            smsc.at_bind = [refuse(Status.BIND_FAILED), refuse(Status.ALREADY_BOUND), stub.silence, stub.cut, stub.nack]
            async with bound(smsc) as one:
                assert one.is_bound
                assert len(smsc.binds) == 6

    run(test)


def test_a_carrier_that_is_not_there_is_waited_for():
    async def test():
        async with stub.running() as smsc:
            port = smsc.port
        one = Session("test", "transceiver", Address("127.0.0.1", port, "heed", "secret"), lambda *_: None)
        stopping = asyncio.Event()
        task = asyncio.ensure_future(one.run(stopping))
        await asyncio.sleep(0.05)
        with pytest.raises(Unreachable):
            await one.submit(BODY, soon())
        async with stub.running(port):
            await until(lambda: one.is_bound)
            stopping.set()
            await task

    run(test)


def test_an_outbind_and_a_text_before_the_bind_change_nothing():
    taken = []

    async def test():
        async with stub.running() as smsc:
            answers = []

            def early(smsc, wire, unit):
                wire.request(DeliverSm(short_message=b"STOP")).add_done_callback(
                    lambda one: answers.append(one.result())
                )
                stub.raw(wire, encode(pdu.Outbind("smsc", "secret"), 77))
                asyncio.get_running_loop().call_later(0.05, lambda: stub.accept_bind(smsc, wire, unit))

            smsc.at_bind = [early]
            async with bound(smsc, take=lambda wire, unit: taken.append(unit)):
                assert [answer.status for answer in answers] == [Status.INCORRECT_BIND_STATUS]

    run(test)
    assert taken == []


def test_a_text_in_the_packet_of_the_bind_resp_is_taken():
    taken, answers = [], []

    async def test():
        async with stub.running() as smsc:

            def at_once(smsc, wire, unit):
                stub.accept_bind(smsc, wire, unit)
                wire.request(DeliverSm(short_message=b"STOP")).add_done_callback(
                    lambda one: answers.append(one.result().status)
                )

            def take(wire, unit):
                taken.append(unit.body.short_message)
                wire.answer(unit, pdu.DeliverSmResp())

            smsc.at_bind = [at_once]
            async with bound(smsc, take=take):
                await until(lambda: answers)

    run(test)
    assert (taken, answers) == ([b"STOP"], [Status.OK])


def test_what_the_carrier_asks_is_answered_in_its_manners():
    async def test():
        async with stub.running() as smsc, bound(smsc):
            wire = smsc.bound[-1]
            assert (await wire.request(pdu.EnquireLink())).body == pdu.EnquireLinkResp()
            heard = []
            wire._answered = heard.append
            stub.raw(wire, b"\0\0\0\x10\0\0\x0f\0\0\0\0\0\0\0\0\x09")  # an unknown command
            stub.raw(
                wire, encode(DeliverSm(), 10)[:-1][:3] + b"\x20" + encode(DeliverSm(), 10)[4:-1]
            )  # a text cut short
            await until(lambda: len(heard) == 2)
            assert [(unit.body, unit.status, unit.sequence) for unit in heard] == [
                (GenericNack(), Status.INVALID_COMMAND_ID, 9),
                (pdu.DeliverSmResp(), Status.INVALID_COMMAND_LENGTH, 10),
            ]

    run(test)


def test_a_silent_peer_is_left_and_bound_again():
    async def test():
        async with stub.running() as smsc, bound(smsc, enquire_every_s=0.1, response_within_s=0.2):
            wire = smsc.bound[-1]
            wire.data_received = lambda data: None  # it hears nothing more
            await until(lambda: len(smsc.binds) == 2)

    run(test)


def test_an_idle_link_is_kept_by_enquiring():
    async def test():
        async with stub.running() as smsc, bound(smsc, enquire_every_s=0.05, response_within_s=0.3) as one:
            await asyncio.sleep(0.5)
            assert one.is_bound
            assert len(smsc.binds) == 1

    run(test)


def test_it_says_goodbye():
    async def test():
        async with stub.running() as smsc:
            async with bound(smsc):
                wire = smsc.bound[-1]
            await until(lambda: wire.ended.done())
            assert wire._has_said_goodbye

    run(test)


def test_tls(tmp_path, monkeypatch):
    context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))

    async def test():
        async with stub.running(context=context) as smsc, bound(smsc, tls=True) as one:
            assert (await one.submit(BODY, soon())).status == Status.OK

    run(test)
