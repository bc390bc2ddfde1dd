"""The doctor: every illness is found, and told with what mends it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from people import ANNA, World

from heed.core import inbound, leases, outbound
from heed.core.models import Inbound, Lease, Member, Message, Role, Sender
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.values import InboundText

IS_SQLITE = connection.vendor == "sqlite"


def doctor() -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("doctor", stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def healthy(world: World, tmp_path: Path, settings) -> World:
    """An installation that a dispatcher and a worker serve, with a data folder that is its owner's alone."""
    settings.DATA_DIR = tmp_path
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "id_key").touch(mode=0o600)
    tmp_path.chmod(0o700)
    for role in (leases.DISPATCHER, leases.WORKER):
        leases.take(role)
    return world


def ended(role: str) -> None:
    Lease.objects.filter(name__startswith=role).update(expires_at=timezone.now() - timedelta(hours=1))


def message(world: World, **columns: object) -> None:
    draft = Draft(ANNA, numbers.show(ANNA), "Hello")
    queued = outbound.queue(world.number, [draft], door="test", actor="test")[0]
    Message.objects.filter(id=queued.id).update(**columns)


def unread(world: World) -> None:
    inbound.receive(world.link, [InboundText("", numbers.show(ANNA), world.number.address, "Hello")])
    Inbound.objects.update(read_at=None, received_at=timezone.now() - timedelta(minutes=2))


def stopped(world: World) -> None:
    world.link.stopped_at, world.link.stopped_reason = timezone.now(), "Wrong password."
    world.link.save()


def test_all_is_well(healthy: World) -> None:
    assert doctor() == (0, "All is well.\n")


@pytest.mark.parametrize(
    ("make_ill", "words"),
    [
        (lambda world: ended(leases.DISPATCHER), "No dispatcher is running, so nothing is sent. Run ./heed up"),
        (
            lambda world: ended(leases.WORKER),
            "No worker is running, so campaigns and imports stand still. Run ./heed up",
        ),
        (stopped, "Connection Sandbox stopped: Wrong password. Mend it, then: ./heed connection resume "),
        (unread, "1 texts from phones could not be read. Is the worker running?"),
        (
            lambda world: message(world, state="unconfirmed"),
            "1 messages of the last week may or may not have been sent.",
        ),
        (
            lambda world: message(world, state="waiting", due_at=timezone.now() - timedelta(hours=1)),
            "1 messages are due and wait. Is a worker running?",
        ),
        (
            lambda world: Member.objects.filter(account=world.other, role=Role.OWNER).delete(),
            "Account other has no owner. Run: ./heed account own other EMAIL",
        ),
        (
            lambda world: Sender.objects.filter(pk=world.shared.pk).update(closed_at=timezone.now()),
            "There is no shared number, so free keywords work nowhere. Run: ./heed shared-number add N",
        ),
    ],
)
def test_an_illness_is_found_and_its_cure_told(healthy: World, make_ill: Callable[[World], object], words: str) -> None:
    make_ill(healthy)
    code, said = doctor()
    assert code == 1
    assert said.startswith(f"✗ {words}")
    assert len(said.splitlines()) == 1


def test_debugging_is_no_way_to_serve(healthy: World, settings) -> None:
    settings.DEBUG = True
    assert doctor()[1].startswith("✗ HEED_DEBUG is on")


@pytest.mark.skipif(not IS_SQLITE, reason="on PostgreSQL the data folder has nothing to lose")
@pytest.mark.parametrize(
    ("make_ill", "words"),
    [
        (lambda folder: folder.chmod(0o755), "Others may read {folder}. Run: chmod 700 {folder}"),
        (
            lambda folder: (folder / "keys" / "id_key").chmod(0o644),
            "Others may read {folder}/keys/id_key. Run: chmod 600",
        ),
    ],
)
def test_a_data_folder_is_its_owners_alone(
    healthy: World, tmp_path: Path, make_ill: Callable[[Path], None], words: str
) -> None:
    make_ill(tmp_path)
    code, said = doctor()
    assert (code, words.format(folder=tmp_path) in said) == (1, True)


@pytest.mark.skipif(not IS_SQLITE, reason="on PostgreSQL the data folder has nothing to lose")
def test_a_disk_is_not_full(healthy: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=7 * 2**20))
    assert f"{tmp_path} has 7 MB left." in doctor()[1]


@pytest.mark.skipif(not IS_SQLITE, reason="only SQLite's locks need a local disk")
@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_remote_data_folder_is_unsafe(
    healthy: World, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/home {tmp_path} {kind} rw 0 0\n/dev/sdb {tmp_path}x ext4 rw 0 0\n"
    monkeypatch.setattr(Path, "read_text", lambda _: mounts)
    assert doctor() == (1, f"✗ {tmp_path} is on {kind}. Use a local disk, or PostgreSQL (HEED_DATABASE_URL).\n")


@pytest.mark.skipif(IS_SQLITE, reason="SQLite has no such setting")
@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
def test_a_database_that_may_lose_commits_is_unsafe(healthy: World, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL synchronous_commit = {value}")
    words = f"✗ PostgreSQL runs with synchronous_commit={value}: it could lose opt-outs. Set it to on.\n"
    assert doctor() == (1, words)


def test_an_old_database_is_told_to_be_migrated(healthy: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'core' AND name > '0001'")
    code, said = doctor()
    assert (code, said.splitlines()) == (
        1,
        ["✗ The database is not up to date. Run: ./heed migrate (./heed up does it by itself)."],
    )
