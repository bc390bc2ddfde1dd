"""What every carrier's adapter offers, the six ways a hand-off fails, and the manners of its hook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heed.rules.values import HandedOff, InboundText, InventoryNumber, Outgoing, Receipt


class HandOffError(Exception):
    """The carrier did not accept the message."""

    def __init__(self, words: str = "") -> None:
        super().__init__(words or (self.__doc__ or ""))
        self.words = words or (self.__doc__ or "")


class Refused(HandOffError):
    """The carrier will never take this message."""

    def __init__(self, code: str = "", words: str = "") -> None:
        super().__init__(words)
        self.code = code


class RecipientOptedOut(HandOffError):
    """The carrier says that the recipient has opted out."""


class Throttled(HandOffError):
    """Too fast; try again after ``after_s`` seconds."""

    def __init__(self, after_s: float = 1, words: str = "") -> None:
        super().__init__(words)
        self.after_s = after_s


class Unreachable(HandOffError):
    """The carrier could not be reached; surely not sent."""


class MaybeSent(HandOffError):
    """The carrier's answer is missing; the message may have been sent."""


class Misconfigured(HandOffError):
    """The carrier refuses the credentials or the sender."""


class BadHook(Exception):
    """A hook that can't be read. ``status`` and ``words`` are the answer."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.words, self.status = words, status


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One call of a carrier, as it came."""

    method: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HookAnswer:
    status: int
    body: bytes = b""
    content_type: str = "application/json"


class Provider:
    """One carrier, both directions. Everything but ``submit`` has a default that says "not offered"."""

    kind = ""

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        """Hand ``part`` off. Raises one of the six HandOffErrors.

        If the first byte has not left by ``before`` (time.monotonic()), raises Unreachable.
        """
        raise Misconfigured("This carrier takes no messages.")

    def verify(self, request: HookRequest) -> None:
        """Raises BadHook unless the call is the carrier's. Compares in constant time."""

    def parse(self, request: HookRequest) -> Sequence[InboundText | Receipt]:
        raise BadHook("This carrier has no hook.", 404)

    def answer(self, request: HookRequest) -> HookAnswer:
        """The answer once everything is committed."""
        return HookAnswer(200, b"{}")

    def countries(self) -> Sequence[str]:
        """Where it sells numbers, as two letters each."""
        return ()

    def inventory(self, country: str = "", digits: str = "") -> Sequence[InventoryNumber]:
        """Numbers for sale. Takes no account of who has them."""
        return ()
