"""One call to a customer's webhook: signed, to a public address, without redirects, and with an end to all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from django.utils import timezone

from heed.core.deliveries import Call, Result
from heed.core.models import EndpointStyle
from heed.core.webhooks import PROBLEMS
from heed.providers.http import BLOCKED, Resolver
from heed.rules import addresses, signatures
from heed.rules.addresses import Network

TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
MOST_READ = 8192  # bytes of an answer
LONGEST_WAIT_S = 3600  # as far as an endpoint may put us off
NOT_PRIVATE = "Its address is not in HEED_WEBHOOK_NETWORKS, so it needs https://."


class Phone:
    """What calls are made with. ``networks`` are private ones that may be reached, without TLS too."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = tuple(networks)
        self._secure = _session(self._may_reach)
        self._plain = _session(self._is_private)

    async def __aenter__(self) -> Phone:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._secure.close()
        await self._plain.close()

    def _may_reach(self, address: str) -> bool:
        return addresses.may_reach(address, self.networks)

    def _is_private(self, address: str) -> bool:
        return addresses.is_private(address, self.networks)

    async def call(self, call: Call) -> Result:
        """Make ``call``. Whatever goes wrong is a result."""
        at, began = timezone.now(), time.monotonic()
        status, response, problem, wait_s = None, "", call.problem or self._problem(call.url), 0.0
        if not problem:
            try:
                status, response, wait_s = await self._post(call)
            except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
                problem = _words(error)
        return Result(call, at, int((time.monotonic() - began) * 1000), status, response, problem, wait_s)

    def _problem(self, url: str) -> str:
        """What forbids to call ``url``; an address that is no name never comes to the resolver."""
        if code := addresses.problem_of(url, self.networks):
            return PROBLEMS[code]
        parts = urlsplit(url)
        is_plain = parts.scheme == "http" and addresses.is_literal(parts.hostname or "")
        return NOT_PRIVATE if is_plain and not self._is_private(parts.hostname or "") else ""

    async def _post(self, call: Call) -> tuple[int, str, float]:
        session = self._plain if call.url.startswith("http:") else self._secure
        body = call.body.encode()
        async with session.post(call.url, data=body, headers=headers(call, body), allow_redirects=False) as answer:
            read = b""
            while len(read) < MOST_READ and (chunk := await answer.content.read(MOST_READ - len(read))):
                read += chunk
            return answer.status, read.decode(errors="replace"), _wait_s(answer.headers.get("Retry-After", ""))


def headers(call: Call, body: bytes) -> dict[str, str]:
    """What goes with a call, its signature above all."""
    if call.style == EndpointStyle.CALLBACK:
        fields = dict(parse_qsl(call.body, keep_blank_values=True))
        return {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "I-Twilio-Idempotency-Token": call.event_id,
            "X-Twilio-Signature": signatures.twilio(call.secrets[0], call.url, fields),
        }
    signed = signatures.standard(call.secrets, call.event_id, int(time.time()), body)
    return {"Content-Type": "application/cloudevents+json; charset=UTF-8", **signed}


def _session(allows: Callable[[str], bool]) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=Resolver(allows), use_dns_cache=False, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Heed"},
        timeout=TIMEOUT,
        auto_decompress=False,
        trust_env=False,
    )


def _wait_s(raw: str) -> float:
    return min(float(raw), LONGEST_WAIT_S) if raw.isascii() and raw.isdigit() else 0.0


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    if isinstance(error, aiohttp.ClientConnectorError):
        if error.os_error.args[:1] == (BLOCKED,):
            return BLOCKED
        return f"It could not be reached: {error.os_error.strerror or error.os_error}"
    return f"It could not be reached: {error or type(error).__name__}"
