"""What a carrier brings over its binds: taken in in groups, each answered once its group is committed, and not before."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from heed.providers.base import Arrived, Receive
from heed.providers.smpp import receipts
from heed.providers.smpp.pdu import DataSm, DeliverSm, Pdu, Tag, id_of, response_to
from heed.providers.smpp.session import refuse
from heed.providers.smpp.settings import Habits
from heed.providers.smpp.status import Status
from heed.providers.smpp.texts import decode, part_of
from heed.providers.smpp.wire import Wire
from heed.rules.values import InboundText, Receipt

log = logging.getLogger(__name__)

MOST_TOGETHER = 200  # in one commit; SQLite's write lock is held for some milliseconds
INTERNATIONAL = 1  # type of number (5.2.5)


class Inbox:
    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._waiting: list[tuple[Wire, Pdu]] = []
        self._has_some = asyncio.Event()

    def put(self, wire: Wire, unit: Pdu) -> None:
        """A request of the carrier. Only texts and receipts are for us."""
        if not isinstance(unit.body, DeliverSm | DataSm):
            return refuse(wire, unit, Status.INVALID_COMMAND_ID)
        self._waiting.append((wire, unit))
        self._has_some.set()

    async def take_in(self, receive: Receive) -> None:
        """Until it is cancelled: while one group commits, the next one gathers."""
        while True:
            await self._has_some.wait()
            group, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            if not self._waiting:
                self._has_some.clear()
            await self._together(receive, group)

    async def _together(self, receive: Receive, group: list[tuple[Wire, Pdu]]) -> None:
        """Commit ``group`` and answer each. What is neither text nor receipt is only answered."""
        items = [read(unit.body, self._habits) for _, unit in group]  # type: ignore[arg-type]  # ``put`` has looked
        committed = iter(await _committed(receive, [item for item in items if item is not None]))
        for (wire, unit), item in zip(group, items, strict=True):
            if item is None or next(committed):
                wire.answer(unit, response_to(id_of(unit.body)))  # type: ignore[arg-type]  # both have one
            else:
                refuse(wire, unit, Status.TEMPORARY_APPLICATION_ERROR)


async def _committed(receive: Receive, items: list[Arrived]) -> list[bool]:
    if not items:
        return []
    try:
        return await receive(items)
    except Exception:  # The carrier keeps what is not committed, and brings it again.
        log.exception("%s texts and receipts could not be taken in; the carrier is asked to try again.", len(items))
        return [False] * len(items)


def read(body: DeliverSm | DataSm, habits: Habits) -> Arrived | None:
    """A text or a receipt. What calls itself a receipt and names no message is a text, for it may be a STOP."""
    if receipts.is_receipt(body):
        receipt = receipts.read(body, habits.ids)
        if receipt is not None:
            return _with_opt_out(receipt, habits)
        if not body.octets:
            log.warning("A receipt that names no message is dropped.")
            return None
    part, octets, fill = part_of(body.esm_class, body.octets, body.tlvs)
    id_ = (body.tlv(Tag.RECEIPTED_MESSAGE_ID) or b"").split(b"\0")[0].decode("latin-1")
    return InboundText(
        f"{id_}/{part.number}" if id_ and part else id_,
        _address(body.source_ton, body.source),
        _address(body.destination_ton, body.destination),
        decode(octets, body.data_coding, habits.alphabet, fill),
        part=part,
    )


def _with_opt_out(receipt: Receipt, habits: Habits) -> Receipt:
    if not receipt.code or receipt.code.lower() not in habits.opted_out:
        return receipt
    return replace(receipt, state="undelivered", opted_out=True)


def _address(ton: int, address: str) -> str:
    return f"+{address}" if ton == INTERNATIONAL and address.isdigit() else address
