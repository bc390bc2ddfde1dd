"""The simulated carrier: sells fictional numbers, delivers to the handset page, fails when it is told to.

+44 7700 900000–900499 are for sale, +44 7700 900500–900999 are people's phones.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any  # JSON that we don't own

from heed import clock
from heed.providers.base import (
    Arrived,
    BadHook,
    HandOffError,
    HookRequest,
    MaybeSent,
    Misconfigured,
    Provider,
    RecipientOptedOut,
    Refused,
    Throttled,
    TooLate,
    Unreachable,
)
from heed.rules.values import HandedOff, InboundText, InventoryNumber, Outgoing, Receipt

FOR_SALE = range(447700900000, 447700900500)
PHONES = range(447700900500, 447700901000)
FAILURES: dict[str, HandOffError] = {
    "refused": Refused("30003", "The sandbox was told to refuse."),
    "opted_out": RecipientOptedOut("The sandbox was told that the recipient opted out."),
    "throttled": Throttled(1, "The sandbox was told to throttle."),
    "unreachable": Unreachable("The sandbox was told to be unreachable."),
    "maybe_sent": MaybeSent("The sandbox was told to lose its answer."),
    "misconfigured": Misconfigured("The sandbox was told to refuse the credentials."),
}

Record = Callable[[Outgoing], Awaitable[str]]
FailureFor = Callable[[str], Awaitable[str]]


class Sandbox(Provider):
    """``record`` keeps what a phone got and returns its id; ``failure_for`` says how the next one to a phone fails."""

    kind = "sandbox"
    title = "Sandbox"

    def __init__(self, record: Record | None = None, failure_for: FailureFor | None = None) -> None:
        super().__init__()
        self._record, self._failure_for = record, failure_for

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        if self._record is None or self._failure_for is None:
            raise Misconfigured("This sandbox has no phones.")
        failure = await self._failure_for(part.to)
        if clock.seconds() >= before:
            raise TooLate
        if failure and failure != "maybe_sent":
            raise FAILURES[failure]
        provider_id = await self._record(part)
        if failure:  # It did arrive; only the answer is lost.
            raise FAILURES[failure]
        return HandedOff(provider_id)

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        """Texts ``{"id", "from", "to", "text"}`` or receipts ``{"receipt", "state"}``, or a list of them.

        ``at`` (ISO 8601) may give the carrier's time of a text; a receipt has the id that the sandbox gave, and may
        have a ``reference`` and a ``code``.
        """
        items = request.json if isinstance(request.json, list) else [request.json]
        return [_receipt(item) if isinstance(item, dict) and "receipt" in item else _text(item) for item in items]

    def countries(self) -> Sequence[str]:
        return ("GB",)

    async def inventory(self, country: str = "", digits: str = "", limit: int = 50) -> Sequence[InventoryNumber]:
        if country not in ("", "GB"):
            return ()
        wanted = "".join(char for char in digits if char.isdigit()).lstrip("0")
        return [InventoryNumber(f"+{number}", "GB") for number in FOR_SALE if wanted in str(number)]


def _text(item: Any) -> InboundText:
    if not isinstance(item, dict):
        raise BadHook('Each message is an object with "id", "from", "to" and "text".')
    for name in ("from", "to", "text"):
        if not isinstance(item.get(name), str):
            raise BadHook(f'"{name}" must be a string.')
    return InboundText(str(item.get("id") or ""), item["from"], item["to"], item["text"], _time(item.get("at")))


def _receipt(item: dict[str, Any]) -> Receipt:
    if item.get("state") not in ("sent", "delivered", "undelivered"):
        raise BadHook('"state" must be sent, delivered or undelivered.')
    return Receipt(str(item["receipt"]), str(item.get("reference") or ""), item["state"], str(item.get("code") or ""))


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        time_ = datetime.fromisoformat(value)
        return (time_ if time_.tzinfo else time_.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadHook('"at" must be a time as in 2026-01-31T12:00:00Z.') from error
