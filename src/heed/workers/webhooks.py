"""The worker's third thread: tells endpoints what happened, many at a time, those about one person one after another."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from heed import clock
from heed.core import deliveries, leases
from heed.core.deliveries import Call, Ready, Result
from heed.workers.calling import Phone

log = logging.getLogger(__name__)
Value = TypeVar("Value")

AT_ONCE, AT_ONCE_EACH = 100, 16  # calls under way: in all, and to one endpoint
IDLE_S = 0.5
RENEW_EVERY_S = 4.0


class WebhookThread(threading.Thread):
    def __init__(self, stopping: threading.Event) -> None:
        super().__init__(name="webhooks")
        self.stopping = stopping

    def run(self) -> None:
        asyncio.run(Webhooks(self.stopping).run())


class Webhooks:
    def __init__(self, stopping: threading.Event) -> None:
        self.stopping = stopping
        self._thread = ThreadPoolExecutor(1, "webhooks-database")
        self._token, self._renewed_at = 0, 0.0
        self._under_way: dict[asyncio.Task[None], int] = {}  # and which endpoint each is to
        self._done: list[tuple[int, Result]] = []  # with the lease that it was claimed under

    async def run(self) -> None:
        """Until ``stopping``; what is under way comes to its end."""
        async with Phone(settings.WEBHOOK_NETWORKS) as phone:
            while not self.stopping.is_set():
                try:
                    did_something = await self.round(phone)
                except DatabaseError:
                    log.exception("The deliveries could not be read or written; they will be tried again.")
                    did_something = False
                except Exception:
                    log.exception("Webhooks failed in an unknown way; they will be tried again.")
                    did_something = False
                if not did_something:
                    await self._pause()
            await self._end()

    async def round(self, phone: Phone) -> bool:
        """Write down what has come to its end, and begin what is due; whether there was anything to begin."""
        await self._keep_lease()
        await self._report()
        began = False
        for endpoint in await self.database(deliveries.ready):
            for call in await self._claim(endpoint):
                task = asyncio.create_task(self._make(phone, call, self._token))
                self._under_way[task] = endpoint.endpoint_id
                task.add_done_callback(self._under_way.pop)
                began = True
        return began

    async def finish(self) -> None:
        """Wait for what is under way, and write it down."""
        if self._under_way:
            await asyncio.wait(list(self._under_way))
        await self._report()

    async def _claim(self, endpoint: Ready) -> list[Call]:
        busy = Counter(self._under_way.values())
        most = 1 if endpoint.is_failing else AT_ONCE_EACH
        room = min(most - busy[endpoint.endpoint_id], AT_ONCE - len(self._under_way))
        if room <= 0:
            return []
        return await self.database(lambda: deliveries.claim(endpoint.endpoint_id, room, self._token))

    async def _make(self, phone: Phone, call: Call, token: int) -> None:
        self._done.append((token, await phone.call(call)))

    async def _report(self) -> None:
        """By the lease that each was claimed under. What can't be written is kept."""
        done = list(self._done)
        for token in sorted({token for token, _ in done}):
            results = [result for of, result in done if of == token]
            await self.database(lambda results=results, token=token: deliveries.settle(results, token))  # type: ignore[misc]
        del self._done[: len(done)]

    async def _keep_lease(self) -> None:
        if clock.seconds() - self._renewed_at > RENEW_EVERY_S:
            token = self._token
            if not (token and await self.database(lambda: leases.renew(token))):
                self._token = await self.database(lambda: leases.take(leases.WEBHOOKS))
            self._renewed_at = clock.seconds()

    async def _pause(self) -> None:
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(IDLE_S)

    async def _end(self) -> None:
        try:
            await self.finish()
            await self.database(lambda: leases.end(self._token))
            await self.database(lambda: connection.close())  # the connection of that thread
        except DatabaseError:
            log.exception("The last deliveries could not be written down; they are sent again.")
        self._thread.shutdown()

    async def database(self, verb: Callable[[], Value]) -> Value:
        """Run ``verb`` in the one thread of this loop that talks to the database."""

        def run() -> Value:
            close_old_connections()
            return verb()

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)
