"""What every carrier's adapter offers, the six ways a hand-off fails, and the manners of its hook."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any  # JSON that we don't own
from urllib.parse import parse_qsl

from heed.rules.addresses import Network
from heed.rules.values import (
    CarrierOptOut,
    HandedOff,
    Health,
    InboundText,
    InventoryNumber,
    Outgoing,
    Receipt,
    Setup,
)

Arrived = InboundText | Receipt
Receive = Callable[[Sequence[Arrived]], Awaitable[list[bool]]]

WINDOW = 100


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


class TooLate(Unreachable):
    """There was no time left, and the carrier was not asked: that is our slowness, and no failure of anybody's."""


class Postponed(Unreachable):
    """The carrier answered, and takes this message later; others it may take now."""


class MaybeSent(HandOffError):
    """The carrier's answer is missing; the message may have been sent."""


class Misconfigured(HandOffError):
    """The carrier refuses the credentials or the sender."""


class BadHook(Exception):
    """A hook that can't be read. ``status`` and ``words`` are the answer."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.words, self.status = words, status


class BadSignature(BadHook):
    """The signature of this call is not the carrier's."""

    def __init__(self, words: str = "") -> None:
        super().__init__(words or (self.__doc__ or ""), 403)


class NotOffered(Exception):
    """This carrier's API does not offer this."""


@dataclass(frozen=True)
class HookRequest:
    """One call of a carrier, as it came. ``url`` is the address that the carrier called, by our public URL, with ``query``.

    Many carriers sign the address, so it is built from what the operator set and not from a Host header.
    """

    method: str
    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    query: str = ""

    @cached_property
    def arguments(self) -> dict[str, str]:
        """What stands in the query; of a name that comes twice, the last."""
        return _pairs(self.query)

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of an urlencoded body. Raises BadHook if it is none."""
        try:
            return _pairs(self.body.decode())
        except UnicodeDecodeError as error:
            raise BadHook("The body is not a form in UTF-8.") from error

    @cached_property
    def json(self) -> Any:
        """What a JSON body says. Raises BadHook if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise BadHook("The body is not JSON.") from error


MOST_FIELDS = 500


def _pairs(raw: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise BadHook(f"There are more than {MOST_FIELDS} fields.") from error


@dataclass(frozen=True, slots=True)
class HookAnswer:
    status: int
    body: bytes = b""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a connection, as the console and the command line ask for it. A secret is kept encrypted."""

    name: str
    label: str
    is_secret: bool = False
    is_required: bool = True
    default: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()
    is_long: bool = False  # of several lines


class Provider:
    """One carrier, both directions. Everything but ``submit`` has a default that says "not offered".

    ``settings`` has a value for each of ``fields``; ``hook_url`` is where the carrier calls this connection.
    """

    kind = ""
    title = ""
    fields: tuple[Field, ...] = ()
    hook_methods: tuple[str, ...] = ("POST",)
    answers: frozenset[str] = frozenset()  # which of stop, start and help this carrier usually answers itself
    has_session = False  # whether ``run`` keeps one; then one dispatcher at a time has the connection
    networks: Sequence[Network] | None = None  # the private ones that it may reach; None: any, its operator set it up

    def __init__(self, settings: Mapping[str, str] | None = None, hook_url: str = "") -> None:
        self.settings = {field.name: field.default for field in self.fields} | dict(settings or {})
        self.hook_url = hook_url

    def check(self) -> None:
        """Raises Misconfigured if the settings can't be right. Asks nobody."""

    def parts(self, text: str) -> Sequence[str]:
        """The pieces that ``submit`` is given one by one; the whole text for a carrier that splits it itself."""
        return (text,)

    async def run(self, receive: Receive) -> None:
        """Keep the carrier's session until it is cancelled; ``submit`` uses it. The dispatcher starts it again after errors.

        ``receive`` commits what the carrier brought, and says of each item whether it was committed.
        """

    def window(self) -> int:
        """How many messages may be in flight."""
        return WINDOW

    def room(self) -> int:
        """How many more messages ``submit`` takes now; asked before each claim, so that nothing is claimed to wait."""
        return self.window()

    async def close(self) -> None:
        """Let go of what ``submit`` holds open."""

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        """Hand ``part`` off. Raises one of the six HandOffErrors.

        If the first byte has not left by ``before`` (heed.clock), raises Unreachable; TooLate where it was not even tried.
        """
        raise Misconfigured("This carrier takes no messages.")

    def verify(self, request: HookRequest) -> None:
        """Raises BadHook unless the call is the carrier's. Compares in constant time."""

    def parse(self, request: HookRequest) -> Sequence[Arrived | Setup]:
        raise BadHook("This carrier has no hook.", 404)

    def answer(self, request: HookRequest) -> HookAnswer:
        """The answer once everything is committed."""
        return HookAnswer(200, b"{}")

    # What a person waits for

    async def confirm(self, setup: Setup) -> None:
        """Say that the hook is ours."""
        raise NotOffered

    async def account(self) -> str:
        """What the carrier says of our account. Raises Misconfigured if it refuses our credentials."""
        raise NotOffered

    async def health(self) -> Health:
        """Whether the carrier takes our credentials, and what it says."""
        try:
            return Health(True, await self.account())
        except Misconfigured as error:
            return Health(False, error.words)

    def countries(self) -> Sequence[str]:
        """Where it sells numbers, as two letters each."""
        return ()

    async def inventory(self, country: str = "", digits: str = "", limit: int = 50) -> Sequence[InventoryNumber]:
        """Up to ``limit`` numbers for sale. The sandbox's takes no account of who has them."""
        raise NotOffered

    async def buy(self, phone_number: str) -> None:
        """Buy it, with its texts going to ``hook_url``."""
        raise NotOffered

    async def adopt(self, phone_number: str) -> None:
        """Have the texts to a number that is ours there already go to ``hook_url``."""
        raise NotOffered

    async def release(self, phone_number: str) -> None:
        """Give it back to the carrier."""
        raise NotOffered

    async def opt_outs(self) -> Sequence[CarrierOptOut]:
        """Whom the carrier keeps from our messages."""
        raise NotOffered

    async def push(self, opt_outs: Sequence[CarrierOptOut]) -> None:
        """Have the carrier keep these from our messages too."""
        raise NotOffered
