"""The scope rules: what an act does to a person's consent rows, and whether a message may be sent.

Rows are kept by sender id; ``ALL_SENDERS`` is the account's own row. ``core.gate`` asks the same question in SQL, and a
property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

ALL_SENDERS = 0
MOST_AHEAD = timedelta(minutes=5)  # of a carrier's clock


class State(StrEnum):
    NONE = "none"
    IN = "in"
    OUT = "out"


class Act(StrEnum):
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HOLD = "hold"
    RELEASE = "release"
    ERASE = "erase"


@dataclass(frozen=True, slots=True)
class Row:
    """One person's consent towards one sender, or towards all senders of an account.

    ``since`` is when the standing opt-out first took effect, ``last_out_at`` when it was last repeated (a START must be
    later), ``started_at`` the person's own latest START here. ``never`` is "never contact": no START lifts it.
    """

    state: State = State.NONE
    held: int = 0
    since: datetime | None = None
    last_out_at: datetime | None = None
    started_at: datetime | None = None
    never: bool = False


Rows = Mapping[int, Row]
NOTHING = Row()


@dataclass(frozen=True, slots=True)
class Block:
    """Why a message may not be sent: ``reason`` is opted_out or in_review, ``scope`` is sender or account."""

    reason: str
    scope: str
    since: datetime | None


def opt_out(rows: Rows, sender: int, at: datetime, *, never: bool = False) -> dict[int, Row]:
    """Rule 1: the rows that an opt-out from ``sender`` changes. It acts whenever it arrives; the first time is kept."""
    row = rows.get(sender, NOTHING)
    standing = row.state is State.OUT
    changed = {
        sender: replace(
            row,
            state=State.OUT,
            since=row.since if standing else at,
            last_out_at=_later(row.last_out_at, at) if standing else at,
            never=row.never or never,
        )
    }
    if sender == ALL_SENDERS:
        changed |= {key: replace(row, state=State.NONE) for key, row in rows.items() if row.state is State.IN}
    return _real(rows, changed)


def start(rows: Rows, sender: int, at: datetime, *, account_level: bool) -> dict[int, Row] | None:
    """Rules 2 and 3: the rows that a START on ``sender`` changes, or None where it is only recorded (rule 5).

    ``account_level`` is the number's switch. With ``sender`` ALL_SENDERS this is prefix + START, or START on a shared
    number: it lifts the account's row and no sender's.
    """
    if outlasting(rows, sender, at):
        return None
    own, account = rows.get(sender, NOTHING), rows.get(ALL_SENDERS, NOTHING)
    started = replace(_lifted(own), started_at=_later(own.started_at, at))
    if sender == ALL_SENDERS:
        return _real(rows, {ALL_SENDERS: started})
    if account.state is not State.OUT:
        return _real(rows, {sender: started})
    if account_level:
        return _real(rows, {sender: started, ALL_SENDERS: _lifted(account)})
    return _real(rows, {sender: replace(started, state=State.IN)})


def outlasting(rows: Rows, sender: int, at: datetime) -> Row | None:
    """Rule 5: the standing opt-out for which a START on ``sender``, counting as of ``at``, is only recorded."""
    return next((row for key in (sender, ALL_SENDERS) if _outlasts(row := rows.get(key, NOTHING), at)), None)


def lift(rows: Rows, sender: int) -> dict[int, Row]:
    """The row that staff change by lifting the opt-out named, and no other (rule 3)."""
    row = rows.get(sender, NOTHING)
    return {sender: _lifted(row)} if row.state is State.OUT else {}


def hold(rows: Rows, sender: int) -> dict[int, Row]:
    row = rows.get(sender, NOTHING)
    return {sender: replace(row, held=row.held + 1)}


def release(rows: Rows, sender: int) -> dict[int, Row]:
    row = rows.get(sender, NOTHING)
    return {sender: replace(row, held=row.held - 1)} if row.held else {}


def import_conflicts(rows: Rows, sender: int, at: datetime) -> bool:
    """Rule 5: whether an imported opt-out dated ``at`` is older than a START of the person's own that it would undo."""
    senders = rows.keys() if sender == ALL_SENDERS else (sender,)
    return any((started := rows.get(key, NOTHING).started_at) is not None and started > at for key in senders)


def may_send(rows: Rows, sender: int, pool: int = 0) -> Block | None:
    """Rule 4: None if a message may go from ``sender``, a number of ``pool`` (0 for none), else why not.

    A pool is one sender for consent: its row decides in place of its number's own, which may only block.
    ``sender`` ALL_SENDERS asks about the account as a whole.
    """
    account = rows.get(ALL_SENDERS, NOTHING)
    own, pooled = (rows.get(key, NOTHING) if key else NOTHING for key in (sender, pool))
    for row in (own, pooled):
        if row.state is State.OUT:
            return Block("opted_out", "sender", row.since)
    if account.state is State.OUT and (pooled if pool else own).state is not State.IN:
        return Block("opted_out", "account", account.since)
    if account.held:
        return Block("in_review", "account", None)
    if own.held or pooled.held:
        return Block("in_review", "sender", None)
    return None


def start_counts_from(carrier_at: datetime | None, received_at: datetime) -> datetime:
    """Rule 5: a START counts as of the earlier of the carrier's time and its arrival."""
    return min(carrier_at, received_at) if carrier_at else received_at


def opt_out_counts_from(carrier_at: datetime | None, received_at: datetime) -> datetime:
    """Rule 5: an opt-out counts as of the later of the carrier's time and its arrival.

    A carrier whose clock is far ahead must not make it outlast the person's STARTs of days: MOST_AHEAD is believed.
    """
    return min(max(carrier_at, received_at), received_at + MOST_AHEAD) if carrier_at else received_at


def _lifted(row: Row) -> Row:
    if row.state is not State.OUT:
        return row
    return replace(row, state=State.NONE, since=None, last_out_at=None, never=False)


def _outlasts(row: Row, at: datetime) -> bool:
    """Whether ``row`` is an opt-out that a START counting as of ``at`` may not lift; ties go to the opt-out."""
    return row.state is State.OUT and (row.never or (row.last_out_at is not None and at <= row.last_out_at))


def _later(one: datetime | None, other: datetime) -> datetime:
    return max(one, other) if one else other


def _real(rows: Rows, changed: dict[int, Row]) -> dict[int, Row]:
    return {key: row for key, row in changed.items() if row != rows.get(key, NOTHING)}
