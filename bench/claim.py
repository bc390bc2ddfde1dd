"""Claim + check + mark, 500 a batch: the core's verbs against their own statements on a bare driver connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection

from bench.installation import IS_SQLITE, alternate, fill, make, rate, report, seed_opt_outs
from heed.core import gate, handoff
from heed.core.handoff import Sent

OPT_OUTS, MESSAGES, BATCH = 1_000_000, 20_000, 500


def main() -> None:
    account, sender, link = make()
    seed_opt_outs(account.id, OPT_OUTS)
    statements = _recorded(lambda: fill(account.id, sender.id, link.id, 1), lambda: _ours(link.id, 7))

    def ours() -> float:
        fill(account.id, sender.id, link.id, MESSAGES)
        return rate(MESSAGES, lambda: _ours(link.id, 7))

    def floor() -> float:
        fill(account.id, sender.id, link.id, MESSAGES)
        return rate(MESSAGES, lambda: _bare(statements, link.id))

    mine, bare = alternate(ours, floor)
    report(mine, bare, "messages/s", ">= 0.8", mine / bare >= 0.8, opt_outs=OPT_OUTS)


def _ours(link_id: int, token: int) -> None:
    while claimed := gate.claim(link_id, BATCH, token):
        handoff.handed_off([Sent(message.id, f"sandbox-{message.id}") for message in claimed], token)


def _recorded(prepare: Callable[[], None], run: Callable[[], None]) -> dict[str, tuple[str, Any]]:
    """The claim and the mark, as ``run`` sends them."""
    seen: dict[str, tuple[str, Any]] = {}

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "MATERIALIZED" in sql:
            seen["claim"] = (sql, params)
        elif "provider_id = " in sql:
            seen["mark"] = (sql, params)
        return execute(sql, params, many, context)

    prepare()
    with connection.execute_wrapper(note):
        run()
    return seen


def _bare(statements: dict[str, tuple[str, Any]], link_id: int) -> None:
    claim, parameters = statements["claim"]
    mark, marked = statements["mark"]
    parameters = [BATCH if at == 3 else value for at, value in enumerate(parameters)]
    driver, begin = open_driver()
    if IS_SQLITE:
        claim, mark = (text.replace("%%", "\0").replace("%s", "?").replace("\0", "%") for text in (claim, mark))
    cursor = driver.cursor()
    while True:
        cursor.execute(begin)
        rows = cursor.execute(claim, parameters).fetchall()
        blocked = [(row[1], "suppressed", row[3], row[0]) for row in rows if row[9] != "sending"]
        cursor.executemany(_EVENT if IS_SQLITE else _EVENT.replace("?", "%s"), blocked)
        cursor.execute("COMMIT")
        if not rows:
            break
        cursor.execute(begin)
        ids = [row[0] for row in rows if row[9] == "sending"]
        if IS_SQLITE:
            cursor.executemany(mark, [(f"sandbox-{id_}", marked[0][1], id_, marked[0][3]) for id_ in ids])
        else:
            cursor.execute(mark, [marked[0], ids, [f"sandbox-{id_}" for id_ in ids], marked[3]])
        cursor.execute("COMMIT")
    driver.close()


_EVENT = "INSERT INTO core_event (account_id, kind, recipient, message_id, at) VALUES (?, ?, ?, ?, CURRENT_TIMESTAMP)"


def open_driver() -> tuple[Any, str]:
    if IS_SQLITE:
        driver = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        for pragma in ("synchronous=FULL", "temp_store=MEMORY", "cache_size=-65536", "mmap_size=268435456"):
            driver.execute(f"PRAGMA {pragma}")
        return driver, "BEGIN IMMEDIATE"
    import psycopg

    database = settings.DATABASES["default"]
    driver = psycopg.connect(
        host=database["HOST"],
        port=database["PORT"],
        user=database["USER"],
        dbname=database["NAME"],
        autocommit=True,
        cursor_factory=psycopg.ClientCursor,
    )
    slow = ("hashjoin", "mergejoin", "seqscan")
    return driver, "BEGIN; " + "; ".join(f"SET LOCAL enable_{name} = off" for name in slow)


if __name__ == "__main__":
    main()
