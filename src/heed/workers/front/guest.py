"""One connection of an ESME: what it may ask for in its state, and within its window and rate, is asked of the core."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar  # Any: whatever a task returns

from django.db import DatabaseError
from django.utils import timezone

from heed.core import esmes, smpp_words, submissions
from heed.core.models import Esme
from heed.core.submissions import FICTION, NO_SENDER, OPTED_OUT, Taken
from heed.providers.smpp import pdu
from heed.providers.smpp.pdu import (
    Bind,
    BindReceiver,
    BindTransmitter,
    Body,
    CancelSm,
    DataSm,
    DataSmResp,
    Pdu,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    SubmitSm,
    SubmitSmResp,
    Tag,
    response_to,
)
from heed.providers.smpp.status import Status, shown
from heed.providers.smpp.wire import Wire
from heed.workers.front import submits, times
from heed.workers.front.doorman import Doorman, Refused
from heed.workers.front.submits import Unfit
from heed.workers.front.writer import Writer

log = logging.getLogger(__name__)
Result = TypeVar("Result")

SYSTEM_ID = "Heed"  # as we name ourselves
BIND_WITHIN_S = 10.0
MOST_STRAYS = 10  # requests before a bind; each costs a line of the log
VERSION = ((Tag.SC_INTERFACE_VERSION, b"\x34"),)
REFUSALS = {NO_SENDER: Status.INVALID_SOURCE_ADDRESS, FICTION: Status.INVALID_DESTINATION_ADDRESS}


class Bucket:
    """``rate`` a second, and as many at once; 0: any number."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._tokens, self._filled_at = float(rate), time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self.rate, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self.rate and self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class House(Protocol):
    """What a guest needs of the front."""

    enquire_every_s: float
    stopping: asyncio.Event
    doorman: Doorman
    writer: Writer

    def gone(self, wire: Wire) -> None: ...
    def keep(self, task: asyncio.Task[Any]) -> None: ...
    def count(self, esme: Esme) -> int: ...
    def bucket(self, esme: Esme) -> Bucket: ...
    def database(self, verb: Callable[[], Result]) -> Awaitable[Result]: ...


class Line(Wire):
    """A wire on which a peer that doesn't read its answers is not read from either."""

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


class Guest:
    """Unbound until ``esme`` is there."""

    def __init__(self, front: House) -> None:
        self._front = front
        self.wire = Line("An ESME", self._asked, front.gone, enquire_every_s=front.enquire_every_s)
        self.esme: Esme | None = None
        self.bound_as: type[Bind] | None = None
        self.open_submits = 0
        self._is_binding, self._strays = False, 0
        self._timer = asyncio.get_running_loop().call_later(BIND_WITHIN_S, self._give_up)

    @property
    def takes_deliveries(self) -> bool:
        return self.esme is not None and self.bound_as is not BindTransmitter and self.wire.is_open

    def leave(self, words: str) -> None:
        log.info("%s: %s", self.wire.name, words)
        self._front.keep(asyncio.create_task(self.wire.unbind()))

    def _give_up(self) -> None:
        if self.esme is None and not self._is_binding:
            self.wire.close()

    # What it asks

    def _asked(self, wire: Wire, unit: Pdu) -> None:
        match unit.body:
            case Bind():
                self._bind(unit)
            case body if self.esme is None:
                self._refuse(unit, Status.INCORRECT_BIND_STATUS, f"{type(body).__name__} before a bind.")
                self._strays += 1
                if self._strays >= MOST_STRAYS:
                    wire.close()
            case SubmitSm() | DataSm():
                self._submit(unit, unit.body)
            case QuerySm() | CancelSm() if not self._front.bucket(self.esme).take():
                self._answer(unit, Status.THROTTLED)
            case QuerySm():
                self._front.keep(asyncio.create_task(self._query(unit, unit.body)))
            case CancelSm():
                self._front.keep(asyncio.create_task(self._cancel(unit, unit.body)))
            case ReplaceSm():
                self._refuse(unit, Status.REPLACE_FAILED, "Heed replaces no messages.")
            case body:
                self._refuse(unit, Status.INVALID_COMMAND_ID, f"A {type(body).__name__} is not for Heed.")

    def _refuse(self, unit: Pdu, status: int, words: str) -> None:
        log.warning("%s: %s It is answered %s.", self.wire.name, words, shown(status))
        self._answer(unit, status)

    def _answer(self, unit: Pdu, status: int, body: Body | None = None) -> None:
        answer = body or response_to(pdu.id_of(unit.body))
        if answer is not None:
            self.wire.answer(unit, answer, status)

    # Binding

    def _bind(self, unit: Pdu) -> None:
        if self.esme is not None or self._is_binding:
            return self._refuse(unit, Status.ALREADY_BOUND, "A second bind.")
        self._is_binding = True
        self._front.keep(asyncio.create_task(self._admit(unit)))

    async def _admit(self, unit: Pdu) -> None:
        assert isinstance(unit.body, Bind)  # noqa: S101  # as the caller has seen
        peer = self.wire.peer
        try:
            esme = await self._front.doorman.admit(unit.body, peer)
            await self._front.database(lambda: esmes.note_bind(esme))
            if self._front.count(esme) >= esme.most_binds:
                raise Refused(f"it has its {esme.most_binds} binds", Status.BIND_FAILED)
        except Refused as error:
            log.warning("A bind as %s from %s is refused: %s.", ascii(unit.body.system_id), peer, error)
            self._answer(unit, error.status)
            return self.wire.close()
        except DatabaseError:
            log.exception("A bind could not be checked.")
            self._answer(unit, Status.SYSTEM_ERROR)
            return self.wire.close()
        if not self.wire.is_open:
            return
        self._timer.cancel()
        self.esme, self.bound_as, self.wire.name = esme, type(unit.body), f"ESME {esme.system_id}"
        log.info("%s: Bound from %s (%s).", self.wire.name, peer, type(unit.body).__name__)
        answer = response_to(pdu.id_of(unit.body))
        assert answer is not None  # noqa: S101  # every bind has one
        self._answer(unit, Status.OK, type(answer)(system_id=SYSTEM_ID, tlvs=VERSION))  # type: ignore[call-arg]

    # Submitting

    def _submit(self, unit: Pdu, body: SubmitSm | DataSm) -> None:
        esme = self.esme
        assert esme is not None  # noqa: S101  # as the caller has seen
        if self.bound_as is BindReceiver:
            return self._refuse(unit, Status.INCORRECT_BIND_STATUS, "A submit of a receiver.")
        if self._front.stopping.is_set():
            return self._refuse(unit, Status.SYSTEM_ERROR, "A submit while Heed stops.")
        if self.open_submits >= esme.window or not self._front.bucket(esme).take():
            return self._answer(unit, Status.THROTTLED)
        try:
            one = submits.read(esme, body, timezone.now())
        except Unfit as error:
            return self._refuse(unit, error.status, str(error))
        self.open_submits += 1
        self._front.writer.submit(one).add_done_callback(lambda done: self._submitted(unit, body, esme, done))

    def _submitted(self, unit: Pdu, body: SubmitSm | DataSm, esme: Esme, done: asyncio.Future[Taken]) -> None:
        self.open_submits -= 1
        if done.cancelled() or done.exception() is not None:
            return self._answer(unit, Status.SYSTEM_ERROR)
        taken = done.result()
        status = esme.refusal if taken.refusal == OPTED_OUT else REFUSALS.get(taken.refusal, Status.OK)
        if taken.refusal and status:
            log.info("%s: A submit is refused (%s) with %s.", self.wire.name, taken.refusal, shown(status))
        kind = SubmitSmResp if isinstance(body, SubmitSm) else DataSmResp
        self._answer(unit, status, kind(taken.message_id))

    # Asking after messages

    async def _query(self, unit: Pdu, body: QuerySm) -> None:
        esme = self.esme
        assert esme is not None  # noqa: S101
        try:
            found = await self._front.database(lambda: submissions.find(esme, body.message_id))
        except DatabaseError:
            log.exception("A message could not be looked up.")
            return self._answer(unit, Status.SYSTEM_ERROR)
        if found is None:
            return self._refuse(unit, Status.QUERY_FAILED, "A query_sm for no message of its account.")
        state = smpp_words.state_of(found.state)
        final_at = "" if state == smpp_words.ENROUTE else times.show(found.receipt_at or found.settled_at)
        self._answer(unit, Status.OK, QuerySmResp(body.message_id, final_at, state))

    async def _cancel(self, unit: Pdu, body: CancelSm) -> None:
        esme = self.esme
        assert esme is not None  # noqa: S101
        try:
            done = await self._front.database(lambda: submissions.cancel(esme, body.message_id))
        except DatabaseError:
            log.exception("A message could not be cancelled.")
            return self._answer(unit, Status.SYSTEM_ERROR)
        if not done:
            return self._refuse(unit, Status.CANCEL_FAILED, "A cancel_sm for no message that still waits.")
        self._answer(unit, Status.OK)
