"""The question: may this message go to this recipient from this sender? Nobody else reads consent for that purpose.

The condition stands here once, in SQL, because that is where it must hold. It is asked by ``may_send`` (API, console),
``why_not`` and ``blocked_senders`` (one person), ``sweep`` (the last statement of every act that blocks), ``look_again``
(after queueing) and ``claim`` (hand-off). ``rules.consent.may_send`` is its oracle, and what ``reach`` counts beforehand
with; a property test holds them together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any  # A row of a cursor.

from django.db import connection, transaction

from heed.core import database, events, outcomes
from heed.core.events import Happened
from heed.core.models import Purpose
from heed.core.outcomes import Came, Of
from heed.rules import consent as rules
from heed.rules.consent import ALL_SENDERS, Block, Row, State

# The rows that decide about q(account_id, recipient, sender_id, pool_id). A pool is one sender for consent.
_ROWS = """
LEFT JOIN core_consent own ON own.account_id = q.account_id AND own.recipient = q.recipient
    AND own.sender_id = q.sender_id AND q.sender_id <> 0
LEFT JOIN core_consent pool ON pool.account_id = q.account_id AND pool.recipient = q.recipient
    AND pool.sender_id = q.pool_id AND q.pool_id <> 0
LEFT JOIN core_consent everyone ON everyone.account_id = q.account_id AND everyone.recipient = q.recipient
    AND everyone.sender_id = 0"""
_LET_THROUGH = "COALESCE(CASE WHEN q.pool_id <> 0 THEN pool.state ELSE own.state END, 'none') = 'in'"
# Which row blocks: 'own', 'pool', 'everyone' (opted out), 'own held', 'pool held', 'everyone held' (in review), or NULL.
_BLOCKING = f"""CASE
    WHEN own.state = 'out' THEN 'own'
    WHEN pool.state = 'out' THEN 'pool'
    WHEN everyone.state = 'out' AND NOT {_LET_THROUGH} THEN 'everyone'
    WHEN everyone.held > 0 THEN 'everyone held'
    WHEN own.held > 0 THEN 'own held'
    WHEN pool.held > 0 THEN 'pool held' END"""
_SINCE = "CASE WHEN own.state = 'out' THEN own.since WHEN pool.state = 'out' THEN pool.since ELSE everyone.since END"
_REASON = """CASE WHEN v.blocking IS NULL THEN '' WHEN core_message.parts_sent > 0 THEN 'partly_sent'
    WHEN v.blocking LIKE '%% held' THEN 'in_review' ELSE 'opted_out' END"""
_ENTRY = """CASE v.blocking WHEN 'own' THEN v.own_entry WHEN 'pool' THEN v.pool_entry
    WHEN 'everyone' THEN v.everyone_entry END"""
_ENTRIES = "own.entry_id AS own_entry, pool.entry_id AS pool_entry, everyone.entry_id AS everyone_entry"


# Automatic answers alone; one to a START leaves during a review, and not after a later opt-out.
_EXEMPT = f"""(q.purpose = '{Purpose.ANSWER.value}' OR q.purpose = '{Purpose.WELCOME.value}'
    AND everyone.state IS DISTINCT FROM 'out' AND own.state IS DISTINCT FROM 'out'
    AND pool.state IS DISTINCT FROM 'out')"""
_VERDICT = f"CASE WHEN {_EXEMPT} THEN NULL ELSE {_BLOCKING} END"


def may_send(account_id: int, sender_id: int, recipients: Iterable[int], *, pool_id: int = 0) -> dict[int, Block]:
    """Which of ``recipients`` a message from ``sender_id`` may not go to now, and why. Who is absent may be sent to.

    ``sender_id`` 0 asks about the account as a whole. Recipients are asked in order, which is several times faster.
    """
    rows = _blocked(account_id, sender_id, recipients, pool_id)
    return {recipient: _block(blocking, since) for recipient, blocking, since, _ in rows}


def why_not(account_id: int, sender_id: int, recipient: int, *, pool_id: int = 0) -> tuple[Block, int | None] | None:
    """``may_send`` to one person, with the ledger entry of the opt-out that stands; None if a message may go."""
    for _, blocking, since, entry_id in _blocked(account_id, sender_id, [recipient], pool_id):
        return _block(blocking, since), entry_id
    return None


def _blocked(account_id: int, sender_id: int, recipients: Iterable[int], pool_id: int) -> list[tuple[Any, ...]]:
    return database.run(
        f"""SELECT v.recipient, v.blocking, v.since, {_ENTRY} FROM (
            SELECT q.recipient, {_BLOCKING} AS blocking, {_SINCE} AS since, {_ENTRIES}
            FROM (SELECT CAST(%s AS bigint) AS account_id, CAST(given.value AS bigint) AS recipient,
                CAST(%s AS bigint) AS sender_id, CAST(%s AS bigint) AS pool_id
                FROM {database.numbers_table()}) q {_ROWS}) v
        WHERE v.blocking IS NOT NULL""",  # noqa: S608 (our own text alone)
        [account_id, sender_id, pool_id, database.numbers_value(sorted(set(recipients)))],
    )


def blocked_senders(account_id: int, recipient: int) -> dict[int, Block]:
    """Which of the account's senders in use may not send to ``recipient`` now, and why. Who is absent may."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT v.sender_id, v.blocking, v.since FROM (
                SELECT q.sender_id, {_BLOCKING} AS blocking, {_SINCE} AS since
                FROM (SELECT account_id, CAST(%s AS bigint) AS recipient, id AS sender_id, pool_id FROM core_sender
                    WHERE account_id = %s AND closed_at IS NULL) q {_ROWS}) v
            WHERE v.blocking IS NOT NULL""",  # noqa: S608 (our own text alone)
            [recipient, account_id],
        )
        return {sender_id: _block(blocking, since) for sender_id, blocking, since in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a message from one sender would not reach now, and who of the others left another sender of the account."""

    blocked: dict[int, Block]
    left_another: set[int]


def reach(account_id: int, sender_id: int, recipients: Iterable[int], *, pool_id: int = 0) -> Reach:
    """``may_send`` for counting a campaign's people: it reads the rows of those who have any, and asks the rules.

    Nearly all have none, so that one look for each is enough, where the condition in SQL takes three.
    """
    rows = database.run(
        f"""SELECT recipient, sender_id, state, held, since FROM core_consent WHERE account_id = %s
        AND recipient {database.among_numbers()} AND (state <> 'none' OR held > 0)""",  # noqa: S608 (our own text)
        [account_id, database.numbers_value(sorted(set(recipients)))],
    )
    standing: dict[int, dict[int, Row]] = defaultdict(dict)
    for recipient, of_sender, state, held, since in rows:
        standing[recipient][of_sender] = Row(State(state), held, database.from_column(since))
    found = Reach({}, set())
    for recipient, theirs in standing.items():
        if block := rules.may_send(theirs, sender_id, pool_id):
            found.blocked[recipient] = block
        elif any(row.state is State.OUT for key, row in theirs.items() if key != ALL_SENDERS):
            found.left_another.add(recipient)
    return found


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process may hand off, until one second after the claim began."""

    id: int
    account_id: int | None
    sender_id: int
    recipient: int
    address: str
    text: str
    purpose: str
    tries: int
    priority: int
    campaign_id: int | None = None
    parts_sent: int = 0  # accepted under an earlier claim

    @property
    def of(self) -> Of | None:
        """Whose outcome it will be."""
        return outcomes.of(self.account_id, self.campaign_id, self.sender_id, self.purpose)


MOST_TRIES = 32_767  # what the column holds; a carrier that asks for a second's wait gets there within hours
_PICKED = "id, account_id, sender_id, pool_id, recipient, purpose, expires_at, priority"


def claim(connection_id: int, limit: int, token: int, *, after: tuple[int, int] = (-1, 0)) -> list[Claimed]:
    """Take up to ``limit`` queued messages for hand-off, in order of (priority, id) from ``after`` on. Commits.

    One statement marks each ``sending``, ``suppressed`` or ``expired``; the events of the last two are in its
    transaction. ``token`` is the caller's lease. The caller's second starts before this call: the snapshot is that old.
    """
    while True:
        claimed, taken = database.retried(lambda: _claim(connection_id, limit, token, after))
        if claimed or taken < limit:
            return claimed  # else all of them were blocked; what stands behind them must not wait


def _claim(connection_id: int, limit: int, token: int, after: tuple[int, int]) -> tuple[list[Claimed], int]:
    """What was claimed, and of how many rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM core_message WHERE connection_id = %s AND state = 'queued' AND (priority, id) > (%s, %s) LIMIT 1",
            [connection_id, *after],
        )
        if cursor.fetchone() is None:  # An idle dispatcher doesn't take SQLite's write lock.
            return [], 0
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        database.look_up_one_by_one()
        now = database.now()
        moment = database.to_column(now)
        cursor.execute(
            f"""WITH q AS MATERIALIZED (
                SELECT {_PICKED} FROM core_message
                WHERE connection_id = %s AND state = 'queued' AND (priority, id) > (%s, %s)
                ORDER BY priority, id LIMIT %s {database.for_update("FOR UPDATE SKIP LOCKED")}),
            v AS (
                SELECT q.id, {_ENTRIES}, {_VERDICT} AS blocking, q.expires_at <= %s AS is_expired
                FROM q {_ROWS})
            UPDATE core_message SET
                state = CASE WHEN v.blocking IS NOT NULL THEN 'suppressed' WHEN v.is_expired THEN 'expired'
                    ELSE 'sending' END,
                reason = {_REASON}, entry_id = {_ENTRY},
                claim = CASE WHEN v.blocking IS NULL AND v.is_expired IS NOT TRUE THEN %s ELSE 0 END,
                tries = CASE WHEN tries < {MOST_TRIES} THEN tries + 1 ELSE tries END, claimed_at = %s,
                settled_at = CASE WHEN v.blocking IS NOT NULL OR v.is_expired THEN %s END
            FROM v WHERE core_message.id = v.id
            RETURNING core_message.id, account_id, sender_id, recipient, address, text, purpose, tries, priority,
                state, campaign_id, reason, entry_id, parts_sent""",  # noqa: S608 (our own text alone)
            [connection_id, *after, limit, moment, token, moment, moment],
        )
        rows = cursor.fetchall()
        stopped = [row for row in rows if row[9] != "sending"]
        events.tell([Happened(row[1], row[9], row[3], row[0]) for row in stopped], now)
        _note([(row[1], row[10], row[2], row[6], row[9], row[11], row[12]) for row in stopped], now)
    claimed = [Claimed(*(*row[:9], row[10], row[13])) for row in rows if row[9] == "sending"]
    return sorted(claimed, key=lambda message: (message.priority, message.id)), len(rows)


def sweep(account_id: int, recipients: Iterable[int], now: datetime | None = None) -> int:
    """Mark as suppressed the queued messages to ``recipients`` that are blocked now; how many. In the act's transaction.

    On PostgreSQL this row conflict orders an opt-out against a claim that runs: without it, a slowed claim handed off
    a message more than a second after the opt-out had committed.
    """
    return _suppress(
        f"account_id = %s AND recipient {database.among_numbers()}",
        [account_id, database.numbers_value(sorted(recipients))],
        now,
    )


def look_again(message_ids: Iterable[int]) -> int:
    """Mark as suppressed those of ``message_ids``, just queued, that are blocked now; how many."""
    return _suppress(
        f"id {database.among_numbers()}",
        [database.numbers_value(message_ids)],
    )


def _suppress(which: str, parameters: list[Any], now: datetime | None = None) -> int:
    now = now or database.now()
    rows = database.run(
        f"""WITH q AS MATERIALIZED (
                SELECT {_PICKED} FROM core_message
                WHERE {which} AND state = 'queued' ORDER BY id {database.for_update()}),
            v AS (SELECT * FROM (SELECT q.id, {_ENTRIES}, {_VERDICT} AS blocking FROM q {_ROWS}) w
                WHERE blocking IS NOT NULL)
            UPDATE core_message SET state = 'suppressed', reason = {_REASON}, entry_id = {_ENTRY}, settled_at = %s
            FROM v WHERE core_message.id = v.id AND core_message.state = 'queued'
            RETURNING core_message.id, account_id, recipient, campaign_id, sender_id, purpose, reason, entry_id""",  # noqa: S608 (our own text alone)
        [*parameters, database.to_column(now)],
    )
    events.tell(
        [Happened(account_id=row[1], kind="suppressed", recipient=row[2], message_id=row[0]) for row in sorted(rows)],
        now,
    )
    _note([(row[1], row[3], row[4], row[5], "suppressed", row[6], row[7]) for row in rows], now)
    return len(rows)


_Stopped = tuple[int | None, int | None, int, str, str, str, int | None]


def _note(rows: Sequence[_Stopped], now: datetime) -> None:
    """Count messages that were stopped: account, campaign, sender, purpose, outcome, reason, entry of each."""
    narrow = _of_one_sender({row[6] for row in rows if row[6]})
    came = [
        Came(whose, outcome, outcomes.LEFT_SENDER if entry_id in narrow else reason)
        for account_id, campaign_id, sender_id, purpose, outcome, reason, entry_id in rows
        if (whose := outcomes.of(account_id, campaign_id, sender_id, purpose))
    ]
    outcomes.note(came, now)


def _of_one_sender(entry_ids: set[int | None]) -> set[int]:
    """Those of the entries that are opt-outs of one sender, not of the account."""
    if not entry_ids:
        return set()
    which = f"id {database.among_numbers()} AND sender_id <> {ALL_SENDERS}"
    values = [database.numbers_value(sorted(filter(None, entry_ids)))]
    return {id_ for (id_,) in database.run(f"SELECT id FROM core_ledgerentry WHERE {which}", values)}  # noqa: S608


def _block(blocking: str, since: Any) -> Block:
    row, _, held = blocking.partition(" ")
    scope = "account" if row == "everyone" else "sender"
    return Block("in_review", scope, None) if held else Block("opted_out", scope, database.from_column(since))
