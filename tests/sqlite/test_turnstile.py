"""The queue before SQLite's write lock: who waits is next, whoever raises lets go, and who never lets go is ended."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import databases
import pytest
from crowd import PATIENCE_S, together
from django.db import DatabaseError, IntegrityError, connection, transaction
from people import World

from heed.core.models import Account, SandboxFailure
from heed.sqlite.turnstile import Turnstile

sqlite_only = pytest.mark.skipif(databases.ENGINE != "sqlite", reason="PostgreSQL locks rows, and queues for them")
TURNS = 40

# Asks again the moment it has let go, as a busy dispatcher does, and counts its turns where the test can see them.
BUSY = """
import mmap, sys
from pathlib import Path
from heed.sqlite.turnstile import Turnstile
with open(sys.argv[2], "r+b") as file, mmap.mmap(file.fileno(), 8) as shared:
    turnstile = Turnstile(Path(sys.argv[1]))
    while shared[7] == 0:
        turnstile.enter()
        shared[0:4] = (int.from_bytes(shared[0:4], "big") + 1).to_bytes(4, "big")
        turnstile.leave()
"""


class Other:
    """Another writer, a thread or a process, and how many turns it has had."""

    def __init__(self, folder: Path) -> None:
        self.database, self.path = folder / "database", folder / "count"
        self.path.write_bytes(bytes(8))

    @property
    def turns(self) -> int:
        return int.from_bytes(self.path.read_bytes()[:4], "big")

    @contextmanager
    def as_process(self) -> Iterator[None]:
        with subprocess.Popen([sys.executable, "-c", BUSY, self.database, self.path], cwd="src") as process:
            try:
                yield
                with self.path.open("r+b") as file:
                    file.seek(7)
                    file.write(b"\1")
                assert process.wait(PATIENCE_S) == 0
            finally:
                process.kill()

    @contextmanager
    def as_thread(self) -> Iterator[None]:
        ending = threading.Event()

        def run() -> None:
            turnstile = Turnstile(self.database)
            while not ending.is_set():
                turnstile.enter()
                self.path.write_bytes((self.turns + 1).to_bytes(8, "big")[4:] + bytes(4))
                turnstile.leave()
            turnstile.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield
        ending.set()
        thread.join(PATIENCE_S)


def is_free(name: object, file: str = "write") -> bool:
    descriptor = os.open(f"{name}-{file}", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def wait_until_another_asks(database: Path) -> None:
    end = time.monotonic() + 5
    while is_free(database, "queue"):
        assert time.monotonic() < end


@pytest.mark.parametrize("kind", [Other.as_thread, Other.as_process])
def test_who_has_asked_is_next_however_soon_the_holder_asks_again(tmp_path: Path, kind) -> None:
    """flock alone gives the lock to whoever runs when it is free, and that is the one who has just let go."""
    other = Other(tmp_path)
    turnstile = Turnstile(other.database)
    turnstile.enter()
    with kind(other):
        for _ in range(TURNS):
            before = other.turns
            wait_until_another_asks(other.database)
            turnstile.leave()
            turnstile.enter()
            assert other.turns > before
        turnstile.leave()
    turnstile.close()


def test_only_one_holds_it(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def take_turns() -> None:
        turnstile = Turnstile(tmp_path / "database")
        for _ in range(TURNS):
            turnstile.enter()
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            turnstile.leave()
        turnstile.close()

    together(*[take_turns] * 4)
    assert max(most) == 1
    assert len(most) == 4 * TURNS


def database_name() -> str:
    return str(connection.settings_dict["NAME"])


class Broken(Exception):
    """A writer that raises."""


def _write_and_raise() -> None:
    with transaction.atomic():
        Account.objects.update(name="never")
        raise Broken


def _write_what_no_commit_takes() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("PRAGMA defer_foreign_keys = ON")
        cursor.execute("UPDATE core_sender SET connection_id = 999")


@sqlite_only
def test_it_is_held_within_a_transaction_and_around_a_single_write(live_world: World) -> None:
    held = []

    def note(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if sql.startswith("SELECT"):
            held.append(connection.turnstile.is_held)
        return result

    with connection.execute_wrapper(note):
        with transaction.atomic():
            Account.objects.count()
        Account.objects.count()
    assert held == [True, False]
    with transaction.atomic():
        assert connection.turnstile.is_held
        assert not is_free(database_name())
    assert is_free(database_name())


@sqlite_only
def test_it_is_let_go_when_a_writer_raises(live_world: World) -> None:
    name = database_name()
    with pytest.raises(Broken):
        _write_and_raise()
    assert is_free(name)
    with pytest.raises(IntegrityError):
        SandboxFailure.objects.create(id=1, to=None, failure="x")
    assert is_free(name)
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("UPDATE no_such_table SET x = 1")
    assert is_free(name)
    with transaction.atomic():
        with pytest.raises(Broken):
            _write_and_raise()
        assert not is_free(name)  # a savepoint is no end
    assert is_free(name)
    assert not Account.objects.filter(name="never").exists()


@sqlite_only
def test_it_is_let_go_when_a_commit_fails_and_when_the_connection_is_closed(live_world: World) -> None:
    name = database_name()
    with pytest.raises(IntegrityError):
        _write_what_no_commit_takes()
    assert is_free(name)
    with transaction.atomic():
        assert not is_free(name)
        connection.close()
        assert is_free(name)


STUCK = """
import time
from pathlib import Path
import sys
from heed.sqlite import turnstile
turnstile.end_stuck_holders(0.4)
mine = turnstile.Turnstile(Path(sys.argv[1]))
mine.enter()
print("in", flush=True)
time.sleep(30)
"""


def test_a_process_that_never_lets_go_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STUCK, str(tmp_path / "database")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="src") as process:
        assert process.stdout.readline() == "in\n"
        next_in_line = Turnstile(tmp_path / "database")
        next_in_line.enter()
        next_in_line.close()
        assert process.wait(PATIENCE_S) == 70
        assert "took over" in process.stderr.read()
