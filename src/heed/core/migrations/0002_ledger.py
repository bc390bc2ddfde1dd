"""The ledger and consent, by hand-written SQL that the schema editor never touches."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from heed.core.sql import script


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    vendor = schema_editor.connection.vendor
    with schema_editor.connection.cursor() as cursor:
        if vendor == "postgresql":
            cursor.execute(script("ledger", vendor))
        else:
            for statement in _statements(script("ledger", vendor)):
                cursor.execute(statement)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DROP TABLE core_consent")
        cursor.execute("DROP TABLE core_ledgerentry")
        if schema_editor.connection.vendor == "postgresql":
            cursor.execute("DROP FUNCTION core_ledger_refuse()")


def _statements(text: str) -> list[str]:
    """The statements of an SQLite script; a trigger ends with its own END."""
    import sqlite3

    found, statement = [], ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
