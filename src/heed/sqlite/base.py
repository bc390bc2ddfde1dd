"""The SQLite backend: Django's, with the turnstile around every BEGIN IMMEDIATE and every write outside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any  # Django's cursors take and return whatever the driver does.

from django.db.backends.sqlite3 import base

from heed.sqlite.turnstile import Turnstile

_READS = ("SELECT", "PRAGMA", "EXPLAIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "VALUES")


class DatabaseWrapper(base.DatabaseWrapper):
    turnstile: Turnstile | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        name = str(self.settings_dict["NAME"])
        self._leave_for_good()
        if ":memory:" not in name and "mode=memory" not in name:
            self.turnstile = Turnstile(Path(name))
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=_Cursor.of(self))

    def _start_transaction_under_autocommit(self) -> None:
        if self.turnstile:
            self.turnstile.enter()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # private, and so without types
        except BaseException:
            self.leave_turnstile()
            raise

    def _commit(self) -> Any:
        try:
            return super()._commit()  # type: ignore[misc]  # private, and so without types
        finally:
            # A COMMIT that failed leaves the transaction open; the turnstile is then left by the rollback.
            if self.connection is None or not self.connection.in_transaction:
                self.leave_turnstile()

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]  # private, and so without types
        finally:
            self.leave_turnstile()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]  # private, and so without types
        finally:
            self._leave_for_good()

    def leave_turnstile(self) -> None:
        if self.turnstile:
            self.turnstile.leave()

    def _leave_for_good(self) -> None:
        if self.turnstile:
            self.turnstile.close()
            self.turnstile = None


class _Cursor(base.SQLiteCursorWrapper):
    wrapper: DatabaseWrapper

    @classmethod
    def of(cls, wrapper: DatabaseWrapper) -> Callable[..., _Cursor]:
        def make(connection: Any) -> _Cursor:
            cursor = cls(connection)
            cursor.wrapper = wrapper
            return cursor

        return make

    def execute(self, query: str, params: Any = None) -> Any:
        return self._in_turn(query, lambda: super(_Cursor, self).execute(query, params))

    def executemany(self, query: str, param_list: Any) -> Any:
        return self._in_turn(query, lambda: super(_Cursor, self).executemany(query, param_list))

    def _in_turn(self, query: str, run: Callable[[], Any]) -> Any:
        turnstile = self.wrapper.turnstile
        if turnstile is None or turnstile.is_held or query.lstrip()[:9].upper().startswith(_READS):
            return run()
        turnstile.enter()
        try:
            return run()
        finally:
            turnstile.leave()
