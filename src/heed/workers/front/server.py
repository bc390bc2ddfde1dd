"""The front's process: listens, keeps its guests, and lets go of those whose ESME was removed or changed its password."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar  # Any: whatever a task returns

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from heed.core import esmes
from heed.core.models import Esme
from heed.providers.smpp.wire import Wire
from heed.workers.front.doorman import Doorman
from heed.workers.front.guest import Bucket, Guest
from heed.workers.front.postman import Postman
from heed.workers.front.writer import Writer

log = logging.getLogger(__name__)
Result = TypeVar("Result")

MOST_GUESTS, MOST_STRANGERS = 1000, 20  # connections in all; of one address and not bound
WATCH_EVERY_S = 2.0
FINISH_WITHIN_S = 10.0
ENQUIRE_EVERY_S = 30.0


Door = tuple[int, ssl.SSLContext | None]  # a port, and what it is encrypted with


class Front:
    enquire_every_s = ENQUIRE_EVERY_S

    def __init__(self, doors: Sequence[Door]) -> None:
        self._doors = doors
        self.stopping = asyncio.Event()
        self.guests: list[Guest] = []
        self.doorman = Doorman()
        self.writer = Writer(self.database)
        self.ports: list[int] = []
        self.started: Callable[[], None] = lambda: None
        self._thread = ThreadPoolExecutor(1, "smpp-database")
        self._buckets: dict[int, Bucket] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; then what was submitted is stored and answered, and everybody unbound."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        await self.serve()

    async def serve(self) -> None:
        servers = [await self._listen(port, context) for port, context in self._doors]
        self.ports = [server.sockets[0].getsockname()[1] for server in servers]
        self.started()
        log.info("Taking binds on %s, port %s.", settings.SMPP_HOST, " and ".join(map(str, self.ports)))
        try:
            await asyncio.gather(self._watch(), Postman(lambda: self.guests, self.stopping).run())
        finally:
            for server in servers:
                server.close()
            await self._finish()

    async def database(self, verb: Callable[[], Result]) -> Result:
        """Run ``verb`` in the one thread of the front that writes."""

        def run() -> Result:
            close_old_connections()
            return verb()

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold ``task`` until it is done, as asyncio asks."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Guests

    def gone(self, wire: Wire) -> None:
        self.guests = [one for one in self.guests if one.wire is not wire]

    def count(self, esme: Esme) -> int:
        """How many binds it has."""
        return sum(one.esme is not None and one.esme.id == esme.id for one in self.guests)

    def bucket(self, esme: Esme) -> Bucket:
        """What all of its binds may submit in a second."""
        found = self._buckets.get(esme.id)
        if found is None or found.rate != esme.rate:
            found = self._buckets[esme.id] = Bucket(esme.rate)
        return found

    async def _listen(self, port: int, context: ssl.SSLContext | None) -> asyncio.Server:
        more: dict[str, Any] = {"ssl_handshake_timeout": 10} if context else {}
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._arrived, settings.SMPP_HOST, port, ssl=context, **more)

    def _arrived(self) -> Wire:
        guest = Guest(self)
        self.guests.append(guest)
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, self._look_at, guest)
        return guest.wire

    def _look_at(self, guest: Guest) -> None:
        """Once it is connected: too many are let go at once."""
        peer = guest.wire.peer
        strangers = sum(one.esme is None and one.wire.peer == peer for one in self.guests)
        if len(self.guests) > MOST_GUESTS or strangers > MOST_STRANGERS:
            log.warning("A connection from %s is closed: there are too many.", peer)
            guest.wire.close()

    async def _watch(self) -> None:
        """Every two seconds: take up how its ESMEs are set now."""
        while not self.stopping.is_set():
            try:
                await self._take_up()
            except DatabaseError:
                log.exception("The ESMEs could not be read; they will be.")
            try:
                await asyncio.wait_for(self.stopping.wait(), WATCH_EVERY_S)
            except TimeoutError:
                continue

    async def _take_up(self) -> None:
        ids = sorted({one.esme.id for one in self.guests if one.esme})
        if not ids:
            return
        now = await self.database(lambda: esmes.in_use(ids))
        for guest in list(self.guests):
            if guest.esme is None or guest.esme.id not in ids:
                continue
            esme = now.get(guest.esme.id)
            if esme is None or esme.password != guest.esme.password:
                guest.leave("Its system_id was removed, or has another password.")
            elif not esmes.may_come_from(esme, guest.wire.peer or "0.0.0.0"):  # noqa: S104  # compared, not bound
                guest.leave("Its address is no longer in its networks.")
            else:
                guest.esme = esme

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(FINISH_WITHIN_S):
                await self.writer.finish()
                await asyncio.gather(*(one.wire.unbind() for one in list(self.guests)))
        except TimeoutError:
            log.warning("Not everybody could be unbound in time.")
        for one in list(self.guests):
            one.wire.close()
        for task in self._tasks:
            task.cancel()
        self.doorman.close()
        await self.database(lambda: connection.close())
        self._thread.shutdown()


def doors() -> list[Door]:
    """Those that are set."""
    found: list[Door] = [(settings.SMPP_PORT, None)] if settings.SMPP_PORT else []
    if settings.SMPP_TLS_PORT:
        found.append((settings.SMPP_TLS_PORT, tls(settings.SMPP_TLS_CERT, settings.SMPP_TLS_KEY)))
    return found


def tls(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key or None)
    return context
