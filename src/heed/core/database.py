"""What hand-written SQL needs of Django: times, the clock, lists of values, retries."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, TypeVar  # Values of database columns have every type.

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.utils import timezone

Result = TypeVar("Result")
Row = TypeVar("Row", bound=Model)

_TRANSIENT = {"40001", "40P01"}  # serialization failure, deadlock detected
TRIES = 3


@cache  # A process has one kind of database, and a batch asks a hundred times.
def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


@lru_cache(maxsize=64)  # A batch writes one time in most of its columns.
def to_column(value: datetime | None) -> Any:
    """``value`` as the ORM writes it: times reach hand-written SQL through here alone."""
    if value is None or is_postgresql():
        return value
    # The ORM's own way takes ten times as long.
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
    return run_each(statement, [parameters])


def run_each(statement: str, many: Iterable[Sequence[Any]]) -> list[Any]:
    """The rows that it gives for the first of ``many`` parameters, for the next one, and so on.

    Inside a transaction the driver is asked itself, unless somebody watches: Django's layers round a cursor take longer
    than most of these statements.
    """
    ours = connections[DEFAULT_DB_ALIAS]
    is_direct = ours.in_atomic_block and not ours.execute_wrappers and not ours.queries_logged
    text, found = _for_driver(statement) if is_direct else statement, []
    with _driver_cursor(ours) if is_direct else _cursor() as cursor:
        for parameters in many:
            cursor.execute(text, parameters)
            if cursor.description:
                found += cursor.fetchall()
    return found


@contextmanager
def _driver_cursor(ours: BaseDatabaseWrapper) -> Iterator[Any]:
    ours.validate_no_broken_transaction()
    with ours.wrap_database_errors:
        yield _server_cursor(ours.connection) if is_postgresql() else ours.connection.cursor()


def _server_cursor(driver: Any) -> Any:
    """One that has the server bind the parameters, so that it knows the statement again."""
    from psycopg import Cursor  # SQLite does without

    return Cursor(driver)


@lru_cache(maxsize=512)  # SQLite's driver has another mark for parameters.
def _for_driver(statement: str) -> str:
    return statement if is_postgresql() else statement.replace("%s", "?").replace("%%", "%")


def instances(model: type[Row], condition: str, parameters: Sequence[Any]) -> list[Row]:
    """The rows of ``model`` where ``condition`` holds. Hot: a query of the ORM takes ten times as long."""
    names, columns, conversions = _form_of(model)
    found = []
    for row in run(f"SELECT {columns} FROM {model._meta.db_table} WHERE {condition}", parameters):  # noqa: S608
        values = list(row)
        for at, (converters, column) in conversions.items():
            for convert in converters:
                values[at] = convert(values[at], column, connection)
        found.append(model.from_db(DEFAULT_DB_ALIAS, names, values))
    return found


@cache
def _form_of(model: type[Model]) -> tuple[list[str], str, dict[int, Any]]:
    """The names of its fields, their columns, and how what the driver gives becomes their values."""
    fields = model._meta.concrete_fields
    compiler = model._default_manager.all().query.get_compiler(DEFAULT_DB_ALIAS)
    conversions = compiler.get_converters([field.get_col(model._meta.db_table) for field in fields])
    return [field.attname for field in fields], ",".join(str(field.column) for field in fields), conversions


@contextmanager
def _cursor() -> Iterator[Any]:
    if not is_postgresql():
        with connection.cursor() as cursor:
            yield cursor
        return
    connection.ensure_connection()
    # As Django's own cursors are: watched, counted, and refused in a transaction that is broken.
    wrapped = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrapped(_server_cursor(connection.connection)) as cursor:
        yield cursor


def insert(
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    suffix: str = "",
    *,
    then: tuple[str, Sequence[Any]] | None = None,
) -> list[Any]:
    """Insert ``rows``; what RETURNING in ``suffix`` gives, in order. One text for any number of rows is parsed once.

    ``then``, on PostgreSQL alone, is what the same statement does with ``made``, the rows returned, and its parameters.
    """
    names = ",".join(columns)  # Only our own names are spliced in; every value is a parameter.
    if not is_postgresql():
        marks = ",".join(["%s"] * len(columns))
        return run_each(f"INSERT INTO {table} ({names}) VALUES ({marks}) {suffix}", rows)  # noqa: S608
    given = f"SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608
    statement = f"INSERT INTO {table} ({names}) {given} {suffix}"
    if then is not None:
        statement = f"WITH made AS ({statement}) {then[0]}"
    returned: list[Any] = []
    for at in range(0, len(rows), 500):
        chunk = [dict(zip(columns, row, strict=True)) for row in rows[at : at + 500]]
        returned += run(statement, [json.dumps(chunk, default=_as_json), *(then[1] if then else ())])
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
