"""What an installation is doing now, in figures that a monitor can watch and alarm on.

Every figure comes from the tables, so that it is the same whichever web process is asked, and survives a restart. None
costs more on a large installation than on a small one: what is open is counted by its partial index up to MOST, what
happened is counted of the last day, account by account (CROSS JOIN keeps SQLite from going through all of a table).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any  # Columns of rows.

from django.db.models import Min

from heed.core import database, leases
from heed.core.events import TRIED_FOR
from heed.core.models import Connection, Delivery, Endpoint, Inbound, LedgerEntry, Review

MOST = 100_000  # rows that one figure counts; a backlog of more is no other alarm
WINDOW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure, or one for each set of labels. A value of None is left out: there is nothing to measure."""

    name: str
    help: str
    values: Sequence[tuple[dict[str, str], float | None]]


@dataclass(frozen=True, slots=True)
class Backlog:
    """Rows that wait, and since when the first of them does."""

    count: int
    oldest: datetime | None = field(default=None)


def read() -> list[Gauge]:
    """All figures, as of now."""
    now = database.now()
    return [gauge for each in _EACH for gauge in each(now)]


def _messages(now: datetime) -> Iterator[Gauge]:
    found = {state: _backlog(f"core_message WHERE state = '{state}'") for state in ("queued", "waiting", "sending")}
    depth = [({"state": state}, one.count) for state, one in found.items()]
    yield Gauge("queue_messages", f"Messages on their way, by state; at most {MOST} are counted.", depth)
    age = _age(found["queued"].oldest, now)
    yield Gauge("queue_oldest_seconds", "Age of the oldest queued message.", [({}, age)])
    rows = database.run(
        """SELECT outcome, SUM(count) FROM (
            SELECT c.outcome, c.count FROM core_account a CROSS JOIN core_outcomecount c
                WHERE c.account_id = a.id AND c.hour >= %s
            UNION ALL SELECT outcome, count FROM core_outcomedelta WHERE hour >= %s) counted
        GROUP BY outcome""",
        [database.to_column(now - WINDOW)] * 2,
    )
    yield Gauge("messages_last_day", "What messages came to within a day, by outcome.", _labelled("outcome", rows))


def _opt_outs(now: datetime) -> Iterator[Gauge]:
    since = database.to_column(now - WINDOW)
    rows = database.run(
        """SELECT source, COUNT(*) FROM core_account a CROSS JOIN core_optoutcause c
        WHERE c.account_id = a.id AND c.at >= %s GROUP BY source""",
        [since],
    )
    yield Gauge("opt_outs_last_day", "People who left within a day, by source.", _labelled("source", rows))
    newest = LedgerEntry.objects.order_by("-id").values_list("id", flat=True).first()
    yield Gauge("ledger_newest_entry", "Number of the ledger's newest entry.", [({}, newest or 0)])


def _inbound(now: datetime) -> Iterator[Gauge]:
    rows = database.run(
        f"""SELECT verdict, COUNT(*) FROM (
            SELECT verdict, received_at, read_at FROM core_inbound ORDER BY id DESC LIMIT {MOST}) lately
        WHERE received_at >= %s AND read_at IS NOT NULL GROUP BY verdict""",  # noqa: S608 (our own number)
        [database.to_column(now - WINDOW)],
    )
    words = f"Texts from phones within a day, of the latest {MOST}, by verdict."
    yield Gauge("inbound_last_day", words, _labelled("verdict", rows))
    unread = Inbound.objects.filter(read_at=None)[:MOST].count()
    yield Gauge("inbound_unread", "Texts from phones that could not be read yet.", [({}, unread)])


def _reviews(now: datetime) -> Iterator[Gauge]:
    waiting = Review.objects.filter(decided_at=None)
    yield Gauge("reviews_open", "Texts that wait for a person to decide.", [({}, waiting[:MOST].count())])
    first = waiting.aggregate(opened=Min("opened_at"), due=Min("due_at"))
    yield Gauge("review_oldest_seconds", "Age of the oldest open review.", [({}, _age(first["opened"], now))])
    left = None if first["due"] is None else (first["due"] - now).total_seconds()
    yield Gauge("review_deadline_seconds", "Time until the nearest deadline of an open review.", [({}, left)])


def _webhooks(now: datetime) -> Iterator[Gauge]:
    waiting = Delivery.objects.filter(state="waiting")
    yield Gauge("webhook_waiting", f"Events to be told, at most {MOST} counted.", [({}, waiting[:MOST].count())])
    first = waiting.aggregate(first=Min("give_up_at"))["first"]
    age = _age(first - TRIED_FOR if first else None, now)
    yield Gauge("webhook_oldest_seconds", "Age of the oldest event to be told.", [({}, age)])
    paused = Endpoint.objects.filter(removed_at=None, is_enabled=True).exclude(paused_at=None).count()
    yield Gauge("webhooks_paused", "Webhooks that failed for so long that nothing is tried.", [({}, paused)])


def _processes(now: datetime) -> Iterator[Gauge]:
    roles = (leases.DISPATCHER, leases.WORKER, leases.WEBHOOKS)
    alive = [({"role": role}, float(leases.is_any_alive(role))) for role in roles]
    yield Gauge("process_up", "Whether a process of this role lives, on whatever host.", alive)
    links = Connection.objects.order_by("id").values_list("id", "kind", "stopped_at")[:1000]
    up = [({"connection": str(id_), "kind": kind}, float(stopped is None)) for id_, kind, stopped in links]
    yield Gauge("connection_up", "Whether a connection hands off; 0: it has stopped.", up)


_EACH: tuple[Callable[[datetime], Iterator[Gauge]], ...] = (
    _messages,
    _opt_outs,
    _inbound,
    _reviews,
    _webhooks,
    _processes,
)


def _backlog(which: str) -> Backlog:
    ((count, oldest),) = database.run(
        f"SELECT COUNT(*), MIN(created_at) FROM (SELECT created_at FROM {which} LIMIT {MOST}) first"  # noqa: S608
    )
    return Backlog(count, database.from_column(oldest))


def _labelled(name: str, rows: Sequence[tuple[Any, Any]]) -> list[tuple[dict[str, str], float | None]]:
    return [({name: label}, int(count)) for label, count in sorted(rows)]


def _age(since: datetime | None, now: datetime) -> float:
    """How long ago ``since`` was, in seconds; 0 where nothing waits."""
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
