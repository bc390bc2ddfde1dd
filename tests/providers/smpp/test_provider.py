"""The provider against a stub SMSC: settings, what leaves and how its answer is told, what comes and when it is answered."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
import smsc as stub
from smsc import Smsc, refuse

from heed import clock
from heed.providers import base
from heed.providers.base import Misconfigured
from heed.providers.smpp import pdu, session
from heed.providers.smpp.pdu import BindReceiver, BindTransmitter, DataSm, DeliverSm, SubmitSm, Tag
from heed.providers.smpp.provider import Smpp
from heed.providers.smpp.status import Status
from heed.providers.smpp.texts import Alphabet, Headers, pieces
from heed.rules.values import HandedOff, InboundText, Outgoing, Part, Receipt

PHONE, NUMBER = "+447700900501", "+447700900001"
BASE = {"host": "127.0.0.1", "system_id": "heed", "password": "secret", "response_s": "1"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(session, "SHORTEST_WAIT_S", 0.02)
    monkeypatch.setattr(session, "LONGEST_WAIT_S", 0.05)


class Core:
    """What the dispatcher is to a provider."""

    def __init__(self):
        self.groups, self.commits = [], True

    async def receive(self, batch):
        self.groups.append(list(batch))
        if isinstance(self.commits, Exception):
            raise self.commits
        return [self.commits] * len(batch)

    @property
    def items(self):
        return [item for group in self.groups for item in group]


@contextlib.asynccontextmanager
async def running(smsc: Smsc, core: Core | None = None, **habits):
    one = Smpp(BASE | {"port": str(smsc.port)} | habits)
    one.check()
    task = asyncio.create_task(one.run((core or Core()).receive))
    try:
        wires = (2 if "+" in habits.get("bind", "") else 1) * int(habits.get("binds", 1))
        await until(lambda: task.done() or sum(bind.is_bound for bind in one._sessions) == wires)
        yield one
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds, within_s: float = 5.0):
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.005)


def run(test):
    return asyncio.run(asyncio.wait_for(test(), 20))


def soon() -> float:
    return clock.seconds() + 5


def parts(one: Smpp, text: str, sender: str = NUMBER) -> list[Outgoing]:
    found = one.parts(text)
    return [
        Outgoing("tid_1", sender, PHONE, part, number, len(found), text, 0x1234) for number, part in enumerate(found, 1)
    ]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"port": "x"}, "Port"),
        ({"port": "0"}, "Port"),
        ({"binds": "51"}, "Binds"),
        ({"window": "0"}, "Window"),
        ({"rate": "-1"}, "Messages a second"),
        ({"source_ton_npi": "5"}, "TON and NPI of senders"),
        ({"destination_ton_npi": "1/256"}, "TON and NPI of recipients"),
        ({"system_id": "longer than sixteen"}, "System id"),
        ({"password": "é" * 65}, "Password"),
        ({"service_type": "longer"}, "Service type"),
        ({"ca_file": "/nowhere/ca.pem"}, "no file"),
    ],
)
def test_settings_that_can_not_be_right_are_said(wrong, word):
    with pytest.raises(Misconfigured, match=word):
        Smpp(BASE | wrong).check()


@pytest.mark.parametrize(
    ("sender", "ton", "npi", "source"),
    [(NUMBER, 1, 1, "447700900001"), ("60001", 3, 0, "60001"), ("ACME", 5, 0, "ACME"), ("4ALL", 5, 0, "4ALL")],
)
def test_a_part_as_it_leaves(sender, ton, npi, source):
    async def test():
        async with stub.running() as smsc, running(smsc) as one:
            (part,) = parts(one, "5 € {off}", sender)
            assert await one.submit(part, soon()) == HandedOff("1")
            assert smsc.submitted == [
                SubmitSm(
                    source_ton=ton, source_npi=npi, source=source, destination_ton=1, destination_npi=1,
                    destination="447700900501", registered_delivery=1, short_message=b"5 \x1be \x1b(off\x1b)",
                )
            ]  # fmt: skip

    run(test)


def test_habits_of_a_carrier_as_they_leave():
    habits = {
        "source_ton_npi": "2/8", "destination_ton_npi": "0/1", "service_type": "promo", "receipts": "no",
        "alphabet": "latin1", "receipt_ids": "hex_decimal", "bind": "transmitter+receiver", "binds": "2",
    }  # fmt: skip

    async def test():
        async with stub.running() as smsc, running(smsc, **habits) as one:
            assert sorted(type(bind).__name__ for bind in smsc.binds) == ["BindReceiver"] * 2 + ["BindTransmitter"] * 2
            assert {BindReceiver, BindTransmitter} == {type(bind) for bind in smsc.binds}
            assert one.window() == one.room() == 20
            smsc.next_id = lambda: "1F"
            assert await one.submit(parts(one, "é@")[0], soon()) == HandedOff("31")
            (sent,) = smsc.submitted
            assert (sent.source_ton, sent.source_npi, sent.destination_ton, sent.service_type) == (2, 8, 0, "promo")
            assert (sent.registered_delivery, sent.short_message) == (0, b"\xe9@")

    run(test)


@pytest.mark.parametrize("headers", list(Headers))
@pytest.mark.parametrize(
    "text", ["[" * 200, "Жди " * 40, "plain " * 40 + "漢"], ids=["GSM-7", "UCS-2", "one character"]
)
def test_all_parts_are_in_the_alphabet_of_the_whole_text(headers, text):
    async def test():
        async with stub.running() as smsc, running(smsc, headers=headers) as one:
            for part in parts(one, text):
                await one.submit(part, soon())
            wanted = pieces(text, Alphabet.GSM_7, headers, 0x1234)
            assert [(sent.data_coding, sent.esm_class, sent.tlvs, sent.short_message) for sent in smsc.submitted] == [
                (piece.data_coding, piece.esm_class, piece.tlvs, piece.octets) for piece in wanted
            ]

    run(test)


@pytest.mark.parametrize(
    ("act", "error", "code"),
    [
        (refuse(0x0B), base.Refused, "0x0000000B"),
        (refuse(0x0A), base.Refused, "0x0000000A"),
        (refuse(0x45), base.Refused, "0x00000045"),
        (refuse(0x65), base.Refused, "0x00000065"),
        (refuse(0x4FF), base.Refused, "0x000004FF"),
        (refuse(0x400), base.RecipientOptedOut, None),
        (refuse(1025), base.RecipientOptedOut, None),
        (refuse(0x58), base.Throttled, None),
        (refuse(0x14), base.Throttled, None),
        (refuse(0x08), base.Postponed, None),
        (refuse(0x64), base.Postponed, None),
        (refuse(0x15), base.Misconfigured, None),
        (stub.nack, base.Unreachable, None),
        (stub.nack_of_nothing, base.MaybeSent, None),
        (stub.silence, base.MaybeSent, None),
        (stub.cut, base.MaybeSent, None),
    ],
)
def test_each_answer_is_one_of_the_six_ways_to_fail(act, error, code):
    async def test():
        async with stub.running() as smsc, running(smsc, opted_out_codes="0x00000400 1025") as one:
            smsc.script = [act]
            with pytest.raises(error) as raised:
                await one.submit(parts(one, "Hello")[0], soon())
            assert code is None or raised.value.code == code
            assert PHONE not in raised.value.words
            assert "Hello" not in raised.value.words

    run(test)


def test_a_sender_that_can_not_be_written_is_refused():
    async def test():
        async with stub.running() as smsc, running(smsc) as one:
            for sender in ("Жди", "x" * 21):
                with pytest.raises(base.Refused):
                    await one.submit(parts(one, "Hello", sender)[0], soon())
            assert not smsc.submitted

    run(test)


def test_throttling_slows_the_pace():
    async def test():
        async with stub.running() as smsc, running(smsc, rate="500", window="100") as one:
            before = one.room()
            smsc.script = [refuse(0x58)]
            with pytest.raises(base.Throttled):
                await one.submit(parts(one, "Hello")[0], soon())
            assert one.room() < before

    run(test)


def test_what_has_no_bind_is_surely_not_sent():
    async def test():
        one = Smpp(BASE | {"port": "1"})
        with pytest.raises(base.Unreachable):
            await one.submit(parts(one, "Hello")[0], soon())
        async with stub.running() as smsc, running(smsc, window="1") as one:
            smsc.script = [stub.silence]
            first = asyncio.create_task(one.submit(parts(one, "Hello")[0], soon()))
            await until(lambda: smsc.submitted)
            assert one.room() == 0
            with pytest.raises(base.Unreachable):
                await one.submit(parts(one, "Hello")[0], clock.seconds() + 0.05)
            with pytest.raises(base.MaybeSent):
                await first

    run(test)


@pytest.mark.parametrize("status", [0x0D, 0x05])
def test_a_bind_that_is_refused_for_now_is_tried_again(status):
    async def test():
        async with stub.running() as smsc:
            smsc.at_bind = [refuse(status)]
            async with running(smsc) as one:
                assert len(smsc.binds) == 2
                assert one.room()

    run(test)


@pytest.mark.parametrize("status", [0x0E, 0x0F, 0x53])
def test_credentials_that_are_refused_are_not_tried_again(status):
    async def test():
        async with stub.running() as smsc:
            smsc.at_bind = [refuse(status)]
            one = Smpp(BASE | {"port": str(smsc.port)})
            with pytest.raises(Misconfigured, match=f"0x{status:08X}"):
                await one.run(Core().receive)
            assert len(smsc.binds) == 1

    run(test)


def deliver(text: bytes = b"STOP", **more) -> DeliverSm:
    given = {
        "source_ton": 1,
        "source": PHONE[1:],
        "destination_ton": 1,
        "destination": NUMBER[1:],
        "short_message": text,
    }
    return DeliverSm(**(given | more))


def test_a_text_is_answered_after_its_commit():
    async def test():
        core = Core()
        async with stub.running() as smsc, running(smsc, core):
            assert (await smsc.deliver(deliver())).status == Status.OK
            core.commits = False
            assert (await smsc.deliver(deliver())).status == Status.TEMPORARY_APPLICATION_ERROR
            core.commits = RuntimeError("what nobody thought of")
            assert (await smsc.deliver(deliver())).status == Status.TEMPORARY_APPLICATION_ERROR
            core.commits = True
            assert (await smsc.deliver(deliver())).status == Status.OK
        assert core.items == [InboundText("", PHONE, NUMBER, "STOP")] * 4

    run(test)


def receipt(text: str, **more) -> DeliverSm:
    return deliver(text.encode(), **({"esm_class": 4} | more))


def payload(text: bytes, **more) -> DataSm:
    return DataSm(source_ton=5, source="ACME", destination="60001", tlvs=((Tag.MESSAGE_PAYLOAD, text),), **more)


UDH = b"\5\0\3\x2a\2\1"


@pytest.mark.parametrize(
    ("body", "item"),
    [
        (deliver(), InboundText("", PHONE, NUMBER, "STOP")),
        (deliver(source_ton=0, source="60001"), InboundText("", "60001", NUMBER, "STOP")),
        (deliver("стоп".encode("utf-16-be"), data_coding=8), InboundText("", PHONE, NUMBER, "стоп")),
        (deliver(b"", tlvs=((Tag.MESSAGE_PAYLOAD, b"STOP"), (0x1403, b"x"))), InboundText("", PHONE, NUMBER, "STOP")),
        (deliver(tlvs=((Tag.RECEIPTED_MESSAGE_ID, b"m1\0"),)), InboundText("m1", PHONE, NUMBER, "STOP")),
        (deliver(UDH + b"ST", esm_class=0x40), InboundText("", PHONE, NUMBER, "ST", part=Part(42, 2, 1))),
        (
            deliver(UDH + b"ST", esm_class=0x40, tlvs=((Tag.RECEIPTED_MESSAGE_ID, b"m1\0"),)),
            InboundText("m1/1", PHONE, NUMBER, "ST", part=Part(42, 2, 1)),
        ),
        (payload(b"STOP"), InboundText("", "ACME", "60001", "STOP")),
        (receipt("id:0a stat:DELIVRD err:000"), Receipt("0a", "", "delivered")),
        (receipt("id:0a stat:REJECTD err:061"), Receipt("0a", "", "undelivered", "061", opted_out=True)),
        (
            receipt("", tlvs=((Tag.RECEIPTED_MESSAGE_ID, b"0a\0"), (Tag.MESSAGE_STATE, b"\2"))),
            Receipt("0a", "", "delivered"),
        ),
        (receipt("STOP"), InboundText("", PHONE, NUMBER, "STOP")),  # some flag texts as receipts
        (receipt(""), None),
    ],
)
def test_what_comes_is_read(body, item):
    async def test():
        core = Core()
        async with stub.running() as smsc, running(smsc, core, opted_out_codes="061"):
            assert (await smsc.deliver(body)).status == Status.OK
        assert core.items == ([item] if item else [])

    run(test)


def test_many_texts_are_one_commit():
    async def test():
        core = Core()
        async with stub.running() as smsc, running(smsc, core):
            answers = await asyncio.gather(*(smsc.deliver(deliver()) for _ in range(50)))
            assert {answer.status for answer in answers} == {Status.OK}
        assert len(core.items) == 50
        assert len(core.groups) < 10

    run(test)


def test_what_is_neither_text_nor_receipt_is_refused():
    async def test():
        core = Core()
        async with stub.running() as smsc, running(smsc, core):
            assert (await smsc.deliver(pdu.QuerySm("x"))).status == Status.INVALID_COMMAND_ID
        assert not core.items

    run(test)


def test_it_says_goodbye():
    async def test():
        async with stub.running() as smsc:
            async with running(smsc):
                (wire,) = smsc.bound
            assert wire.ended.done()
            assert not smsc.bound

    run(test)
