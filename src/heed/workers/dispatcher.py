"""The dispatcher: claims what is queued and hands it to the carriers. One event loop, one database thread.

A message is handed off within one second after its claim began, or goes back. Only this process's own token moves what
it claimed; when its lease is lost it stops, and the worker marks the rest as unconfirmed.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar

from django.db import DatabaseError, close_old_connections
from django.db.models import Q

from heed import carriers, clock
from heed.core import arrivals, connections, gate, handoff, leases, receipts
from heed.core.gate import Claimed
from heed.core.handoff import Sent
from heed.core.models import Connection, Sender
from heed.providers import base
from heed.providers.base import Arrived, Provider
from heed.rules import backoff
from heed.rules.values import HandedOff, Outgoing

log = logging.getLogger(__name__)
Result = TypeVar("Result")

HAND_OFF_WITHIN_S = 1.0
WIDEST_WINDOW, SMALLEST_WINDOW = 1000, 8  # messages in flight on one connection
IDLE_S = 0.1
HEAD = (-1, 0)
FROM_HEAD_EVERY_S = 1.0
WATCH_EVERY_S = 2.0
RENEW_EVERY_S = 4.0
FINISH_WITHIN_S = 10.0
SESSION_AGAIN_S = 5.0  # after a carrier's session ended by an error
FIRST_KNOCK_S, LAST_KNOCK_S = 1.0, 30.0  # how long a carrier that can't be reached is left alone, at first and at most


class Dispatcher:
    def __init__(self) -> None:
        self.token = 0
        self.stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "database")
        self._senders: dict[int, str] = {}

    async def run(self) -> None:
        """Until SIGTERM, SIGINT or a lost lease; then what has not begun goes back to the queue."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        self.token = await self.database(lambda: leases.take(leases.DISPATCHER))
        log.info("Dispatching.")
        try:
            await asyncio.gather(self._keep_lease(), self._watch())
        finally:
            await self.database(lambda: leases.end(self.token))
            self._thread.shutdown()

    async def database(self, verb: Callable[[], Result]) -> Result:
        """Run ``verb`` in the one thread that talks to the database."""

        def run() -> Result:
            close_old_connections()
            return verb()

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until the end."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return

    async def sender_address(self, sender_id: int) -> str:
        """What the carrier is given as the originator; it never changes."""
        if sender_id not in self._senders:
            address = await self.database(lambda: Sender.objects.values_list("address", flat=True).get(id=sender_id))
            self._senders[sender_id] = address
        return self._senders[sender_id]

    async def _keep_lease(self) -> None:
        while not self.stopping.is_set():
            await self.sleep(RENEW_EVERY_S)
            try:
                if not await self.database(lambda: leases.renew(self.token)):
                    log.error("The lease was lost; this dispatcher ends.")
                    self.stopping.set()
            except DatabaseError:
                log.exception("The lease could not be renewed.")

    async def _watch(self) -> None:
        """Keep one pump for each connection that is not stopped, as it is set now."""
        pumps: dict[int, Pump] = {}
        tasks: dict[int, asyncio.Task[None]] = {}
        while not self.stopping.is_set():
            try:
                links = await self.database(_kept)
            except DatabaseError:
                log.exception("The connections could not be read.")
                links = [pump.link for pump in pumps.values() if not pump.is_stopped]
            wanted = {link.id: link for link in links}
            for id_, pump in pumps.items():
                pump.is_stopped |= id_ not in wanted or _set(wanted[id_]) != _set(pump.link)
            for id_, link in wanted.items():
                if (id_ not in tasks or tasks[id_].done()) and (made := await self._pump(link)):
                    pumps[id_], tasks[id_] = made, asyncio.create_task(made.run())
            await self.sleep(WATCH_EVERY_S)
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _pump(self, link: Connection) -> Pump | None:
        """What goes out on ``link``; None while another dispatcher keeps its session, or if it can't be used."""
        try:
            made = Pump(self, link)
            if made.provider.has_session:
                return made if await self.database(lambda: connections.hold(link, self.token)) else None
            return None if link.stopped_at else made
        except DatabaseError:
            log.exception("Nobody knows whether connection %s is another's.", link.id)
        except carriers.Unusable as error:
            words = str(error)
            log.error("Connection %s can't be used: %s", link.id, words)
            await self.database(lambda: handoff.stop_connection(link.id, 0, self.token, words=words))
        return None


def _kept() -> list[Connection]:
    """The connections in use, and those that staff have stopped: their carriers' sessions still bring texts."""
    by_staff = Q(stopped_reason__startswith=connections.STOPPED_BY_STAFF)
    return list(Connection.objects.filter(Q(stopped_at=None) | by_staff, closed_at=None))


def _set(link: Connection) -> tuple[datetime | None, ...]:
    """What a pump is made anew for."""
    return link.changed_at, link.stopped_at


class Pump:
    """What goes out on one connection."""

    def __init__(self, dispatcher: Dispatcher, link: Connection) -> None:
        self.dispatcher, self.link = dispatcher, link
        self.provider: Provider = carriers.provider(link, dispatcher.database)
        self.in_flight: set[asyncio.Task[None]] = set()
        self.sent: list[Sent] = []
        self.late: list[int] = []  # claimed, and not begun in time
        self.failures: list[Callable[[], None]] = []  # what to write down of hand-offs that failed
        self.widest = min(WIDEST_WINDOW, self.provider.window())
        self.window = self.widest
        self.paused_until = 0.0
        self.knocks = 0  # how often in a row the carrier could not be reached
        self.is_stopped = False

    async def run(self) -> None:
        after, head_at = HEAD, clock.seconds()
        session = asyncio.create_task(self._session())
        while not (self.dispatcher.stopping.is_set() or self.is_stopped):
            try:
                await self._report()
                after, head_at = await self._pump(after, head_at)
            except DatabaseError:
                log.exception("The queue could not be read.")
                await self.dispatcher.sleep(1)
        await self._finish()
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)
        await self.provider.close()
        if self.provider.has_session:
            await self.dispatcher.database(lambda: connections.let_go(self.link, self.dispatcher.token))

    async def _session(self) -> None:
        """Keep the session of a carrier that has one."""
        while self.provider.has_session:
            try:
                await self.provider.run(self._receive)
            except base.Misconfigured as error:
                self._stop(error.words)
                token, words = self.dispatcher.token, error.words
                self.failures.append(partial(handoff.stop_connection, self.link.id, 0, token, words=words))
                return
            except Exception:
                log.exception("The session of connection %s ended; it is begun again.", self.link.id)
            await self.dispatcher.sleep(SESSION_AGAIN_S)

    async def _receive(self, batch: Sequence[Arrived]) -> list[bool]:
        return await self.dispatcher.database(lambda: arrivals.take_in(self.link, batch))

    def _stop(self, words: str) -> None:
        self.is_stopped = True
        log.error("Connection %s stopped: %s", self.link.id, words)

    async def _pump(self, after: tuple[int, int], head_at: float) -> tuple[tuple[int, int], float]:
        """One claim, and its hand-offs begun. Returns where the next claim starts."""
        window = 1 if self.knocks else self.window
        free = window - len(self.in_flight)
        room = 0 if self.link.stopped_at else min(free, self.provider.room())
        if free < max(1, window // 2) or room < 1 or clock.seconds() < self.paused_until:
            await self._wait_for_room()
            return after, head_at
        began = clock.seconds()  # before the statement is sent: its snapshot is that old
        claim = partial(gate.claim, self.link.id, room, self.dispatcher.token, after=after)
        claimed = await self.dispatcher.database(claim)
        for message in claimed:
            task = asyncio.create_task(self._hand_off(message, began + HAND_OFF_WITHIN_S))
            self.in_flight.add(task)
            task.add_done_callback(self.in_flight.discard)
        if claimed and clock.seconds() - head_at < FROM_HEAD_EVERY_S:
            return (claimed[-1].priority, claimed[-1].id), head_at
        if not claimed and after == HEAD:
            await self._wait_for_room() if self.in_flight else await self.dispatcher.sleep(IDLE_S)
        return HEAD, clock.seconds()

    async def _wait_for_room(self) -> None:
        if self.in_flight:
            await asyncio.wait(self.in_flight, timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED)
        else:
            left = self.paused_until - clock.seconds()
            await self.dispatcher.sleep(min(max(left, IDLE_S), WATCH_EVERY_S))

    async def _hand_off(self, message: Claimed, before: float) -> None:
        try:
            sender = await self.dispatcher.sender_address(message.sender_id)
        except DatabaseError:
            sender = ""  # Nothing has begun.
        if not sender or clock.seconds() >= before or self.dispatcher.stopping.is_set() or self.is_stopped:
            self.late.append(message.id)
            return
        accepted: list[HandedOff] = []
        try:
            if not handoff.may_be_handed(self.link.kind, message.address):
                raise base.Refused("fictional", "This number is reserved for fiction; no carrier is given it.")
            await self._submit(message, sender, before, accepted)
            self.sent.append(self._sent(message, accepted))
            self.knocks = 0
        except base.HandOffError as error:
            self._failed(message, error, accepted)
        except Exception as error:
            log.exception("Handing off message %s failed in an unknown way; it may have been sent.", message.id)
            self._failed(message, base.MaybeSent(type(error).__name__), accepted)

    async def _submit(self, message: Claimed, sender: str, before: float, accepted: list[HandedOff]) -> None:
        """Hand off the parts that were not accepted before, one after the other; ``accepted`` grows with each."""
        parts = self.provider.parts(message.text)
        reference = receipts.reference(message.id)
        for number, text in enumerate(parts, 1):
            if number <= message.parts_sent:
                continue
            if clock.seconds() >= before:
                raise base.TooLate
            whole, serial = message.text, message.id
            outgoing = Outgoing(reference, sender, message.address, text, number, len(parts), whole, serial)
            accepted.append(await self.provider.submit(outgoing, before))

    def _sent(self, message: Claimed, accepted: Sequence[HandedOff]) -> Sent:
        first = message.parts_sent + 1
        provider_id = accepted[0].provider_id if accepted else ""
        if first == 1 and len(accepted) == 1:  # the whole text
            return Sent(message.id, provider_id, message.of, accepted[0].part_ids, first, self.link.id)
        ids = tuple(one.provider_id for one in accepted)
        return Sent(message.id, provider_id, message.of, ids, first, self.link.id)

    def _failed(self, message: Claimed, error: base.HandOffError, accepted: Sequence[HandedOff]) -> None:
        token, words, id_ = self.dispatcher.token, error.words, message.id
        verb: Callable[[], None]
        if isinstance(error, base.Postponed) or not isinstance(error, base.Unreachable):
            self.knocks = 0  # it answered
        match error:
            case base.TooLate() if not accepted:
                self.late.append(id_)
                return
            case base.TooLate():
                verb = partial(handoff.wait, id_, token, seconds=0, words="The rest waits, and asks the gate again.")
            case base.Refused():
                verb = partial(handoff.failed, id_, token, code=error.code, words=words)
            case base.RecipientOptedOut():
                verb = partial(handoff.carrier_says_opted_out, id_, token, words=words)
            case base.Throttled():
                self.paused_until = max(self.paused_until, clock.seconds() + error.after_s)
                verb = partial(handoff.wait, id_, token, seconds=error.after_s, words=words)
            case base.Misconfigured():
                self._stop(words)
                verb = partial(handoff.stop_connection, self.link.id, id_, token, words=words)
            case base.MaybeSent():
                verb = partial(handoff.unconfirmed, id_, token, words=words)
            case base.Postponed():
                verb = partial(handoff.wait, id_, token, words=words)
            case _:
                self._knock_later()
                verb = partial(handoff.wait, id_, token, words=words)
        if accepted:
            verb = self._after_parts(message, accepted, verb)
        self.failures.append(verb)

    def _knock_later(self) -> None:
        """The carrier can't be reached: one message at a time tries, ever more rarely.

        The others stay queued, where a STOP finds them, and leave as soon as it is back. Of those that were in flight
        together only the first counts.
        """
        if clock.seconds() >= self.paused_until:
            self.knocks += 1
            wait_s = backoff.delay_s(self.knocks, first_s=FIRST_KNOCK_S, most_s=LAST_KNOCK_S)
            self.paused_until = clock.seconds() + wait_s

    def _after_parts(
        self, message: Claimed, accepted: Sequence[HandedOff], verb: Callable[[], None]
    ) -> Callable[[], None]:
        """``verb`` once it is written down which parts the carrier took."""
        ids = [one.provider_id for one in accepted]
        token, first = self.dispatcher.token, message.parts_sent + 1

        def both() -> None:
            handoff.parts_accepted(message.id, token, self.link.id, first, ids)
            verb()

        return both

    async def _report(self) -> None:
        """Write down what was accepted and what failed, and put back what was not begun. What can't be is kept."""
        token = self.dispatcher.token
        if sent := list(self.sent):
            await self.dispatcher.database(lambda: handoff.handed_off(sent, token))
            del self.sent[: len(sent)]
        if late := list(self.late):
            await self.dispatcher.database(lambda: handoff.put_back(late, token))
            del self.late[: len(late)]
        self._fit_window(bool(late))
        while self.failures:
            await self.dispatcher.database(self.failures[0])
            del self.failures[0]

    def _fit_window(self, is_too_wide: bool) -> None:
        """Claim no more than leaves within its second: half after any came too late, a little more after each good round."""
        if is_too_wide:
            self.window = max(min(SMALLEST_WINDOW, self.widest), self.window // 2)
        else:
            self.window = min(self.widest, self.window + 1)

    async def _finish(self) -> None:
        """Let what has begun come to its end; what has not is late, and goes back."""
        if self.in_flight:
            await asyncio.wait(self.in_flight, timeout=FINISH_WITHIN_S)
        for _ in range(3):
            try:
                return await self._report()
            except DatabaseError:
                log.exception("The last hand-offs could not be written down.")
                await asyncio.sleep(1)
