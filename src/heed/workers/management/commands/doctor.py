"""What is wrong, and how to mend it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from heed.core import database, leases
from heed.core.models import Account, Connection, Inbound, Member, Message, Role, Sender, SenderKind
from heed.workers import start
from heed.workers.options import PlainCommand

Problems = Iterator[str]
FREE_BYTES = 500 * 2**20


class Command(PlainCommand):
    help = "Say what is wrong and how to mend it. Exit 1 if something is."

    def handle(self, *args: object, **options: object) -> None:
        problems = list(storage())
        if not problems:  # Without sound tables there is nothing more to see.
            problems = [problem for examine in EXAMINED for problem in examine()]
        for problem in problems:
            self.stdout.write(f"✗ {problem}")
        if problems:
            raise SystemExit(1)
        self.stdout.write("All is well.")


def storage() -> Problems:
    try:
        start.refuse_unsafe_storage()
        start.refuse_unmigrated()
    except CommandError as error:
        yield str(error)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            found = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "quick_check(1)")]
        if found[0] != "wal":
            yield f"SQLite's journal is {found[0]}, not wal. Start Heed once; it sets it."
        if found[1] != "ok":
            yield f"The database file is damaged ({found[1]}). Restore the newest backup (docs/operations.md)."


def folder() -> Problems:
    data = Path(settings.DATA_DIR)
    if connection.vendor != "sqlite" or not data.exists():
        return
    if data.stat().st_mode & 0o077:
        yield f"Others may read {data}. Run: chmod 700 {data}"
    for key in sorted((data / "keys").glob("*")):
        if key.stat().st_mode & 0o077:
            yield f"Others may read {key}. Run: chmod 600 {key}"
    free = shutil.disk_usage(data).free
    if free < FREE_BYTES:
        yield f"{data} has {free // 2**20} MB left. Free some space, or opt-outs can't be stored."


def processes() -> Problems:
    now = database.now()
    if not leases.is_any_alive(leases.DISPATCHER):
        yield "No dispatcher is running, so nothing is sent. Run ./heed up, ./heed serve or ./heed dispatch."
    if not leases.is_any_alive(leases.WORKER):
        yield "No worker is running, so campaigns and imports stand still. Run ./heed up, ./heed serve or ./heed work."
    for link in Connection.objects.filter(closed_at=None).exclude(stopped_at=None):
        yield f"Connection {link.name} stopped: {link.stopped_reason} Mend it, then: ./heed connection resume {link.id}"
    overdue = Message.objects.filter(state="waiting", due_at__lt=now - timedelta(minutes=1)).count()
    if overdue:
        yield f"{overdue} messages are due and wait. Is a worker running? Run ./heed up, ./heed serve or ./heed work."
    unread = Inbound.objects.filter(read_at=None, received_at__lt=now - timedelta(minutes=1)).count()
    if unread:
        yield f"{unread} texts from phones could not be read. Is the worker running? Its log says why."
    unconfirmed = Message.objects.filter(state="unconfirmed", created_at__gt=now - timedelta(days=7)).count()
    if unconfirmed:
        yield f"{unconfirmed} messages of the last week may or may not have been sent. Look at them under Messages."


def accounts() -> Problems:
    if settings.DEBUG:
        yield "HEED_DEBUG is on: errors are shown to anyone. Unset it."
    owned = Member.objects.filter(role=Role.OWNER).values("account_id")
    for account in Account.objects.filter(closed_at=None).exclude(id__in=owned):
        yield f"Account {account.slug} has no owner. Run: ./heed account own {account.slug} EMAIL"
    if not Sender.objects.filter(kind=SenderKind.SHARED, closed_at=None).exists():
        yield "There is no shared number, so free keywords work nowhere. Run: ./heed shared-number add N"


EXAMINED: tuple[Callable[[], Problems], ...] = (folder, processes, accounts)
