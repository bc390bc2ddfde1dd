"""Every test runs on SQLite, and every test that touches the database runs on PostgreSQL too (``./heed test``)."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = os.environ.setdefault("HEED_TEST_DATABASE", "sqlite")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
HOME = Path(tempfile.mkdtemp(prefix="heed-test-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

os.environ["DJANGO_SETTINGS_MODULE"] = "heed.settings"
os.environ["HEED_DATA_DIR"] = str(HOME)
os.environ["HEED_PUBLIC_URL"] = "http://testserver"
for name in ("SECRET_KEY", "FIELD_KEYS", "ID_KEY"):
    os.environ.setdefault(f"HEED_{name}", secrets.token_hex(32))

if ENGINE == "postgresql" and "HEED_TEST_SERVER" not in os.environ:
    import postgres

    running = contextlib.ExitStack()
    os.environ["HEED_TEST_SERVER"] = running.enter_context(postgres.server())
    atexit.register(running.close)
SERVER = os.environ.get("HEED_TEST_SERVER", "")
if ENGINE == "postgresql":
    os.environ["HEED_DATABASE_URL"] = f"{SERVER}heed_test_{WORKER}"

import django  # noqa: E402

from heed import settings as heed_settings  # noqa: E402  # only after the environment is set

# Tests move a connection to another database; a pool would stay with the old one.
heed_settings.DATABASES["default"]["OPTIONS"].pop("pool", None)
django.setup()

_DATABASE_FIXTURES = {"db", "live", "installation"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What touches no database has run on SQLite's turn."""
    if ENGINE == "postgresql":
        touching = [item for item in items if _DATABASE_FIXTURES & set(getattr(item, "fixturenames", ()))]
        config.hook.pytest_deselected(items=[item for item in items if item not in touching])
        items[:] = touching


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker) -> Iterator[None]:
    """A migrated template, and the database that tests roll back on."""
    from django.core.management import call_command
    from django.db import connection

    with django_db_blocker.unblock():
        template, working = f"heed_template_{WORKER}", f"heed_test_{WORKER}"
        _make(template)
        _move(template)
        call_command("migrate", verbosity=0)
        connection.close()
        _make(working, template)
        _move(working)
    yield
    with django_db_blocker.unblock():
        connection.close()


@pytest.fixture
def live(django_db_setup, django_db_blocker) -> Iterator[str]:
    """A database of its own, where every thread and process commits; its HEED_DATABASE_URL, or the SQLite file's folder."""
    from django.db import connection, connections

    name = f"heed_live_{WORKER}_{secrets.token_hex(4)}"
    with django_db_blocker.unblock():
        connection.close()
        _make(name, f"heed_template_{WORKER}")
        _move(name)
        try:
            yield f"{SERVER}{name}" if ENGINE == "postgresql" else str(HOME / name)
        finally:
            connections.close_all()
            _drop(name)
            _move(f"heed_test_{WORKER}")


def _make(name: str, template: str = "") -> None:
    if ENGINE == "postgresql":
        import postgres

        postgres.create(SERVER, name, template or "template1")
    else:
        (HOME / name).mkdir()
        if template:
            shutil.copy(HOME / template / "heed.sqlite3", HOME / name / "heed.sqlite3")


def _drop(name: str) -> None:
    if ENGINE == "postgresql":
        import postgres

        postgres.drop(SERVER, name)
    else:
        shutil.rmtree(HOME / name)


def _move(name: str) -> None:
    from django.db import connection

    connection.close()
    place = name if ENGINE == "postgresql" else str(HOME / name / "heed.sqlite3")
    connection.settings_dict["NAME"] = place


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
