"""Who may bind: a password is checked off the loop, and guessing one is slow, then impossible for a quarter of an hour.

An SMPP password has eight characters, so guesses are what must be few. The answer is the same, and takes as long,
whether the system_id, the password or the address is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections, connection

from heed.core import esmes
from heed.core.models import Esme
from heed.providers.smpp.pdu import Bind
from heed.providers.smpp.status import Status

log = logging.getLogger(__name__)

AFTER_A_FAILURE_S = 1.0
COUNTS_FOR_S = 900.0
MOST_OF_ADDRESS, MOST_OF_SYSTEM_ID = 10, 100  # failures in that time; each costs its address a second
MOST_WAITING = 50  # checks; one takes a tenth of a second and a hundred megabytes
MOST_KEPT = 10_000  # addresses and system_ids


class Refused(Exception):
    """Not let in; ``status`` is all that the other side is told."""

    def __init__(self, words: str, status: Status = Status.INVALID_PASSWORD) -> None:
        super().__init__(words)
        self.status = status


class Failures:
    """How often each of many names has failed of late; the oldest are forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[str, tuple[int, float]] = OrderedDict()  # the count, and since when

    def is_locked(self, name: str) -> bool:
        count, since = self._found.get(name, (0, 0.0))
        return count >= self._most and time.monotonic() - since < COUNTS_FOR_S

    def note(self, name: str) -> None:
        now = time.monotonic()
        count, since = self._found.pop(name, (0, now))
        self._found[name] = (count + 1, since) if now - since < COUNTS_FOR_S else (1, now)
        if len(self._found) > MOST_KEPT:
            self._found.popitem(last=False)


class Doorman:
    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "smpp-passwords")
        self._waiting = 0
        self.forget()

    def forget(self) -> None:
        """Begin anew: nobody has failed, and nobody has bound before."""
        self._of_address, self._of_system_id = Failures(MOST_OF_ADDRESS), Failures(MOST_OF_SYSTEM_ID)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()  # who has bound from where

    async def admit(self, bind: Bind, peer: str) -> Esme:
        """The ESME that ``bind`` is of. Raises Refused, after a while."""
        try:
            self._refuse_locked(bind.system_id, peer)
            esme = await self._checked(bind, peer)
        except Refused:
            await asyncio.sleep(AFTER_A_FAILURE_S)
            raise
        self._known[bind.system_id, peer] = None
        if len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return esme

    def close(self) -> None:
        self._thread.submit(lambda: connection.close())  # that thread's own
        self._thread.shutdown()

    def _refuse_locked(self, system_id: str, peer: str) -> None:
        """Whoever has bound from where it comes is not locked out by what others guess."""
        is_known = (system_id, peer) in self._known
        if self._of_address.is_locked(peer) or (self._of_system_id.is_locked(system_id) and not is_known):
            raise Refused("too many failures; it may try again in a quarter of an hour", Status.BIND_FAILED)
        if self._waiting >= MOST_WAITING:
            raise Refused("too many binds at once", Status.BIND_FAILED)

    async def _checked(self, bind: Bind, peer: str) -> Esme:
        self._waiting += 1
        try:
            esme, is_right = await asyncio.get_running_loop().run_in_executor(self._thread, _look, bind)
        finally:
            self._waiting -= 1
        if esme is None or not is_right:
            self._of_address.note(peer)
            self._of_system_id.note(bind.system_id)
            raise Refused("the password is wrong" if esme else "there is no such system_id")
        if not esmes.may_come_from(esme, peer):
            self._of_address.note(peer)
            raise Refused("its address is not in its networks")
        return esme


def _look(bind: Bind) -> tuple[Esme | None, bool]:
    close_old_connections()
    esme = esmes.find(bind.system_id)
    return esme, esmes.is_password_of(esme, bind.password)
