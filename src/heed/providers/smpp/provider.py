"""Any carrier that speaks SMPP 3.4: several binds at a time, one window over all of them, one pace."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property

from heed import clock
from heed.providers.base import Misconfigured, Provider, Receive, Refused, Throttled, TooLate, Unreachable
from heed.providers.smpp import outgoing, settings
from heed.providers.smpp.inbox import Inbox
from heed.providers.smpp.pace import Pace
from heed.providers.smpp.session import Rejected, Session
from heed.providers.smpp.settings import Habits
from heed.providers.smpp.texts import divided
from heed.rules.values import HandedOff, Outgoing

UNBIND_WITHIN_S = 6.0
LOOK_FOR_ROOM_S = 0.01


class Smpp(Provider):
    kind = "smpp"
    title = "SMPP"
    fields = settings.FIELDS
    hook_methods = ()
    has_session = True

    def __init__(self, values: Mapping[str, str] | None = None, hook_url: str = "") -> None:
        super().__init__(values, hook_url)
        self._sessions: list[Session] = []

    def check(self) -> None:
        settings.read(self.settings)

    @cached_property
    def _habits(self) -> Habits:
        return settings.read(self.settings)

    @cached_property
    def _pace(self) -> Pace:
        return Pace(self._habits.rate)

    def parts(self, text: str) -> Sequence[str]:
        return divided(text, self._habits.headers)

    def window(self) -> int:
        return self._habits.address.window * sum(role != "receiver" for role in self._habits.roles)

    def room(self) -> int:
        return max(0, min(sum(one.room for one in self._sessions), self._pace.room()))

    async def run(self, receive: Receive) -> None:
        """Keep all binds; unbind when cancelled. Raises Misconfigured when the carrier refuses the credentials."""
        stopping, inbox = asyncio.Event(), Inbox(self._habits)
        self._sessions = [
            Session(self._name(number, role), role, self._habits.address, inbox.put)
            for number, role in enumerate(self._habits.roles, 1)
        ]
        kept = [asyncio.create_task(one.run(stopping)) for one in self._sessions]
        taking = asyncio.create_task(inbox.take_in(receive))
        try:
            ended, _ = await asyncio.wait(kept, return_when=asyncio.FIRST_EXCEPTION)
            for one in ended:
                one.result()
        except Rejected as error:
            raise Misconfigured(str(error)) from None
        finally:
            stopping.set()
            await asyncio.wait(kept, timeout=UNBIND_WITHIN_S)
            for task in (*kept, taking):
                task.cancel()
            await asyncio.gather(*kept, taking, return_exceptions=True)

    def _name(self, number: int, role: str) -> str:
        address = self._habits.address
        return f"SMPP {address.system_id} at {address.host}:{address.port}, {role} {number}"

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        body = outgoing.submit_sm(part, self._habits)
        session = await self._with_room(before)
        self._pace.take()
        try:
            return outgoing.handed_off(await session.submit(body, before), self._habits)
        except ValueError:  # before anything was written
            raise Refused("unfit", "SMPP has no room for this sender or recipient.") from None
        except Throttled:
            self._pace.slow_down()
            raise

    async def _with_room(self, before: float) -> Session:
        """The bind with most room: there is one, but for a bind that was just lost. Raises TooLate or Unreachable."""
        while clock.seconds() < before:
            found = max(self._sessions, key=lambda one: one.room, default=None)
            if found is None or not any(one.is_bound for one in self._sessions):
                raise Unreachable(f"The carrier is {found.words if found else 'not bound yet'}.")
            if found.room:
                return found
            await asyncio.sleep(LOOK_FOR_ROOM_S)
        raise TooLate
