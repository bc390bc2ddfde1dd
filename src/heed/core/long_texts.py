"""Long texts that a carrier brings part by part: joined by who wrote, to whom, and the reference that the phone gave.

A part that never comes holds nothing up for long: what has arrived is read when the rest is overdue.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from heed.core import database
from heed.core.models import Connection, LongText
from heed.rules.values import InboundText

OVERDUE = timedelta(minutes=5)
KEPT = timedelta(hours=1)  # how long a part that comes again is known; phones use a reference again after 256 texts

Key = tuple[int, str, str, int, int]
Placed = tuple[int | None, Connection, InboundText]  # a text, and the place in the batch that it answers for


def join(batch: Sequence[tuple[Connection, InboundText]], now: datetime) -> list[Placed]:
    """The texts to read now: whole ones as they are, long ones once their last part is in ``batch``, and what had come
    of a text whose reference another one now uses. Inside the caller's transaction.
    """
    rows = {key: _locked(key, now) for key in sorted({_key(*item) for item in batch if item[1].part})}
    found: list[Placed] = []
    for at, (link, text) in enumerate(batch):
        if text.part is None:
            found.append((at, link, text))
            continue
        row = rows[_key(link, text)]
        if _is_known(row, text, now):
            continue
        if row.read_at is None and str(text.part.number) in json.loads(row.texts):
            found.append((None, link, _joined(row)))
            row.read_at = now
        _add(row, text, now)
        if row.read_at is not None:
            found.append((at, link, _joined(row)))
    for row in rows.values():
        row.save()
    return found


def overdue(limit: int, now: datetime) -> list[tuple[Connection, InboundText]]:
    """What has arrived of texts that miss a part for too long, marked as read. Inside the caller's transaction."""
    waiting = LongText.objects.select_for_update(of=("self",), skip_locked=True).select_related("connection")
    rows = list(waiting.filter(read_at=None, last_at__lt=now - OVERDUE).order_by("last_at", "id")[:limit])
    LongText.objects.filter(id__in=[row.id for row in rows]).update(read_at=now)
    return [(row.connection, _joined(row)) for row in rows]


def _key(link: Connection, text: InboundText) -> Key:
    assert text.part is not None  # noqa: S101  # the callers have looked
    return link.id, text.sender, text.to, text.part.reference, text.part.total


def _locked(key: Key, now: datetime) -> LongText:
    """The row of ``key``, made if there is none. Of two processes with a part each, the later one sees both."""
    names = ("connection_id", "from_address", "to_address", "reference", "total")
    more = {"texts": "{}", "carrier_read": "", "last_at": database.to_column(now)}
    database.insert(LongText._meta.db_table, (*names, *more), [(*key, *more.values())], "ON CONFLICT DO NOTHING")
    return LongText.objects.select_for_update().get(**dict(zip(names, key, strict=True)))


def _is_known(row: LongText, text: InboundText, now: datetime) -> bool:
    """Whether the carrier has brought this part before: it does when our answer got lost."""
    assert text.part is not None  # noqa: S101
    return json.loads(row.texts).get(str(text.part.number)) == text.text and now - row.last_at < KEPT


def _add(row: LongText, text: InboundText, now: datetime) -> None:
    """Keep this part; with the last one the text is read. A row whose text was read begins anew."""
    assert text.part is not None  # noqa: S101
    if row.read_at is not None:
        row.texts, row.read_at, row.carrier_at, row.carrier_read = "{}", None, None, ""
    texts = json.loads(row.texts) | {str(text.part.number): text.text}
    row.texts, row.last_at = json.dumps(texts), now
    row.carrier_at = row.carrier_at or text.carrier_at
    row.carrier_read = row.carrier_read or text.carrier_read
    if len(texts) == row.total:
        row.read_at = now


def _joined(row: LongText) -> InboundText:
    texts = json.loads(row.texts)
    units = "".join(texts[number] for number in sorted(texts, key=int)).encode("utf-16-be", "surrogatepass")
    whole = units.decode("utf-16-be", "replace")  # halves of a character meet here
    return InboundText("", row.from_address, row.to_address, whole, row.carrier_at, row.carrier_read)
