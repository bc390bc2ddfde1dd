"""Counting what becomes of messages, without a row where senders would wait for each other.

Who settles messages notes the differences of its batch in its own transaction, by quarters of an hour; the worker folds
them by the hours of the account's own clocks, so that its days begin where one of them does, in India too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple  # Rows of a cursor.
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from heed.core import database
from heed.core.models import Account, Purpose
from heed.rules import timing

_COLUMNS = ("account_id", "campaign_id", "sender_id", "hour", "outcome", "reason", "count")
LEFT_SENDER = "opted_out_sender"  # the reason opted_out where it was of one sender alone; opted_out is the account's
_NUMBER = re.compile(r"\+?\d{5,}")


class Of(NamedTuple):
    """Whose message it was. ``campaign_id`` is 0 without one."""

    account_id: int
    campaign_id: int
    sender_id: int


class Came(NamedTuple):
    """One message, and what it came to: a state, and the reason for it."""

    of: Of
    outcome: str
    reason: str = ""


def of(account_id: int | None, campaign_id: int | None, sender_id: int, purpose: str) -> Of | None:
    """Whose message this is, or None for an automatic answer, which nobody counts."""
    if account_id is None or purpose != Purpose.MESSAGE:
        return None
    return Of(account_id, campaign_id or 0, sender_id)


def note(came: Iterable[Came] | Mapping[Came, int], at: datetime) -> None:
    """Count ``came``, inside the transaction that settles the messages."""
    hour = database.to_column(timing.quarter_of(at))
    counted = Counter(came)
    rows = [
        (*of, hour, outcome, reason[:40], count) for (of, outcome, reason), count in sorted(counted.items()) if count
    ]
    if rows:
        database.insert("core_outcomedelta", _COLUMNS, rows)


def reason_of(code: str, words: str) -> str:
    """What a failure is counted under: the carrier's code, else its words without the numbers in them."""
    return code or _NUMBER.sub("…", words)


def fold(limit: int = 2000) -> int:
    """Add differences to the counts of their hours; how many. Two workers fold different ones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM core_outcomedelta LIMIT 1")
        if cursor.fetchone() is None:
            return 0
    return database.retried(lambda: _fold(limit))


def _fold(limit: int) -> int:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            # Materialized: a sub-select that PostgreSQL looks at again would lock and take more than the limit.
            f"""WITH oldest AS MATERIALIZED (
                SELECT id FROM core_outcomedelta ORDER BY id LIMIT %s {database.for_update("FOR UPDATE SKIP LOCKED")})
            DELETE FROM core_outcomedelta WHERE id IN (SELECT id FROM oldest)
            RETURNING {", ".join(_COLUMNS)}""",  # noqa: S608 (our own names)
            [limit],
        )
        rows = cursor.fetchall()
        zones = _zones({row[0] for row in rows})
        sums: Counter[tuple[Any, ...]] = Counter()
        for account_id, campaign_id, sender_id, quarter, outcome, reason, count in rows:
            sums[account_id, campaign_id, sender_id, _hour(quarter, zones[account_id]), outcome, reason] += count
        database.insert(
            "core_outcomecount",
            _COLUMNS,
            [(*key, count) for key, count in sorted(sums.items())],
            "ON CONFLICT (account_id, campaign_id, hour, sender_id, outcome, reason) "
            "DO UPDATE SET count = core_outcomecount.count + excluded.count",
        )
    return len(rows)


def _zones(account_ids: set[int]) -> dict[int, ZoneInfo]:
    found = Account.objects.filter(id__in=account_ids).values_list("id", "time_zone")
    return {id_: ZoneInfo(name) for id_, name in found}


def _hour(quarter: Any, zone: ZoneInfo) -> Any:
    at = database.from_column(quarter)
    return database.to_column(timing.hour_of(at, zone) if at else at)


def of_campaign(account_id: int, campaign_id: int) -> Counter[tuple[str, str]]:
    """How many messages of the campaign came to (outcome, reason), up to this moment."""
    found: Counter[tuple[str, str]] = Counter()
    with connection.cursor() as cursor:
        # One statement, so one snapshot: what is folded meanwhile is counted once.
        cursor.execute(
            """SELECT outcome, reason, SUM(count) FROM (
                SELECT outcome, reason, count FROM core_outcomecount WHERE account_id = %s AND campaign_id = %s
                UNION ALL
                SELECT outcome, reason, count FROM core_outcomedelta WHERE account_id = %s AND campaign_id = %s) counted
            GROUP BY outcome, reason""",
            [account_id, campaign_id, account_id, campaign_id],
        )
        for outcome, reason, count in cursor.fetchall():
            found[outcome, reason] = int(count)
    return found


def has_any(account_id: int, outcome: str) -> bool:
    """Whether any message of the account ever came to ``outcome``."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT 1 FROM core_outcomecount WHERE account_id = %s AND outcome = %s
            UNION ALL SELECT 1 FROM core_outcomedelta WHERE account_id = %s AND outcome = %s LIMIT 1""",
            [account_id, outcome, account_id, outcome],
        )
        return cursor.fetchone() is not None


@dataclass(frozen=True, slots=True)
class Hourly:
    hour: datetime
    campaign_id: int
    sender_id: int
    outcome: str
    reason: str
    count: int


def hourly(account_id: int, begin: datetime, end: datetime, campaign_id: int | None = None) -> list[Hourly]:
    """Counts from ``begin`` to before ``end``, by hour, with what is not folded yet."""
    which = "account_id = %s AND hour >= %s AND hour < %s" + ("" if campaign_id is None else " AND campaign_id = %s")
    values = [account_id, database.to_column(begin), database.to_column(end)]
    values += [] if campaign_id is None else [campaign_id]
    columns = "hour, campaign_id, sender_id, outcome, reason"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {columns}, SUM(count) FROM (
                SELECT {columns}, count FROM core_outcomecount WHERE {which} UNION ALL
                SELECT {columns}, count FROM core_outcomedelta WHERE {which}) counted
            GROUP BY {columns} ORDER BY hour""",  # noqa: S608 (our own names)
            [*values, *values],
        )
        return [Hourly(*(database.from_column(hour), *rest, int(count))) for hour, *rest, count in cursor.fetchall()]
