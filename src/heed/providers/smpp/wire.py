"""One SMPP connection, of either side: units in and out, requests and their answers, and a peer that is asked if it lives.

What comes is answered in the peer's manners whatever it is (SMPP 3.4, 2.6 to 2.9): garbage ends the connection, an
unknown command gets a generic_nack, a malformed request a response that says why. Nothing here knows what a message is.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable

from heed.providers.smpp import pdu
from heed.providers.smpp.pdu import (
    BadPdu,
    Body,
    EnquireLink,
    EnquireLinkResp,
    Frames,
    GenericNack,
    Pdu,
    Unbind,
    UnbindResp,
)
from heed.providers.smpp.status import Status, shown

log = logging.getLogger(__name__)

LAST_SEQUENCE = 0x7FFF_FFFF
MOST_UNANSWERED = 2000  # requests of the peer that wait for our answer; then we read no more
CLOSE_WITHIN_S = 5.0


class Lost(Exception):
    """The connection ended, or the answer did not come in time."""


class Wire(asyncio.Protocol):
    """``on_request`` is given what the peer asks, once it is read; ``on_end`` is called once, when all is over."""

    def __init__(
        self,
        name: str,
        on_request: Callable[[Wire, Pdu], None],
        on_end: Callable[[Wire], None] = lambda wire: None,
        *,
        response_within_s: float = 10,
        enquire_every_s: float = 30,
    ) -> None:
        self.name, self._on_request, self._on_end = name, on_request, on_end
        self.response_within_s, self.enquire_every_s = response_within_s, enquire_every_s
        self.ended = asyncio.get_running_loop().create_future()
        self.is_open = False  # a new request may be sent
        self.is_full = False  # the peer doesn't read as fast as we write
        self._transport: asyncio.Transport | None = None
        self._frames = Frames()
        self._out: list[bytes] = []
        self._pending: dict[int, tuple[float, asyncio.Future[Pdu]]] = {}  # in the order of their time
        self._sequence = 0
        self._unanswered = 0
        self._heard_at = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._has_enquired = False
        self._goodbye: int | None = None  # its number, once the peer has said it
        self._has_said_goodbye = False

    # What its owner does

    @property
    def in_flight(self) -> int:
        return len(self._pending)

    @property
    def peer(self) -> str:
        """The address of the other side."""
        found = self._transport.get_extra_info("peername") if self._transport else None
        return str(found[0]) if found else ""

    def request(self, body: Body) -> asyncio.Future[Pdu]:
        """The answer to ``body``, or Lost. What could not even be written is told by ``is_open`` beforehand."""
        loop = asyncio.get_running_loop()
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        self._write(pdu.encode(body, self._sequence))
        answer: asyncio.Future[Pdu] = loop.create_future()
        self._pending[self._sequence] = (loop.time() + self.response_within_s, answer)
        return answer

    def answer(self, request: Pdu, body: Body, status: int = Status.OK) -> None:
        """Answer what ``on_request`` was given. A refusal goes without its body's fields (SMPP 3.4, 4.4.2)."""
        self._unanswered -= 1
        if self._transport is None or self._transport.is_closing():
            return
        self._write(pdu.encode(body if status == Status.OK else type(body)(), request.sequence, status))
        if self._unanswered == MOST_UNANSWERED // 2 and not self._transport.is_reading():
            self._transport.resume_reading()
        if self._goodbye is not None:
            self._leave()

    async def unbind(self) -> None:
        """Say goodbye, wait for the answers that are still due, and close."""
        if not self.is_open:
            return self.close()
        goodbye = self.request(Unbind())
        goodbye.add_done_callback(lambda answer: answer.cancelled() or answer.exception())  # Lost is what was wanted.
        self.is_open = False
        await asyncio.wait([goodbye], timeout=CLOSE_WITHIN_S)
        self.close()

    def close(self) -> None:
        """End the connection; what was written before still leaves."""
        self.is_open = False
        if self._transport is not None:
            self._flush()
            self._transport.close()

    # What asyncio does

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # of a TCP server or client
        self._transport, self.is_open = transport, True
        if (connected := transport.get_extra_info("socket")) is not None:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch()

    def data_received(self, data: bytes) -> None:
        self._heard_at, self._has_enquired = time.monotonic(), False
        try:
            for raw in self._frames.feed(data):
                self._take(raw)
        except BadPdu as error:
            log.error("%s: %s Nobody knows where the next one begins, so the connection ends.", self.name, error)
            self._write(pdu.encode(GenericNack(), error.sequence, error.status))
            self.close()

    def eof_received(self) -> bool:
        return False  # A peer that no longer sends can't answer either: close.

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._timer:
            self._timer.cancel()
        for _, answer in self._pending.values():
            _fail(answer, "The connection ended before the answer.")
        self._pending.clear()
        if not self.ended.done():
            self.ended.set_result(None)
        self._on_end(self)

    # What the peer says

    def _take(self, raw: bytes) -> None:
        try:
            unit = pdu.decode(raw)
        except BadPdu as error:
            return self._refuse(error)
        command = int.from_bytes(raw[4:8], "big")
        if command & pdu.RESPONSE:
            return self._answered(unit)
        match unit.body:
            case EnquireLink():
                self._write(pdu.encode(EnquireLinkResp(), unit.sequence))
            case Unbind():
                self._unbound(unit)
            case _:
                self._unanswered += 1
                if self._unanswered >= MOST_UNANSWERED and self._transport:
                    self._transport.pause_reading()
                self._on_request(self, unit)

    def _answered(self, unit: Pdu) -> None:
        found = self._pending.pop(unit.sequence, None)
        if isinstance(unit.body, GenericNack):
            log.warning("%s: generic_nack %s for number %s.", self.name, shown(unit.status), unit.sequence)
        if found is None:
            if not isinstance(unit.body, GenericNack):
                log.warning("%s: An answer to nothing (number %s) is ignored.", self.name, unit.sequence)
        elif not found[1].done():
            found[1].set_result(unit)
        if self._goodbye is not None:
            self._leave()

    def _refuse(self, error: BadPdu) -> None:
        log.warning("%s: %s", self.name, error)
        if error.command & pdu.RESPONSE:  # Its header says how the request fared, whatever follows.
            known = pdu.body_of(error.command)
            if known is not None:
                self._answered(Pdu(known, error.sequence, error.command_status))
            return
        answer = pdu.response_to(error.command) or GenericNack()
        self._write(pdu.encode(answer, error.sequence, error.status))

    def _unbound(self, unit: Pdu) -> None:
        """The peer says goodbye. It has its answers first; what it owes us may come until everything is answered."""
        self.is_open, self._goodbye = False, unit.sequence
        log.info(
            "%s: The other side unbinds, with %s answers due to it and %s to us.",
            *(self.name, self._unanswered, len(self._pending)),
        )
        asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, self.close)
        self._leave()

    def _leave(self) -> None:
        if self._unanswered <= 0 and not self._has_said_goodbye:
            self._has_said_goodbye = True
            self._write(pdu.encode(UnbindResp(), self._goodbye or 0))
        if self._unanswered <= 0 and not self._pending:
            asyncio.get_running_loop().call_soon(self.close)

    # Time

    def _watch(self) -> None:
        """Once a second, or sooner where time-outs are shorter: late answers, and whether the peer still lives."""
        loop, now = asyncio.get_running_loop(), time.monotonic()
        while self._pending:
            sequence, (until, answer) = next(iter(self._pending.items()))
            if until > loop.time():
                break
            del self._pending[sequence]
            _fail(answer, "No answer in time.")
        silent_s = now - self._heard_at
        within_a_unit = self._frames.is_within_a_unit and silent_s > self.response_within_s
        if within_a_unit or silent_s > self.enquire_every_s + self.response_within_s:
            log.error("%s: Silent for %d s; the connection ends.", self.name, silent_s)
            if self._transport:
                self._transport.abort()
            return
        if silent_s > self.enquire_every_s and not self._has_enquired and self.is_open:
            self._has_enquired = True
            self.request(EnquireLink()).add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        self._timer = loop.call_later(min(1.0, self.enquire_every_s, self.response_within_s), self._watch)

    # Bytes out: what is written in one turn of the loop leaves in one packet

    def _write(self, raw: bytes) -> None:
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(raw)

    def _flush(self) -> None:
        if self._out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()


def _fail(answer: asyncio.Future[Pdu], words: str) -> None:
    if not answer.done():
        answer.set_exception(Lost(words))
