"""The databases of the tests: the environment that Django starts in, and making, moving to and dropping a database."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

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


def make(name: str, template: str = "") -> None:
    if ENGINE == "postgresql":
        import postgres

        postgres.create(SERVER, name, template or "template1")
    else:
        (HOME / name).mkdir()
        if template:
            shutil.copy(HOME / template / "heed.sqlite3", HOME / name / "heed.sqlite3")


def drop(name: str) -> None:
    if ENGINE == "postgresql":
        import postgres

        postgres.drop(SERVER, name)
    else:
        shutil.rmtree(HOME / name)


def move(name: str) -> None:
    from django.db import connection

    connection.close()
    place = name if ENGINE == "postgresql" else str(HOME / name / "heed.sqlite3")
    connection.settings_dict["NAME"] = place


def place(name: str) -> dict[str, str]:
    """What tells another process to use database ``name``."""
    return {"HEED_DATABASE_URL": SERVER + name} if ENGINE == "postgresql" else {"HEED_DATA_DIR": str(HOME / name)}
