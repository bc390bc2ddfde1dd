"""What happens before serving: refuse unsafe storage, remember the address, make the first account."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from heed.core import accounts, sandbox, senders
from heed.core.models import Account, Member, Role, Sender, SenderKind, User

FIRST_ACCOUNT, FIRST_OWNER = "My account", "owner@localhost"
SHARED_NUMBER = 447700900499
# Locks and fsync of these can't be trusted, and a lost opt-out is what must not happen.
REMOTE_FILESYSTEMS = ("nfs", "cifs", "smb", "9p", "fuse", "afs", "ceph", "glusterfs", "lustre")


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")


def commands(host: str, port: int) -> dict[str, list[str]]:
    web = ["web", "--host", host, "--port", str(port)]
    return {"web": web, "dispatcher": ["dispatch"], "worker": ["work"]}


def refuse_unsafe_storage() -> None:
    """Stop where an acknowledged opt-out could be lost: a remote data folder, a PostgreSQL that doesn't flush."""
    if connection.vendor == "sqlite":
        if kind := remote_filesystem(Path(settings.DATA_DIR)):
            raise CommandError(
                f"{settings.DATA_DIR} is on {kind}. Use a local disk, or PostgreSQL (HEED_DATABASE_URL)."
            )
        return
    with connection.cursor() as cursor:
        for name in ("fsync", "synchronous_commit"):
            cursor.execute(f"SHOW {name}")
            value = cursor.fetchone()[0]
            if value in ("off", "local") and not (name == "synchronous_commit" and value == "local"):
                raise CommandError(f"PostgreSQL runs with {name}={value}: it could lose opt-outs. Turn it on.")


def remote_filesystem(folder: Path) -> str:
    """The kind of file system that ``folder`` is on if it is a remote or user-space one, else ""."""
    place = folder.resolve()
    best, kind = "", ""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, found, *_ = line.split()
        mount = mount.replace("\\040", " ")
        if (place == Path(mount) or Path(mount) in place.parents) and len(mount) >= len(best):
            best, kind = mount, found
    return kind if kind.startswith(REMOTE_FILESYSTEMS) else ""


def refuse_unmigrated() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date. Run: ./heed migrate (./heed up does it by itself).")


def refuse_taken_port(host: str, port: int) -> None:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError as error:
            raise CommandError(f"Port {port} can't be used ({error.strerror}). Choose another: --port N") from error


def remember_address(host: str, port: int) -> None:
    """Keep the address beside an SQLite database, so that other commands build the same links."""
    if connection.vendor == "sqlite" and not settings.PUBLIC_URL_IS_SET:
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (compared, not bound)
        settings.PUBLIC_URL = f"http://{shown}:{port}"
        (Path(settings.DATA_DIR) / "address").write_text(settings.PUBLIC_URL + "\n")


def first_account() -> User:
    """The owner to sign in; an account with one, and a shared number on the sandbox, are made if there is none."""
    if not Account.objects.exists():
        account = accounts.create(FIRST_ACCOUNT, actor="command line")
        accounts.add_member(account, FIRST_OWNER, Role.OWNER, actor="command line")
    if not Sender.objects.filter(kind=SenderKind.SHARED).exists():
        senders.add_shared(SHARED_NUMBER, sandbox.connection_of(), actor="command line")
    member = Member.objects.select_related("user").filter(role=Role.OWNER).order_by("id").first()
    if member is None:
        account = Account.objects.order_by("id")[0]
        member = accounts.add_member(account, FIRST_OWNER, Role.OWNER, actor="command line")
    return member.user


def wait_until_ready(host: str, port: int, limit_s: float = 60) -> None:
    """Return when the web process answers, or after ``limit_s``."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (compared, not bound)
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://{shown}:{port}/healthz", timeout=2) as answer:
                if json.load(answer)["status"] == "ok":
                    return
        except (OSError, HTTPException, ValueError):
            time.sleep(0.1)


def banner() -> str:
    return (
        f"\nHeed is running at {settings.PUBLIC_URL}\n"
        f"Programs: {settings.PUBLIC_URL}/v1/docs with a key from ./heed api-key create --name NAME\n"
        "Stop it with Ctrl-C.\n"
    )
