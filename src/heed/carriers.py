"""From a connection to a ready provider, and the calls that a person waits for."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from heed.core import sandbox
from heed.core.models import Connection, Sender
from heed.providers.base import Provider
from heed.providers.sandbox import PHONES, Sandbox
from heed.rules import numbers
from heed.rules.values import InventoryNumber, Outgoing

Result = TypeVar("Result")
InDatabaseThread = Callable[[Callable[[], Result]], Awaitable[Result]]


def provider(link: Connection, in_database_thread: InDatabaseThread[str] | None = None) -> Provider:
    """The provider of ``link``. For hand-off it is given the caller's way to the database, off the event loop."""
    if link.kind != "sandbox":
        raise ValueError(f"unknown kind of connection: {link.kind}")
    if in_database_thread is None:
        return Sandbox()
    run = in_database_thread

    async def record(outgoing: Outgoing) -> str:
        return await run(lambda: sandbox.record(link.id, outgoing))

    async def failure_for(to: str) -> str:
        return await run(lambda: sandbox.failure_for(to))

    return Sandbox(record, failure_for)


def inventory(link: Connection, country: str = "", digits: str = "", limit: int = 50) -> list[InventoryNumber]:
    """Up to ``limit`` numbers that ``link`` sells and nobody here has, in order."""
    return list(itertools.islice(_unsold(link, country.strip().upper(), digits), limit))


def _unsold(link: Connection, country: str, digits: str) -> Iterator[InventoryNumber]:
    taken = set(Sender.objects.filter(closed_at=None, connection=link).values_list("key", flat=True))
    return (one for one in provider(link).inventory(country, digits) if one.phone_number not in taken)


def countries(link: Connection) -> Sequence[str]:
    """Where ``link`` sells numbers, as two letters each."""
    return provider(link).countries()


def sells(link: Connection, number: int) -> bool:
    """Whether ``number`` is in the inventory of ``link``."""
    address = numbers.show(number)
    return any(one.phone_number == address for one in provider(link).inventory())


def phones(link: Connection) -> range:
    """The simulated phones of a sandbox connection."""
    return PHONES if link.kind == "sandbox" else range(0)
