"""Brings ESMEs what waits for them, receipts and texts from phones, once they have bound to take it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from heed.core import deliveries, leases
from heed.core.deliveries import Call, Result
from heed.core.models import Esme
from heed.providers.smpp.status import Status, shown
from heed.providers.smpp.texts import Alphabet
from heed.providers.smpp.wire import Lost
from heed.workers.front import told
from heed.workers.front.guest import Guest

log = logging.getLogger(__name__)
Value = TypeVar("Value")

AT_ONCE = 20  # deliver_sm of one bind that are not answered yet; no more than its window
IDLE_S = 0.1
RENEW_EVERY_S = 4.0
AGAIN_S = 1.0  # after the database failed
FINISH_WITHIN_S = 3.0
TEMPORARY = {Status.SYSTEM_ERROR, Status.MESSAGE_QUEUE_FULL, Status.THROTTLED, Status.TEMPORARY_APPLICATION_ERROR}


class Postman:
    """``guests`` gives those who are there."""

    def __init__(self, guests: Callable[[], Sequence[Guest]], stopping: asyncio.Event) -> None:
        self._guests, self._stopping = guests, stopping
        self._thread = ThreadPoolExecutor(1, "smpp-deliveries")
        self._token, self._renewed_at = 0, 0.0
        self._under_way: dict[asyncio.Task[None], int] = {}  # and which guest each is for
        self._done: list[tuple[int, Result]] = []  # with the lease that it was claimed under

    async def run(self) -> None:
        """Until ``stopping``; what is under way has a moment to be answered."""
        while not self._stopping.is_set():
            try:
                wait_s = 0.0 if await self._round() else IDLE_S
            except DatabaseError:
                log.exception("The deliveries could not be read or written; they will be tried again.")
                wait_s = AGAIN_S
            except Exception:
                log.exception("Deliveries failed in an unknown way; they will be tried again.")
                wait_s = AGAIN_S
            await self._pause(wait_s)
        await self._finish()

    async def _round(self) -> bool:
        """Write down what has been answered, and begin what waits; whether there was anything to begin."""
        await self._report()
        room = self._room()
        if not room:
            return False
        await self._keep_lease()
        began = False
        endpoints = {guest: guest.esme.endpoint_id for guest in room if guest.esme}
        for one in await self._database(lambda: deliveries.ready(sorted(set(endpoints.values())))):
            mine = {guest: room[guest] for guest, id_ in endpoints.items() if id_ == one.endpoint_id}
            most = min(1, sum(mine.values())) if one.is_failing else sum(mine.values())
            for call in await self._claim(one.endpoint_id, most):
                guest = max(mine, key=lambda each: mine[each])
                mine[guest] -= 1
                self._begin(call, guest)
                began = True
        return began

    def _room(self) -> dict[Guest, int]:
        """Who may be given something, and how much."""
        busy = Counter(self._under_way.values())
        free = {
            guest: min(AT_ONCE, guest.esme.window) - busy[id(guest)]
            for guest in self._guests()
            if guest.takes_deliveries and guest.esme and not guest.wire.is_full
        }
        return {guest: count for guest, count in free.items() if count > 0}

    async def _claim(self, endpoint_id: int, most: int) -> list[Call]:
        return await self._database(lambda: deliveries.claim(endpoint_id, most, self._token)) if most else []

    def _begin(self, call: Call, guest: Guest) -> None:
        task = asyncio.create_task(self._bring(call, guest, self._token))
        self._under_way[task] = id(guest)
        task.add_done_callback(self._under_way.pop)

    async def _bring(self, call: Call, guest: Guest, token: int) -> None:
        at, began = timezone.now(), time.monotonic()
        statuses: list[int] = []
        problem = call.problem
        if not problem:
            assert guest.esme is not None  # noqa: S101  # as _room has seen
            try:
                statuses = await _brought(call, guest, guest.esme)
            except Lost as error:
                problem = str(error)
        refused = next((status for status in statuses if status != Status.OK), None)
        self._done.append(
            (
                token,
                Result(
                    call,
                    at,
                    int((time.monotonic() - began) * 1000),
                    problem=problem or (f"It answered {shown(refused)}." if refused is not None else ""),
                    is_accepted=not problem and refused is None,
                    is_final=bool(call.problem) or (refused is not None and refused not in TEMPORARY),
                ),
            )
        )

    async def _report(self) -> None:
        """By the lease that each was claimed under. What can't be written is kept."""
        done = list(self._done)
        for token in sorted({token for token, _ in done}):
            results = [result for of, result in done if of == token]
            await self._database(lambda results=results, token=token: deliveries.settle(results, token))  # type: ignore[misc]
        del self._done[: len(done)]

    async def _keep_lease(self) -> None:
        if time.monotonic() - self._renewed_at > RENEW_EVERY_S:
            token = self._token
            if not (token and await self._database(lambda: leases.renew(token))):
                self._token = await self._database(lambda: leases.take(leases.SMPP))
            self._renewed_at = time.monotonic()

    async def _pause(self, seconds: float) -> None:
        if seconds and self._under_way:
            await asyncio.wait(list(self._under_way), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        elif seconds:
            try:
                await asyncio.wait_for(self._stopping.wait(), seconds)
            except TimeoutError:
                return

    async def _finish(self) -> None:
        """What is not answered in time comes again."""
        try:
            if self._under_way:
                await asyncio.wait(list(self._under_way), timeout=FINISH_WITHIN_S)
            await self._report()
            if self._token:
                await self._database(lambda: leases.end(self._token))
            await self._database(lambda: connection.close())
        except DatabaseError:
            log.exception("The last deliveries could not be written down; they come again.")
        self._thread.shutdown()

    async def _database(self, verb: Callable[[], Value]) -> Value:
        """Run ``verb`` in a thread that no submit waits for."""

        def run() -> Value:
            close_old_connections()
            return verb()

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


async def _brought(call: Call, guest: Guest, esme: Esme) -> list[int]:
    """How the ESME answers each unit of ``call``. Raises Lost."""
    if not guest.wire.is_open:
        raise Lost("It unbound.")
    answers = [guest.wire.request(unit) for unit in told.units(json.loads(call.body), Alphabet(esme.alphabet))]
    done = await asyncio.gather(*answers, return_exceptions=True)
    if lost := next((one for one in done if isinstance(one, BaseException)), None):
        raise lost if isinstance(lost, Lost) else Lost(str(lost))
    return [one.status for one in done if not isinstance(one, BaseException)]
