"""A stub SMSC on loopback: it takes binds and messages, sends receipts and texts, and misbehaves when told to."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator, Callable

from heed.providers.smpp import pdu
from heed.providers.smpp.pdu import Bind, Body, DeliverSm, Pdu, SubmitSm, response_to
from heed.providers.smpp.wire import Wire

Act = Callable[["Smsc", Wire, Pdu], None]


class Smsc:
    """``script`` says how the next submits fare, one act each; after it all are accepted. ``at_bind`` likewise."""

    def __init__(self) -> None:
        self.port = 0
        self.wires: list[Wire] = []
        self.bound: list[Wire] = []
        self.binds: list[Bind] = []
        self.submitted: list[SubmitSm] = []
        self.script: list[Act] = []
        self.at_bind: list[Act] = []
        self.at_connect: bytes = b""
        self.with_receipts = False
        self._ids = itertools.count(1)
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for wire in self.wires:
            wire.close()
        await asyncio.sleep(0)

    def _accept(self) -> Wire:
        wire = Wire("stub SMSC", self._asked, self._gone, response_within_s=5)
        self.wires.append(wire)
        if self.at_connect:
            asyncio.get_running_loop().call_soon(lambda: raw(wire, self.at_connect))
        return wire

    def _gone(self, wire: Wire) -> None:
        for wires in (self.wires, self.bound):
            if wire in wires:
                wires.remove(wire)

    def _asked(self, wire: Wire, unit: Pdu) -> None:
        if isinstance(unit.body, Bind):
            self.binds.append(unit.body)
            (self.at_bind.pop(0) if self.at_bind else accept_bind)(self, wire, unit)
        elif isinstance(unit.body, SubmitSm):
            self.submitted.append(unit.body)
            (self.script.pop(0) if self.script else accept)(self, wire, unit)
        else:
            refuse(3)(self, wire, unit)

    def next_id(self) -> str:
        return f"{next(self._ids):x}"

    async def deliver(self, body: Body) -> Pdu:
        """The ESME's answer, on the bind that came last."""
        return await self.bound[-1].request(body)


# Acts


def accept_bind(smsc: Smsc, wire: Wire, unit: Pdu) -> None:
    smsc.bound.append(wire)
    wire.answer(unit, response_to(pdu.id_of(unit.body)))


def accept(smsc: Smsc, wire: Wire, unit: Pdu) -> None:
    id_ = smsc.next_id()
    wire.answer(unit, pdu.SubmitSmResp(id_))
    if smsc.with_receipts:
        wire.request(receipt(unit.body, id_)).add_done_callback(lambda answer: answer.cancelled() or answer.exception())


def refuse(status: int) -> Act:
    return lambda smsc, wire, unit: wire.answer(unit, response_to(pdu.id_of(unit.body)), status)


def silence(smsc: Smsc, wire: Wire, unit: Pdu) -> None:
    """No answer, ever."""


def nack(smsc: Smsc, wire: Wire, unit: Pdu) -> None:
    raw(wire, pdu.encode(pdu.GenericNack(), unit.sequence, 8))


def nack_of_nothing(smsc: Smsc, wire: Wire, unit: Pdu) -> None:
    raw(wire, pdu.encode(pdu.GenericNack(), 0, 2))


def cut(smsc: Smsc, wire: Wire, unit: Pdu) -> None:
    wire._transport.abort()


def half_close(smsc: Smsc, wire: Wire, unit: Pdu) -> None:
    wire._flush()
    wire._transport.write_eof()


def unbind(smsc: Smsc, wire: Wire, unit: Pdu) -> None:
    """Goodbye before the answer; the answer comes all the same."""
    wire.request(pdu.Unbind()).add_done_callback(lambda answer: answer.cancelled() or answer.exception())
    accept(smsc, wire, unit)


def says(octets: bytes) -> Act:
    return lambda smsc, wire, unit: raw(wire, octets)


def raw(wire: Wire, octets: bytes) -> None:
    wire._write(octets)


def receipt(body: SubmitSm, id_: str, state: str = "DELIVRD") -> DeliverSm:
    text = f"id:{id_} sub:001 dlvrd:001 submit date:2611241200 done date:2611241200 stat:{state} err:000 text:"
    return DeliverSm(
        source_ton=1, source_npi=1, source=body.destination, destination_ton=body.source_ton, destination=body.source,
        esm_class=4, short_message=text.encode(),
    )  # fmt: skip


@contextlib.asynccontextmanager
async def running(port: int = 0, context: ssl.SSLContext | None = None) -> AsyncIterator[Smsc]:
    smsc = Smsc()
    await smsc.start(port, context)
    try:
        yield smsc
    finally:
        await smsc.stop()
