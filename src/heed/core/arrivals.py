"""What a carrier's session brings: texts and receipts, each committed before the carrier is told so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import DatabaseError, connection

from heed.core import connections, inbound, receipts
from heed.core.models import Connection
from heed.rules.values import InboundText, Receipt

log = logging.getLogger(__name__)
Item = TypeVar("Item")


def take_in(link: Connection, batch: Sequence[InboundText | Receipt]) -> list[bool]:
    """Store ``batch`` and act on it; whether each item is committed. Texts first: no STOP waits for receipts."""
    texts = [item for item in batch if isinstance(item, InboundText)]
    later = [item for item in batch if isinstance(item, Receipt)]
    has_texts = _committed(inbound.receive, link, texts)
    has_receipts = _committed(receipts.apply, link, later)
    connections.called(link)
    return [has_texts if isinstance(item, InboundText) else has_receipts for item in batch]


def _committed(verb: Callable[[Connection, Sequence[Item]], object], link: Connection, items: Sequence[Item]) -> bool:
    if not items:
        return True
    try:
        verb(link, items)
    except DatabaseError:
        log.exception("What a carrier brought could not be stored; it is asked to try again.")
        connection.close()  # it may be what failed
        return False
    return True
