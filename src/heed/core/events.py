"""Events: what happened, for a customer's program. Written in the transaction of what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heed.core import database


@dataclass(frozen=True, slots=True)
class Happened:
    account_id: int | None
    kind: str
    recipient: int | None = None
    message_id: int | None = None
    inbound_id: int | None = None
    entry_id: int | None = None


_COLUMNS = ("account_id", "kind", "at", "recipient", "message_id", "inbound_id", "entry_id")


def tell(happened: Sequence[Happened], at: datetime) -> None:
    """Write ``happened``, of accounts that anybody can be told of."""
    moment = database.to_column(at)
    rows = [
        (one.account_id, one.kind, moment, one.recipient, one.message_id, one.inbound_id, one.entry_id)
        for one in happened
        if one.account_id is not None
    ]
    if rows:
        database.insert("core_event", _COLUMNS, rows)
