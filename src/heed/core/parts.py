"""Parts of long texts that ESMEs submit one by one: each is on disk before it is answered, and the last makes the message.

An ESME may wait for the answer to one part before it submits the next, so nobody can wait for all of them.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from heed.core import database, events, outcomes, senders
from heed.core.events import Happened
from heed.core.models import Callback, CallbackKinds, Esme, Message, Purpose, SubmittedPart
from heed.core.outcomes import Came
from heed.rules import numbers, segments
from heed.rules.states import MessageState
from heed.rules.texts import clean

log = logging.getLogger(__name__)

WAIT_FOR_THE_REST = timedelta(minutes=10)
INCOMPLETE = "incomplete"
HALF = "\x1b"  # the first half of a character of GSM 03.38's extension, at the end of a part
_EXTENDED = dict(zip("e()/<=>¡Λ\n", "€{}\\[~]|^\f", strict=True))  # by the second half, read for itself
KEPT_FOR = timedelta(days=7)  # after it was joined, for its receipts


class Key(NamedTuple):
    """What the parts of one text have in common."""

    esme_id: int
    source: str
    recipient: int
    reference: int
    total: int


@dataclass(slots=True)
class Piece:
    """One part: its row, 0 before it has one, and the message that it went into."""

    number: int
    text: str
    receipts: str
    row_id: int = 0
    message_id: int | None = None
    is_refused: bool = False  # in the answer to it, so that no receipt is due


def joined(pieces: Iterable[Piece]) -> str:
    """A character may be split between two parts: its halves come together here."""
    whole = "".join(one.text for one in pieces)
    whole = whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return re.sub(f"{HALF}(.?)", lambda found: _EXTENDED.get(found[1]) or found[1] or " ", whole, flags=re.DOTALL)


def wanted(pieces: Iterable[Piece]) -> str:
    """What is to be told of a message: as much as any part asks for."""
    kinds = {one.receipts for one in pieces}
    return next((kind for kind in (CallbackKinds.FINAL, CallbackKinds.FAILURES) if kind in kinds), "")


def waiting(keys: Collection[Key]) -> dict[Key, dict[int, Piece]]:
    """The parts that wait for others of their text, by number. Inside the caller's transaction.

    Two binds may each bring a half: one waits for the other.
    """
    found: dict[Key, dict[int, Piece]] = defaultdict(dict)
    if keys:
        _lock({key.esme_id for key in keys})
        for row in SubmittedPart.objects.filter(
            esme_id__in={key.esme_id for key in keys}, recipient__in={key.recipient for key in keys}, message_id=None
        ):
            found[_key(row)][row.number] = Piece(row.number, json.loads(row.text), row.receipts, row.id)
    return found


def _lock(esme_ids: Collection[int]) -> None:
    list(Esme.objects.select_for_update().filter(id__in=esme_ids).order_by("id").values_list("id"))


def _key(row: SubmittedPart) -> Key:
    return Key(row.esme_id, row.source, row.recipient, row.reference, row.total)


def add(texts: dict[Key, dict[int, Piece]], key: Key, piece: Piece) -> list[Piece]:
    """Put ``piece`` to the others of its text, in the place of one that came again; all of them if that was the last."""
    others = texts[key]
    others[piece.number] = piece
    if len(others) < key.total:
        return []
    texts[key] = {}
    return [others[number] for number in sorted(others)]


def join(pieces: Iterable[Piece], message_id: int, *, is_refused: bool) -> None:
    """Note into which message ``pieces`` went. Those answered before keep their receipts, whatever the last is answered."""
    for one in pieces:
        one.message_id, one.is_refused = message_id, is_refused and not one.row_id
    before = [one.row_id for one in pieces if one.row_id]
    if before:
        SubmittedPart.objects.filter(id__in=before).update(message_id=message_id, text="")


def store(new: Sequence[tuple[Key, Piece]], now: datetime) -> None:
    """Write the rows of ``new`` pieces, once they were joined. One that came again takes the other's place."""
    names = "esme_id source recipient reference total number text receipts message_id received_at".split()
    for key, piece in new:
        SubmittedPart.objects.filter(**key._asdict(), number=piece.number, message_id=None).delete()
        text, receipts = json.dumps(piece.text), "" if piece.is_refused else piece.receipts
        row = (*key, piece.number, text, receipts, piece.message_id, database.to_column(now))
        piece.row_id = database.insert("core_submittedpart", names, [row], "RETURNING id")[0][0]


# The worker's duty


def give_up(limit: int = 100) -> int:
    """Make a failed message of what has waited too long for its rest, and forget old rows; how many texts."""
    now = database.now()
    late = SubmittedPart.objects.filter(message_id=None, received_at__lte=now - WAIT_FOR_THE_REST).order_by("id")
    found: dict[Key, list[SubmittedPart]] = defaultdict(list)
    for row in late.select_related("esme")[:limit]:
        found[_key(row)].append(row)
    for key in found:
        with transaction.atomic(durable=True):
            _fail(key, now)
    SubmittedPart.objects.filter(received_at__lt=now - KEPT_FOR).delete()
    return len(found)


def _fail(key: Key, now: datetime) -> None:
    _lock([key.esme_id])
    mine = SubmittedPart.objects.filter(**key._asdict(), message_id=None)
    rows = list(mine.select_related("esme__account").order_by("number"))
    if not rows or any(row.received_at > now - WAIT_FOR_THE_REST for row in rows):
        return
    esme = rows[0].esme
    log.warning("ESME %s: A text of %s parts came with %s alone, and is given up.", esme, key.total, len(rows))
    sender = senders.find(esme.account, key.source, released=True)
    if sender is None:
        mine.delete()
        return
    text = clean(joined(Piece(row.number, json.loads(row.text), "") for row in rows))
    message = Message.objects.create(
        account=esme.account,
        sender=sender,
        pool_id=sender.pool_id,
        connection=sender.connection,
        recipient=key.recipient,
        address=numbers.show(key.recipient),
        text=text,
        parts=segments.parts(text),
        state=MessageState.FAILED,
        code=INCOMPLETE,
        words=f"{len(rows)} of its {key.total} parts came.",
        door="smpp",
        actor=f"esme {esme.system_id}",
        created_at=rows[0].received_at,
        settled_at=now,
    )
    mine.update(message_id=message.id)
    if any(row.receipts for row in rows):
        Callback.objects.create(message_id=message.id, endpoint_id=esme.endpoint_id, url="", kinds=CallbackKinds.FINAL)
    events.tell([Happened(esme.account_id, "failed", key.recipient, message.id)], now)
    if whose := outcomes.of(esme.account_id, None, sender.id, Purpose.MESSAGE):
        outcomes.note([Came(whose, MessageState.FAILED, INCOMPLETE)], now)
