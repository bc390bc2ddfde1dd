"""Every test runs on SQLite, and every test that touches the database runs on PostgreSQL too (``./heed test``)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import databases  # first: it sets Django up
import pytest

pytest_plugins = ["visiting"]

_DATABASE_FIXTURES = {"db", "live", "live_for_all", "installation", "site"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What touches no database, and what a page looks like, has run on SQLite's turn."""
    if databases.ENGINE == "postgresql":
        again = [item for item in items if _asks_the_database(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in again])
        items[:] = again


def _asks_the_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(_DATABASE_FIXTURES & fixtures) and not item.get_closest_marker("looks")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker) -> Iterator[None]:
    """A migrated template, and the database that tests roll back on."""
    from django.core.management import call_command
    from django.db import connection

    with django_db_blocker.unblock():
        template, working = f"heed_template_{databases.WORKER}", f"heed_test_{databases.WORKER}"
        databases.make(template)
        databases.move(template)
        call_command("migrate", verbosity=0)
        connection.close()
        databases.make(working, template)
        databases.move(working)
    yield
    with django_db_blocker.unblock():
        connection.close()


@pytest.fixture
def live(django_db_setup, django_db_blocker) -> Iterator[dict[str, str]]:
    """A database of its own, where every thread and process commits; the settings of a process that uses it."""
    with _live(django_db_blocker) as place:
        yield place


@pytest.fixture(scope="module")
def live_for_all(django_db_setup, django_db_blocker) -> Iterator[dict[str, str]]:
    """One for all tests of a module, which tidy up after themselves: PostgreSQL takes a second to make one."""
    with _live(django_db_blocker) as place:
        yield place


@contextmanager
def _live(django_db_blocker) -> Iterator[dict[str, str]]:
    from django.db import connection, connections

    name = f"heed_live_{databases.WORKER}_{secrets.token_hex(4)}"
    with django_db_blocker.unblock():
        connection.close()
        databases.make(name, f"heed_template_{databases.WORKER}")
        databases.move(name)
        try:
            yield databases.place(name)
        finally:
            connections.close_all()
            databases.drop(name)
            databases.move(f"heed_test_{databases.WORKER}")


@pytest.fixture
def world(db):
    """The people and numbers of ``people.py``, rolled back after the test."""
    import people

    return people.make()


@pytest.fixture
def live_world(live):
    """The same, committed in a database of its own."""
    import people

    return people.make()
