"""Events: what happened, for a customer's program. Written in the transaction of what they tell, with what is to be told.

Whoever wants an event gets a to-do row with it: nobody follows ids, which commit out of order. Without an endpoint there
is no row, and PostgreSQL learns of that in the statement that writes the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any  # Rows of a cursor.

from heed.core import database
from heed.core.models import Purpose

TRIED_FOR = timedelta(days=3)
SENT, CANCELLED = "sent", "cancelled"  # told only where somebody wants it: these are many at a time


@dataclass(frozen=True, slots=True)
class Happened:
    account_id: int | None
    kind: str
    recipient: int | None = None
    message_id: int | None = None
    inbound_id: int | None = None
    entry_id: int | None = None


_COLUMNS = ("account_id", "kind", "at", "recipient", "message_id", "inbound_id", "entry_id")
_MADE = "SELECT id, account_id, kind, recipient, message_id FROM core_event WHERE id BETWEEN %s AND %s"
_FAN_OUT = """
    INSERT INTO core_delivery (account_id, endpoint_id, event_id, lane, url, state, tries, due_at, give_up_at, claim,
        created_at, body, response, problem)
    SELECT account_id, endpoint_id, id, COALESCE(recipient, -id), url, 'waiting', 0, {now}, {later}, 0, {now}, '', '', ''
    FROM (
        SELECT made.*, wanted.endpoint_id, '' AS url FROM core_subscription wanted JOIN made
            ON made.account_id = wanted.account_id AND made.kind = wanted.kind
        UNION ALL
        SELECT made.*, called.endpoint_id, called.url FROM made JOIN core_callback called
            ON called.message_id = made.message_id AND made.kind IN ('sent', 'delivered', 'undelivered', 'failed',
                'suppressed', 'expired', 'unconfirmed', 'cancelled')
            AND (called.kinds = 'all' OR made.kind NOT IN ('sent', 'unconfirmed')
                AND (called.kinds = 'final' OR made.kind <> 'delivered'))
    ) told ORDER BY id, endpoint_id"""


def tell(happened: Sequence[Happened], at: datetime) -> None:
    """Write ``happened``, of accounts that anybody can be told of, and what is to be told of it to whom."""
    moment, later = database.to_column(at), database.to_column(at + TRIED_FOR)
    rows = [
        (one.account_id, one.kind, moment, one.recipient, one.message_id, one.inbound_id, one.entry_id)
        for one in happened
        if one.account_id is not None
    ]
    if not rows:
        return
    if database.is_postgresql():
        then = _FAN_OUT.format(now="%s::timestamptz", later="%s::timestamptz")
        database.insert("core_event", _COLUMNS, rows, "RETURNING *", then=(then, [moment, later, moment]))
        return
    ids = [row[0] for row in database.insert("core_event", _COLUMNS, rows, "RETURNING id")]
    statement = f"WITH made AS ({_MADE}) {_FAN_OUT.format(now='%s', later='%s')}"  # one writer: they are all ours
    database.run(statement, [min(ids), max(ids), moment, later, moment])


def tell_sent(message_ids: Sequence[int], at: datetime) -> None:
    """Tell of messages that a carrier has accepted, just now and under this transaction's lock, where anybody wants it."""
    _tell_wanted(SENT, message_ids, at)


def tell_cancelled(message_ids: Sequence[int], at: datetime) -> None:
    """The same of messages that were cancelled."""
    _tell_wanted(CANCELLED, message_ids, at)


def _tell_wanted(kind: str, message_ids: Sequence[int], at: datetime) -> None:
    asking = "kinds = 'all'" if kind == SENT else "kinds <> ''"  # an ESME is told what a message came to alone
    wanted = f"""SELECT EXISTS (SELECT 1 FROM core_subscription WHERE kind = '{kind}')
        OR EXISTS (SELECT 1 FROM core_callback WHERE {asking})"""  # noqa: S608 (our own text)
    if not message_ids or not database.run(wanted)[0][0]:
        return
    rows: list[Any] = database.run(
        f"""SELECT m.account_id, m.recipient, m.id FROM core_message m
        WHERE m.id {database.among_numbers()} AND m.purpose = '{Purpose.MESSAGE.value}' AND (
            EXISTS (SELECT 1 FROM core_subscription s WHERE s.account_id = m.account_id AND s.kind = '{kind}')
            OR EXISTS (SELECT 1 FROM core_callback c WHERE c.message_id = m.id AND c.{asking}))
        ORDER BY m.id""",  # noqa: S608 (our own text)
        [database.numbers_value(message_ids)],
    )
    tell([Happened(account_id, kind, recipient, id_) for account_id, recipient, id_ in rows], at)
