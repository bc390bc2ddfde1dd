"""Carriers that are called over HTTP: one call, what became of it, and which of the six errors an answer is.

A call that surely did not leave is Unreachable; one whose answer is missing is MaybeSent. Everything else is read from the
answer: the carrier's own code first, by the provider's table, then the status.
"""

from __future__ import annotations

import base64
import hmac
import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar  # JSON that we don't own
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from heed import clock
from heed.providers.base import (
    BadHook,
    BadSignature,
    HandOffError,
    HookRequest,
    MaybeSent,
    Misconfigured,
    Provider,
    Refused,
    Throttled,
    TooLate,
    Unreachable,
)
from heed.rules import addresses
from heed.rules.texts import clean

CONNECT_WITHIN_S = 5.0  # where nobody says before when; a hand-off has the rest of its second
ANSWERS_WITHIN_S = 30.0
# A carrier that closes an idle connection just as we use it leaves a message in doubt. Few close sooner than after 5 s.
KEPT_IDLE_S = 4.0
MOST_READ = 2**20  # bytes of an answer
LONGEST_WORDS = 300
SHORTEST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
_CHUNK = 2**16


@dataclass(frozen=True)
class Answer:
    """What a carrier answered. A body that is too long or no JSON is one that says nothing."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @cached_property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def object(self) -> dict[str, Any]:
        """The JSON object that the body is, or an empty one."""
        return self.json if isinstance(self.json, dict) else {}

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


PRIVATE = "Its address is private, and not in HEED_WEBHOOK_NETWORKS; ask who runs Heed to add this connection."
BLOCKED = "Its name leads to no address that may be reached."


class Resolver(AbstractResolver):
    """The addresses of a name that may be reached. The connection is made to one of these, so that a name asked again
    can't lead elsewhere."""

    def __init__(self, allows: Callable[[str], bool]) -> None:
        self._allows, self._all = allows, ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = [one for one in await self._all.resolve(host, port, family) if self._allows(one["host"])]
        if not found:
            raise OSError(BLOCKED)
        return found

    async def close(self) -> None:
        await self._all.close()


class HttpProvider(Provider):
    """``codes`` says what the carrier's own error codes mean, where the status alone does not."""

    codes: ClassVar[Mapping[str, type[HandOffError]]] = {}
    accepts_nothing_on: ClassVar[frozenset[int]] = frozenset()  # statuses of 500 and up that surely sent nothing

    def __init__(self, settings: Mapping[str, str] | None = None, hook_url: str = "") -> None:
        super().__init__(settings, hook_url)
        self._session: aiohttp.ClientSession | None = None

    @property
    def has_public_hook(self) -> bool:
        """Whether a carrier can call ``hook_url``: on a machine that one tries Heed on, it can't, and some refuse it."""
        return (urlsplit(self.hook_url).hostname or "localhost") not in ("localhost", "127.0.0.1", "::1")

    # For each provider to say

    def authentication(self) -> Mapping[str, str]:
        """The headers that say who we are."""
        return {}

    def secrets(self) -> Iterable[str]:
        """What no log and no page may have, even if the carrier repeats it."""
        return (self.settings[field.name] for field in self.fields if field.is_secret)

    def problem(self, answer: Answer) -> tuple[str, str]:
        """The carrier's code and words for what is wrong, "" where it gives none."""
        return "", ""

    def meaning(self, code: str) -> type[HandOffError] | None:
        """What the carrier's ``code`` means, where its status does not say."""
        return self.codes.get(code)

    # Calling

    async def call(
        self,
        method: str,
        url: str,
        *,
        before: float | None = None,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The carrier's answer, whatever its status. Raises Unreachable or MaybeSent where there is none."""
        left = CONNECT_WITHIN_S if before is None else before - clock.seconds()
        if left <= 0:
            raise TooLate
        host = _host(url)
        if addresses.is_literal(host) and not self._may_reach(host):
            raise Misconfigured(PRIVATE)
        sent: dict[str, Any] = {"params": query, "data": form if body is None else body, "json": json}
        try:
            async with self._open().request(
                method,
                url,
                headers={**self.authentication(), **(headers or {})},
                timeout=aiohttp.ClientTimeout(total=ANSWERS_WITHIN_S, connect=left),
                allow_redirects=False,  # the credentials are for this address alone
                **{name: value for name, value in sent.items() if value is not None},
            ) as response:
                return Answer(response.status, await _read(response), response.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(f"The carrier could not be reached: {_reason(error)}") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            # Its words have the address, and some carriers want a password in there.
            raise Misconfigured("The carrier's address can't be called.") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise MaybeSent(f"The carrier's answer is missing: {type(error).__name__}.") from error

    async def ask(self, method: str, url: str, **what: Any) -> dict[str, Any]:
        """The JSON object of a good answer. Raises what any other one means."""
        answer = await self.call(method, url, **what)
        if not answer.is_good:
            raise self.failure(answer)
        return answer.object

    def _may_reach(self, address: str) -> bool:
        return self.networks is None or addresses.may_reach(address, self.networks)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self.networks is None else Resolver(self._may_reach)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, keepalive_timeout=KEPT_IDLE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "Heed"},
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # Reading the answer

    def failure(self, answer: Answer) -> HandOffError:
        """The error that ``answer`` is; the carrier's code decides where ``codes`` knows it."""
        code, words = self.problem(answer)
        words = self._shown(words) or f"The carrier answered with status {answer.status}."
        match self.meaning(code) or self._by_status(answer):
            case kind if kind is Refused:
                return Refused(code or str(answer.status), words)
            case kind if kind is Throttled:
                return Throttled(_wait_s(answer), words)
            case kind:
                return kind(words)

    def _by_status(self, answer: Answer) -> type[HandOffError]:
        match answer.status:
            case 429:
                return Throttled
            case 503 if "Retry-After" in answer.headers:
                return Throttled
            case 401 | 403:
                return Misconfigured
            case status if status in self.accepts_nothing_on:
                return Unreachable
            case 408:
                return MaybeSent
            case status if 400 <= status < 500:
                return Refused
            case status if 300 <= status < 400:
                return Misconfigured  # we follow none: the address is not the carrier's
        return MaybeSent

    def _shown(self, words: str) -> str:
        """What the carrier said, short, and without our secrets if it repeats one."""
        for secret in filter(None, self.secrets()):
            words = words.replace(secret, "…")
        return clean(words).strip()[:LONGEST_WORDS]


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, or nothing if it is too long."""
    read = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        read += chunk
        if len(read) > MOST_READ:
            return b""
    return bytes(read)


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or str(error.os_error) or type(error.os_error).__name__
    return "it did not answer in time"


def _wait_s(answer: Answer) -> float:
    raw = answer.headers.get("Retry-After", "")
    asked = float(raw) if raw.isascii() and raw.isdigit() else SHORTEST_WAIT_S
    return min(max(asked, SHORTEST_WAIT_S), LONGEST_WAIT_S)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


# What most carriers have in common


def basic(user: str, password: str) -> str:
    """The Authorization header of ``user``, for our calls and to compare the carrier's with."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def same(given: str, ours: str) -> bool:
    """Whether ``given`` is ``ours``, in constant time. Nothing is like an empty secret."""
    return bool(ours) and hmac.compare_digest(given.encode(errors="replace"), ours.encode())


def moment(raw: Any) -> datetime | None:
    """A carrier's ISO 8601 time in UTC; None where it is none. One without a zone is in UTC."""
    try:
        time_ = datetime.fromisoformat(raw)
        return (time_ if time_.tzinfo else time_.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def is_http(url: str) -> bool:
    """Whether ``url`` may be an API's address; http:// is for what runs beside us."""
    return urlsplit(url).scheme in ("http", "https")


def fields_of(request: HookRequest) -> Mapping[str, Any]:
    """What a call of one level says, by GET, as a form or as JSON: with some carriers that is the customer's choice."""
    if request.method == "GET":
        return request.arguments
    if "json" not in request.headers.get("Content-Type", ""):
        return request.form
    if not isinstance(request.json, dict):
        raise BadHook("The body is not a JSON object.")
    return request.json


def refuse_old(signed_at: Any, within_s: float) -> None:
    """Raises BadSignature unless a call was signed less than ``within_s`` ago; clocks ahead are borne as much."""
    try:
        age_s = abs(time.time() - float(signed_at))
    except (TypeError, ValueError) as error:
        raise BadSignature from error
    if not age_s < within_s:  # so that "nan" is refused too
        raise BadSignature("The signature of this call is too old.")


def words_in(value: Any, *path: str | int) -> str:
    """What stands in ``value`` at ``path``, as text; "" where nothing does. Carriers leave out what they like."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return "" if value is None or isinstance(value, (dict, list)) else str(value)
