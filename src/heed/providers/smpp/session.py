"""An ESME's binds at a carrier: each is kept bound, is bound again with backoff and jitter, and takes as much as its window.

A submit either got its answer, or surely never left (Unreachable), or nobody knows (MaybeSent): nothing between.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from heed import clock
from heed.providers.base import MaybeSent, TooLate, Unreachable
from heed.providers.smpp.pdu import (
    Bind,
    BindReceiver,
    BindResp,
    BindTransceiver,
    BindTransmitter,
    Outbind,
    Pdu,
    SubmitSm,
    id_of,
    response_to,
)
from heed.providers.smpp.status import Status, shown
from heed.providers.smpp.wire import Lost, Wire

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 10.0
SHORTEST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
STEADY_AFTER_S = 30.0  # a bind that held so long begins again with the shortest wait
NEVER = {Status.INVALID_PASSWORD, Status.INVALID_SYSTEM_ID, Status.INVALID_SYSTEM_TYPE}
ROLES: dict[str, type[Bind]] = {
    "transceiver": BindTransceiver,
    "transmitter": BindTransmitter,
    "receiver": BindReceiver,
}


class Rejected(Exception):
    """The carrier refuses these credentials; trying again with the same would lock them."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a carrier is bound to, as whom, and its habits."""

    host: str
    port: int
    system_id: str
    password: str
    system_type: str = ""
    address_range: str = ""
    tls: bool = False
    ca_file: str = ""
    window: int = 10
    response_within_s: float = 10.0
    enquire_every_s: float = 30.0


class Session:
    """One bind, kept. ``take`` is given each request of the carrier that is not about the link itself."""

    def __init__(self, name: str, role: str, address: Address, take: Callable[[Wire, Pdu], None]) -> None:
        self.name, self.role, self.address = name, role, address
        self._take = take
        self.wire: Wire | None = None
        self.is_bound = False
        self.words = "not bound yet"  # why, for people
        self._bind_answer: asyncio.Future[Pdu] | None = None

    @property
    def room(self) -> int:
        """How many more submits it takes now."""
        wire = self.wire
        if not self.is_bound or wire is None or not wire.is_open or wire.is_full or self.role == "receiver":
            return 0
        return max(0, self.address.window - wire.in_flight)

    async def submit(self, body: SubmitSm, before: float) -> Pdu:
        """The carrier's answer. Raises TooLate, Unreachable or MaybeSent."""
        if clock.seconds() >= before:
            raise TooLate
        if self.wire is None or not self.room:
            raise Unreachable(f"The carrier is {self.words}.")
        try:
            return await self.wire.request(body)
        except Lost as error:
            raise MaybeSent(str(error)) from None

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep it bound until ``stopping``; then unbind. Raises Rejected when the carrier refuses the credentials."""
        wait_s = SHORTEST_WAIT_S
        while not stopping.is_set():
            began = time.monotonic()
            try:
                await self._once(stopping)
            except (OSError, TimeoutError, Lost) as error:
                self.words = f"not bound: {error or 'no answer in time'}"
                log.warning("%s: %s", self.name, self.words)
            finally:
                self.is_bound = False
            if stopping.is_set():
                return
            wait_s = SHORTEST_WAIT_S if time.monotonic() - began > STEADY_AFTER_S else min(LONGEST_WAIT_S, wait_s * 2)
            await _sleep(stopping, wait_s * random.uniform(0.5, 1.5))  # noqa: S311  # so that not all come back at once

    async def _once(self, stopping: asyncio.Event) -> None:
        self._bind_answer = None
        wire = await self._connected()
        try:
            await self._bind(wire)
            log.info("%s: Bound.", self.name)
            self.is_bound, self.words = True, "bound"
            end = asyncio.ensure_future(stopping.wait())
            await asyncio.wait([end, wire.ended], return_when=asyncio.FIRST_COMPLETED)
            end.cancel()
            self.is_bound, self.words = False, "not bound: the connection ended"
            if not wire.ended.done():
                await wire.unbind()
            else:
                log.warning("%s: The connection ended.", self.name)
        finally:
            wire.close()

    async def _connected(self) -> Wire:
        address = self.address
        context = ssl.create_default_context(cafile=address.ca_file or None) if address.tls else None
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(
            lambda: Wire(
                self.name,
                self._given,
                response_within_s=address.response_within_s,
                enquire_every_s=address.enquire_every_s,
            ),
            address.host,
            address.port,
            ssl=context,
        )
        _, wire = await asyncio.wait_for(opening, CONNECT_WITHIN_S)
        self.wire = wire
        return wire

    async def _bind(self, wire: Wire) -> None:
        address = self.address
        body = ROLES[self.role](
            system_id=address.system_id,
            password=address.password,
            system_type=address.system_type,
            address_range=address.address_range,
        )
        self._bind_answer = wire.request(body)
        answer = await self._bind_answer
        if answer.status in NEVER:
            raise Rejected(f"The carrier refuses the bind: {shown(answer.status)}.")
        if answer.status != Status.OK or not isinstance(answer.body, BindResp):
            raise Lost(f"the carrier refuses the bind: {shown(answer.status)}")

    @property
    def _is_accepted(self) -> bool:
        """Whether the carrier took the bind, though we had no turn yet: texts may follow in the same packet."""
        answer = self._bind_answer
        if answer is None or not answer.done() or answer.cancelled() or answer.exception():
            return False
        return answer.result().status == Status.OK

    def _given(self, wire: Wire, unit: Pdu) -> None:
        if isinstance(unit.body, Outbind):
            log.warning("%s: An outbind is ignored; Heed binds by itself.", self.name)
            return
        if not (self.is_bound or self._is_accepted):
            log.warning("%s: %s before the bind was answered.", self.name, type(unit.body).__name__)
            return refuse(wire, unit, Status.INCORRECT_BIND_STATUS)
        self._take(wire, unit)


def refuse(wire: Wire, unit: Pdu, status: Status) -> None:
    """Answer ``unit`` with ``status``; what has no answer gets none."""
    answer = response_to(id_of(unit.body))
    if answer is not None:
        wire.answer(unit, answer, status)


async def _sleep(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
