"""Standing opt-outs, filtered and paged by key, at ten million rows: each page reads a bounded part of one index.

What the index can't decide is decided row by row; where few rows fit, a page may be short, or empty, and still go on.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple  # Rows of a cursor.

from heed.core import database
from heed.core.models import Consent
from heed.rules.consent import ALL_SENDERS, State

ANY_SENDER = -1  # the scope of whoever left one sender, whichever
READ_AT_ONCE, MOST_READ = 2000, 10_000  # rows that a page looks at


@dataclass(frozen=True, slots=True)
class Wanted:
    """``scope`` is a sender's id, ALL_SENDERS or ANY_SENDER; ``last`` is the first moment that is too late."""

    recipient: int | None = None
    scope: int | None = None
    source: str = ""
    first: datetime | None = None
    last: datetime | None = None

    @property
    def is_narrow(self) -> bool:
        return self != Wanted()

    def to_json(self) -> dict[str, Any]:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Wanted:
        times = {name: datetime.fromisoformat(value[name]) for name in ("first", "last") if value.get(name)}
        return cls(**(value | times))


class Place(NamedTuple):
    """Where a page ends: newer rows stand before it. ``since`` counts where rows are in order of time."""

    since: datetime
    entry_id: int


@dataclass(frozen=True, slots=True)
class Page:
    """``after`` is where the next page begins, None where there is none."""

    rows: list[Consent]
    after: Place | None


def page(account_id: int, wanted: Wanted, after: Place | None = None, *, limit: int = 50) -> Page:
    """Opt-outs as ``wanted``, newest first: by their time where days alone are wanted, else by their entries."""
    kept: list[Consent] = []
    at_once, looked_at = (max(READ_AT_ONCE, limit + 1) if _is_filtered(wanted) else limit + 1), 0
    while True:
        rows = _read(account_id, wanted, after, at_once)
        for row, place in rows:
            if row is not None and _fits(row, wanted):
                if len(kept) == limit:
                    return Page(kept, after)
                kept.append(row)
            after = place
        looked_at += len(rows)
        if len(rows) < at_once:
            return Page(kept, None)
        if looked_at >= MOST_READ:
            return Page(kept, after)


def _is_filtered(wanted: Wanted) -> bool:
    """Whether the index that ``_read`` goes by may leave rows to decide."""
    return bool(wanted.source) or wanted.first is not None or wanted.last is not None


def _fits(row: Consent, wanted: Wanted) -> bool:
    scope, since = wanted.scope, row.since
    return (
        (scope is None or row.sender_id == scope or (scope == ANY_SENDER and row.sender_id != ALL_SENDERS))
        and (wanted.first is None or (since is not None and since >= wanted.first))
        and (wanted.last is None or (since is not None and since < wanted.last))
        and (wanted.recipient is None or row.recipient == wanted.recipient)
    )


_COLUMNS = "c.recipient, c.sender_id, c.since, c.never, c.entry_id"
_Read = list[tuple[Consent | None, Place]]


def _read(account_id: int, wanted: Wanted, after: Place | None, most: int) -> _Read:
    if wanted.source and wanted.recipient is None:
        return _by_source(account_id, wanted.source, after, most)
    where, order = ["c.account_id = %s", "c.state = 'out'"], "c.entry_id DESC"
    values: list[Any] = [account_id]
    time = database.to_column
    if wanted.recipient is not None:
        where, values = [*where, "c.recipient = %s"], [*values, wanted.recipient]
        if wanted.source:
            source = "EXISTS (SELECT 1 FROM core_ledgerentry l WHERE l.id = c.entry_id AND l.source = %s)"
            where, values = [*where, source], [*values, wanted.source]
    elif wanted.first is not None or wanted.last is not None:
        order = "c.since DESC, c.entry_id DESC"
        for moment, condition in ((wanted.first, "c.since >= %s"), (wanted.last, "c.since < %s")):
            if moment is not None:
                where, values = [*where, condition], [*values, time(moment)]
        if after is not None:
            where, values = [*where, "(c.since, c.entry_id) < (%s, %s)"], [*values, time(after.since), after.entry_id]
    elif wanted.scope == ANY_SENDER:
        where.append(f"c.sender_id <> {ALL_SENDERS}")
    elif wanted.scope is not None:
        where, values = [*where, "c.sender_id = %s"], [*values, wanted.scope]
    if after is not None and order.startswith("c.entry_id"):
        where, values = [*where, "c.entry_id < %s"], [*values, after.entry_id]
    found = database.run(
        f"SELECT {_COLUMNS} FROM core_consent c WHERE {' AND '.join(where)} ORDER BY {order} LIMIT {most}",  # noqa: S608
        values,
    )
    return [_row(account_id, row) for row in found]


def _by_source(account_id: int, source: str, after: Place | None, most: int) -> _Read:
    """By the ledger: its opt-outs of this source, each with the row if it is the one that it stands by."""
    where, values = "account_id = %s AND source = %s AND act = 'opt_out'", [account_id, source]
    if after is not None:
        where, values = where + " AND id < %s", [*values, after.entry_id]
    found = database.run(
        f"""SELECT {_COLUMNS}, l.id, l.effective_at FROM (
            SELECT id, account_id, recipient, sender_id, effective_at FROM core_ledgerentry
            WHERE {where} ORDER BY id DESC LIMIT {most}) l
        LEFT JOIN core_consent c ON c.account_id = l.account_id AND c.recipient = l.recipient
            AND c.sender_id = l.sender_id AND c.entry_id = l.id AND c.state = 'out'
        ORDER BY l.id DESC""",  # noqa: S608 (our own text)
        values,
    )
    read: _Read = []
    for *row, entry_id, effective_at in found:
        at = database.from_column(effective_at)
        place = Place(at, entry_id)  # type: ignore[arg-type]  # the column is never null
        read.append((None if row[0] is None else _row(account_id, row)[0], place))
    return read


def _row(account_id: int, row: Any) -> tuple[Consent, Place]:
    recipient, sender_id, since, never, entry_id = row
    at = database.from_column(since)
    made = Consent(
        account_id=account_id, recipient=recipient, sender_id=sender_id, state=State.OUT, held=0, since=at,
        never=bool(never), entry_id=entry_id,
    )  # fmt: skip
    return made, Place(at, entry_id)  # type: ignore[arg-type]  # whoever is out is so since some time
