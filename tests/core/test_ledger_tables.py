"""The tables that hand-written SQL made: what guards them is compared with a list, whatever migrations came after."""

from __future__ import annotations

import databases
import pytest
from django.db import DatabaseError, connection, transaction
from people import ANNA, World

from heed.core import consent
from heed.core.consent import Cause
from heed.core.models import LedgerEntry, Source

IS_POSTGRESQL = databases.ENGINE == "postgresql"
ALWAYS = "A"  # fires also for a session that replays another server's changes
REFUSES = "EXECUTE FUNCTION core_ledger_refuse()"

TRIGGERS = {
    "sqlite": {
        ("core_ledgerentry", "ledger_adds", "BEFORE INSERT"),
        ("core_ledgerentry", "ledger_keeps", "BEFORE UPDATE"),
        ("core_ledgerentry", "ledger_stays", "BEFORE DELETE"),
    },
    "postgresql": {
        (ALWAYS, f"CREATE TRIGGER ledger_keeps BEFORE DELETE OR UPDATE ON core_ledgerentry FOR EACH ROW {REFUSES}"),
        (ALWAYS, f"CREATE TRIGGER ledger_stays BEFORE TRUNCATE ON core_ledgerentry FOR EACH STATEMENT {REFUSES}"),
    },
}
INDEXES = {
    "consent_one_sender",
    "consent_out",
    "consent_sender",
    "consent_since",
    "ledger_inbound",
    "ledger_person",
    "ledger_source",
}
REPLICA = "SET LOCAL session_replication_role = replica; DELETE FROM core_ledgerentry"
CHECKS = {"act IN ('opt_out', 'opt_in', 'hold', 'release', 'erase')", "held >= 0", "state IN ('none', 'in', 'out')"}


def rows(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def sqlite_triggers() -> set[tuple[str, str, str]]:
    found = rows("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'")
    return {(table, name, " ".join(sql.split(f"TRIGGER {name}")[1].split()[:2])) for table, name, sql in found}


def postgresql_triggers() -> set[tuple[str, str]]:
    return set(rows("SELECT tgenabled::text, pg_get_triggerdef(oid, true) FROM pg_trigger WHERE NOT tgisinternal"))


def test_the_triggers_are_those_of_the_list(db: None) -> None:
    found = postgresql_triggers() if IS_POSTGRESQL else sqlite_triggers()
    assert found == TRIGGERS[databases.ENGINE]


def test_the_tables_have_the_options_of_the_list(db: None) -> None:
    if IS_POSTGRESQL:
        found = rows("SELECT relname, reloptions FROM pg_class WHERE relname IN ('core_consent', 'core_ledgerentry')")
        assert dict(found) == {"core_consent": ["fillfactor=90"], "core_ledgerentry": None}
        tables = "SELECT DISTINCT relpersistence::text FROM pg_class WHERE relname LIKE 'core%' AND relkind = 'r'"
        assert rows(tables) == [("p",)]  # an unlogged table is empty after a crash
    else:
        found = rows("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        tables = {name: " ".join(sql.split()) for name, sql in found}
        assert tables["core_consent"].endswith("PRIMARY KEY (account_id, recipient, sender_id) ) WITHOUT ROWID")
        assert "id integer NOT NULL PRIMARY KEY AUTOINCREMENT" in tables["core_ledgerentry"]  # no id comes twice
        for words in CHECKS:
            assert f"CHECK ({words})" in tables["core_consent"] + tables["core_ledgerentry"]


def test_the_keys_and_indexes_are_those_of_the_list(db: None) -> None:
    with connection.cursor() as cursor:
        consent_has = connection.introspection.get_constraints(cursor, "core_consent")
        ledger_has = connection.introspection.get_constraints(cursor, "core_ledgerentry")
    names = {name for name, one in (consent_has | ledger_has).items() if one["index"] and not one["primary_key"]}
    assert names == INDEXES
    keys = [one["columns"] for one in (*consent_has.values(), *ledger_has.values()) if one["primary_key"]]
    assert keys == [["account_id", "recipient", "sender_id"], ["id"]]
    assert not any(one["foreign_key"] for one in (*consent_has.values(), *ledger_has.values()))


def test_the_database_flushes_what_it_commits(live: object) -> None:
    if IS_POSTGRESQL:
        assert rows("SHOW synchronous_commit") == [("on",)]
    else:
        assert rows("PRAGMA synchronous") == [(2,)]  # FULL
        assert rows("PRAGMA journal_mode") == [("wal",)]


EVERYWHERE = [
    "UPDATE core_ledgerentry SET note = 'x'",
    "UPDATE core_ledgerentry SET id = id + 1",
    "DELETE FROM core_ledgerentry",
    "INSERT INTO core_ledgerentry SELECT * FROM core_ledgerentry WHERE true ON CONFLICT (id) DO UPDATE SET note = 'x'",
]
FORBIDDEN = {
    "sqlite": [
        "REPLACE INTO core_ledgerentry SELECT * FROM core_ledgerentry",
        "UPDATE OR REPLACE core_ledgerentry SET note = 'x'",
    ],
    "postgresql": ["TRUNCATE core_ledgerentry", "TRUNCATE core_ledgerentry, core_consent CASCADE", REPLICA],
}


@pytest.mark.parametrize("sql", EVERYWHERE + FORBIDDEN[databases.ENGINE])
def test_the_ledger_is_append_only(world: World, sql: str) -> None:
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.KEYWORD, note="first"))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert LedgerEntry.objects.get().note == "first"
