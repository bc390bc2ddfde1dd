"""What hand-written SQL needs of Django: times, the clock, lists of values, retries."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar  # Values of database columns have every type.

from django.db import OperationalError, connection
from django.utils import timezone

Result = TypeVar("Result")

_TRANSIENT = {"40001", "40P01"}  # serialization failure, deadlock detected
TRIES = 3


@cache  # A process has one kind of database, and a batch asks a hundred times.
def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def to_column(value: datetime | None) -> Any:
    """``value`` as the ORM writes it: times reach hand-written SQL through here alone."""
    if value is None or is_postgresql():
        return value
    # The ORM's own way takes ten times as long, and an opt-out writes a dozen times.
    return str(value.replace(tzinfo=None)) if value.tzinfo is UTC else connection.ops.adapt_datetimefield_value(value)


def to_json_column(value: dict[str, Any] | list[Any]) -> Any:
    """``value`` for ``insert`` into a column of JSON: there it stands inside the one JSON parameter of PostgreSQL."""
    return value if is_postgresql() else json.dumps(value)


def from_column(value: Any) -> datetime | None:
    """The time in a column that hand-written SQL has read."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    at: datetime = value
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def now() -> datetime:
    """The database's clock on PostgreSQL, where hosts may disagree; this machine's on SQLite."""
    if not is_postgresql():
        return timezone.now()
    return from_column(run("SELECT clock_timestamp()")[0][0]) or timezone.now()


def look_up_one_by_one() -> None:
    """Keep PostgreSQL's planner, for this transaction, from reading a whole table to join a few hundred rows."""
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute(
                "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off"
            )


def for_update(suffix: str = "FOR UPDATE") -> str:
    """``suffix`` on PostgreSQL; on SQLite BEGIN IMMEDIATE has locked everything."""
    return suffix if is_postgresql() else ""


def numbers_table() -> str:
    """A table expression with one column ``value`` from the one parameter that ``numbers_value`` makes."""
    return "unnest(%s::bigint[]) AS given(value)" if is_postgresql() else "json_each(%s) AS given"


def among_numbers() -> str:
    """The condition, after a column, that it is one of those in the parameter from ``numbers_value``.

    PostgreSQL then looks each of them up; from a table of them it may read all rows of an account instead.
    """
    return "= ANY(%s::bigint[])" if is_postgresql() else "IN (SELECT value FROM json_each(%s))"


def numbers_value(numbers: Iterable[int]) -> Any:
    return list(numbers) if is_postgresql() else "[" + ",".join(map(str, numbers)) + "]"


def among_words() -> str:
    """The same for text, with the parameter from ``words_value``."""
    return "= ANY(%s::text[])" if is_postgresql() else "IN (SELECT value FROM json_each(%s))"


def words_value(words: Iterable[str]) -> Any:
    return list(words) if is_postgresql() else json.dumps(list(words))


def run(statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """The rows that a hot statement gives. PostgreSQL parses it once for each connection, not each time.

    It still plans it each time (plan_cache_mode in the settings): a plan from when a table was small reads all of it
    when it has grown.
    """
    with _cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _cursor() -> Iterator[Any]:
    if not is_postgresql():
        with connection.cursor() as cursor:
            yield cursor
        return
    from psycopg import Cursor  # SQLite does without

    connection.ensure_connection()
    # As Django's own cursors are: watched, counted, and refused in a transaction that is broken.
    wrapped = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrapped(Cursor(connection.connection)) as cursor:  # type: ignore[arg-type]  # the stubs know no driver
        yield cursor


def insert(
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    suffix: str = "",
    *,
    then: tuple[str, Sequence[Any]] | None = None,
) -> list[Any]:
    """Insert ``rows`` by one statement for each 500 of them; what RETURNING in ``suffix`` gives, in order.

    ``then``, on PostgreSQL alone, is what the same statement does with ``made``, the rows returned, and its parameters.
    """
    returned: list[Any] = []
    names = ",".join(columns)  # Only our own names are spliced in; every value is a parameter.
    for at in range(0, len(rows), 500):
        chunk = rows[at : at + 500]
        if is_postgresql():  # One text for any number of rows, so that it is parsed once.
            values = f"SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608
            parameters = [json.dumps([dict(zip(columns, row, strict=True)) for row in chunk], default=_as_json)]
        else:
            values = "VALUES " + ",".join(["(" + ",".join(["%s"] * len(columns)) + ")"] * len(chunk))
            parameters = [value for row in chunk for value in row]
        statement = f"INSERT INTO {table} ({names}) {values} {suffix}"
        if then is not None:
            statement, parameters = f"WITH made AS ({statement}) {then[0]}", [*parameters, *then[1]]
        returned += run(statement, parameters)
    return returned


def reserve_ids(table: str, count: int) -> list[int]:
    """Ids for ``count`` rows, which are to be inserted with them in this transaction."""
    with connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])  # this write transaction is alone
        first = (cursor.fetchone() or (0,))[0] + 1
        return list(range(first, first + count))


def _as_json(value: Any) -> str:
    """What PostgreSQL reads back from JSON as ``value``, where JSON has no such thing."""
    match value:
        case datetime():
            return value.isoformat()
        case bytes() | memoryview():
            return "\\x" + value.hex()
    raise TypeError(type(value).__name__)


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed when it is run again."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", None) in _TRANSIENT


def retried(verb: Callable[[], Result]) -> Result:
    """What ``verb`` returns; a deadlock or a serialization failure runs the whole of it again, three times in all."""
    if connection.in_atomic_block:
        return verb()
    tries_left = TRIES
    while True:
        tries_left -= 1
        try:
            return verb()
        except OperationalError as error:
            if not tries_left or not is_transient(error):
                raise
        # At once, it would take again what the other is about to be given, and the two meet once more.
        time.sleep(random.uniform(0.01, 0.1))  # noqa: S311  # chance that keeps no secret
