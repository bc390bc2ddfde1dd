"""How a test talks to a provider: hand a text off, ask it something, have it read a call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from heed import clock
from heed.providers.base import HandOffError, HookRequest, Provider
from heed.rules.values import Outgoing

Result = TypeVar("Result")

HOOK = "https://heed.example/hooks/kind/token/"
REFERENCE = "tid0123456789abcdef0123456789abcdef"
TEXT = Outgoing(REFERENCE, "+447700900001", "+447700900500", "Hëllo £5 & more")


def ask(provider: Provider, question: Callable[[Any], Awaitable[Result]]) -> Result:
    """What ``provider`` answers to ``question``; it is closed after."""

    async def asked() -> Result:
        try:
            return await question(provider)
        finally:
            await provider.close()

    return asyncio.run(asked())


def hand_off(provider: Provider, outgoing: Outgoing = TEXT, within_s: float = 5) -> Any:
    """What becomes of ``outgoing``: HandedOff, or the error as it would reach the dispatcher."""
    try:
        return ask(provider, lambda one: one.submit(outgoing, clock.seconds() + within_s))
    except HandOffError as error:
        return error


def outcome(result: Any) -> tuple[Any, ...]:
    """What matters of a result: an error's kind and what it carries, or the carrier's ids."""
    if not isinstance(result, HandOffError):
        return (result.provider_id, *result.part_ids)
    carried = [getattr(result, name) for name in ("code", "after_s") if hasattr(result, name)]
    return (type(result), *carried)


def called(
    body: bytes = b"", headers: Mapping[str, str] | None = None, *, url: str = HOOK, method: str = "POST"
) -> HookRequest:
    """A carrier's call to the hook."""
    return HookRequest(method, Headers(headers or {}), body, url, urlsplit(url).query)


class Headers(dict[str, str]):
    """Headers by their names in any case, as the hook gives them."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in given.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())
