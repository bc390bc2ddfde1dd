"""What happens before serving: refuse unsafe storage, remember the address, make the first account."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from heed.core import accounts, sandbox, senders
from heed.core.models import Account, Member, Role, Sender, SenderKind, User
from heed.workers.options import ACTOR

ADDRESS_FILE = "address"  # as heed.config reads it
FIRST_ACCOUNT, FIRST_OWNER = "My account", "owner@localhost"
SHARED_NUMBER = 447700900499
START_LOCK = 0x48656564  # "Heed"; any number that nobody else locks in this database
# Locks and fsync of these can't be trusted, and a lost opt-out is what must not happen.
REMOTE_FILESYSTEMS = ("nfs", "cifs", "smb", "9p", "fuse", "afs", "ceph", "glusterfs", "lustre")


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--port", type=_port, default=8000, metavar="N", help="to listen on (8000)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")


def _port(raw: str) -> int:
    if not (raw.isascii() and raw.isdecimal() and 0 < int(raw) < 2**16):
        raise ArgumentTypeError(f"{raw} is not a port: 1 to 65535.")
    return int(raw)


def prepare(host: str, port: int) -> None:
    """Refuse what can't work, before anything is changed; then remember the address."""
    refuse_unsafe_storage()
    refuse_taken_port(host, port)
    for smpp_port in smpp_ports():
        refuse_taken_port(settings.SMPP_HOST, smpp_port)
    remember_address(host, port)


@contextmanager
def alone() -> Iterator[None]:
    """Only one start at a time migrates and makes the first account, whoever starts at the same moment."""
    if connection.vendor == "sqlite":
        with (Path(settings.DATA_DIR) / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [START_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [START_LOCK])


def commands(host: str, port: int) -> dict[str, list[str]]:
    web = ["web", "--host", host, "--port", str(port)]
    smpp = {"smpp": ["smpp"]} if smpp_ports() else {}
    return {"web": web, "dispatcher": ["dispatch"], "worker": ["work"], **smpp}


def smpp_ports() -> list[int]:
    """The ports on which programs bind by SMPP, if any."""
    return [port for port in (settings.SMPP_PORT, settings.SMPP_TLS_PORT) if port]


def refuse_unsafe_storage() -> None:
    """Stop where an acknowledged opt-out could be lost: a remote data folder, a PostgreSQL that doesn't flush."""
    if connection.vendor == "sqlite":
        if kind := remote_filesystem(Path(settings.DATA_DIR)):
            raise CommandError(
                f"{settings.DATA_DIR} is on {kind}. Use a local disk, or PostgreSQL (HEED_DATABASE_URL)."
            )
        return
    with connection.cursor() as cursor:
        for name, safe in {"fsync": ("on",), "synchronous_commit": ("on", "remote_apply")}.items():
            cursor.execute(f"SHOW {name}")
            value = cursor.fetchone()[0]
            if value not in safe:
                raise CommandError(f"PostgreSQL runs with {name}={value}: it could lose opt-outs. Set it to on.")


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
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        words = f"Heed can't listen on {host}, port {port}: {_words(error)}."
        if error.errno == errno.EADDRINUSE:
            words = f"Port {port} is taken. Is Heed running already? Choose another: --port N"
        raise CommandError(words) from error


def _words(error: OSError) -> str:
    """Without the address, which Python adds; a name that can't be looked up has a negative number."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)


def remember_address(host: str, port: int) -> None:
    """Keep the address beside an SQLite database, so that other commands build the same links."""
    if not settings.PUBLIC_URL_IS_SET:
        settings.PUBLIC_URL = local_address(host, port)
        if connection.vendor == "sqlite":
            (Path(settings.DATA_DIR) / ADDRESS_FILE).write_text(settings.PUBLIC_URL + "\n")


def local_address(host: str, port: int) -> str:
    """Where this machine reaches what listens on ``host``."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def first_account() -> User:
    """The owner to sign in; an account with one, and a shared number on the sandbox, are made if there is none."""
    if not Account.objects.exists():
        account = accounts.create(FIRST_ACCOUNT, actor=ACTOR)
        accounts.add_member(account, FIRST_OWNER, Role.OWNER, actor=ACTOR)
    if not Sender.objects.filter(kind=SenderKind.SHARED).exists():
        senders.add_shared(SHARED_NUMBER, sandbox.connection_of(), actor=ACTOR)
    member = Member.objects.select_related("user").filter(role=Role.OWNER).order_by("id").first()
    if member is None:
        account = Account.objects.order_by("id")[0]
        member = accounts.add_member(account, FIRST_OWNER, Role.OWNER, actor=ACTOR)
    return member.user


def wait_until_ready(host: str, port: int, limit_s: float = 60) -> bool:
    """Whether the web process answers within ``limit_s``; returns as soon as it does."""
    reached = urlsplit(local_address(host, port)).hostname or host
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        web = HTTPConnection(reached, port, timeout=2)  # never through a proxy
        try:
            web.request("GET", "/healthz")
            if web.getresponse().status == 200:
                return True
        except (OSError, HTTPException):
            pass
        finally:
            web.close()
        time.sleep(0.1)
    return False


def banner(host: str, port: int, sign_in_link: str) -> str:
    here = local_address(host, port)
    listening = "" if here == settings.PUBLIC_URL else f" (here: {here})"
    return (
        f"\nHeed is running at {settings.PUBLIC_URL}{listening}\n"
        f"Sign in, once, within a day: {sign_in_link}\n"
        f"Programs: {settings.PUBLIC_URL}/v1/docs with a key from ./heed api-key create --name NAME\n"
        "Stop it with Ctrl-C.\n\n"
    )
