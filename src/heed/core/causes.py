"""Which message each opt-out answered, found out afterwards, so that no STOP waits for it.

The opt-outs of the last seconds are looked at again and again, and each is written once: ids commit out of order, so a
reader that only went on behind the last id would lose some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any  # Rows of a cursor.

from django.db import connection, transaction
from django.db.models import Max

from heed.core import database
from heed.core.models import Bookmark, Event, Source

SETTLED_AFTER = timedelta(seconds=20)  # no transaction of ours takes half as long
PAGE = 500
_BOOKMARK = "causes"
_PEOPLES = ", ".join(f"'{source.value}'" for source in Source if source.is_the_person)
_OUT = "('sent', 'delivered', 'undelivered', 'unconfirmed', 'sending')"


def attribute() -> int:
    """Write down the cause of each new opt-out; how many."""
    place = Bookmark.objects.filter(name=_BOOKMARK).values_list("value", flat=True).first() or 0
    settled = Event.objects.filter(id__gt=place, at__lt=database.now() - SETTLED_AFTER)
    safe = settled.aggregate(last=Max("id"))["last"]
    written, last = 0, place
    while rows := _opt_outs(last):
        last = rows[-1].event_id
        written += _write(rows)
    if safe:
        Bookmark.objects.update_or_create(name=_BOOKMARK, defaults={"value": safe})
    return written


@dataclass(frozen=True, slots=True)
class _OptOut:
    event_id: int
    entry_id: int
    account_id: int
    recipient: int
    source: str
    word: str
    through_id: int
    at: datetime


def _opt_outs(after: int) -> list[_OptOut]:
    """What people themselves asked for after this event, and has no cause yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT e.id, l.id, l.account_id, l.recipient, l.source, l.word, l.through_id, e.at
            FROM core_event e JOIN core_ledgerentry l ON l.id = e.entry_id
            LEFT JOIN core_optoutcause c ON c.entry_id = l.id
            WHERE e.id > %s AND e.kind = 'opt_out' AND l.source IN ({_PEOPLES}) AND c.entry_id IS NULL
            ORDER BY e.id LIMIT %s""",  # noqa: S608 (our own sources)
            [after, PAGE],
        )
        return [_OptOut(*(*row[:7], database.from_column(row[7]))) for row in cursor.fetchall()]


def _write(opt_outs: Sequence[_OptOut]) -> int:
    causes = []
    for one in opt_outs:
        message_id, campaign_id, sender_id, sent_at = _last_message(one.account_id, one.recipient, one.at)
        after_s = None if sent_at is None else max(0, int((one.at - sent_at).total_seconds()))
        causes.append(
            (
                one.entry_id, one.account_id, campaign_id or 0, sender_id or one.through_id, message_id,
                database.to_column(one.at), after_s, one.source, one.word,
            )
        )  # fmt: skip
    columns = "entry_id account_id campaign_id sender_id message_id at after_s source word".split()
    with transaction.atomic(durable=True):
        once = "ON CONFLICT (entry_id) DO NOTHING RETURNING entry_id"
        return len(database.insert("core_optoutcause", columns, causes, once))


def _last_message(account_id: int, recipient: int, before: datetime) -> tuple[Any, ...]:
    """The last message to ``recipient`` that may have been read before: its id, campaign, sender and time."""
    moment = database.to_column(before)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id, campaign_id, sender_id, COALESCE(claimed_at, created_at) FROM core_message
            WHERE account_id = %s AND recipient = %s AND purpose = 'message' AND state IN {_OUT}
            AND COALESCE(claimed_at, created_at) <= %s ORDER BY id DESC LIMIT 1""",  # noqa: S608 (our own states)
            [account_id, recipient, moment],
        )
        row = cursor.fetchone()
    return (None, None, None, None) if row is None else (*row[:3], database.from_column(row[3]))
