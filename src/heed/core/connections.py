"""Connections to carriers: adding, changing, stopping them, and what they are set to. Secrets are kept encrypted."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from heed.core import audit, database, refused, vault
from heed.core.models import Account, Connection, Lease, Sender
from heed.rules.texts import clean, line

log = logging.getLogger(__name__)

MOST_VALUE = 10_000
CALLED_EVERY_S = 60.0  # how exactly it is known when a carrier called
STOPPED_BY_STAFF = "Stopped by "


class Refused(refused.Refused):
    """This can't be done to a connection."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a connection is to be set to; a secret that is not among ``values`` stays as it is.

    ``answered`` is which of stop, start and help the carrier answers itself.
    """

    name: str
    values: Mapping[str, str]
    secret: Collection[str] = field(default_factory=frozenset)  # the names of those that are kept encrypted
    answered: Collection[str] = field(default_factory=frozenset)


def of(account: Account) -> QuerySet[Connection]:
    """The connections that ``account`` may use: its own, and the installation's."""
    return Connection.objects.filter(Q(account=account) | Q(account=None), closed_at=None).order_by("id")


def own(account: Account) -> QuerySet[Connection]:
    """Those that belong to ``account`` alone, and are in use."""
    return Connection.objects.filter(account=account, closed_at=None, stopped_at=None).order_by("id")


def installations(id_: int) -> Connection:
    """One that serves every account. Raises Refused."""
    found = Connection.objects.filter(id=id_, account=None, closed_at=None).first()
    if found is None:
        raise Refused(f"There is no connection {id_} that serves every account.")
    return found


def settings_of(link: Connection) -> dict[str, str]:
    """All that ``link`` is set to, secrets in clear. Raises vault.Unreadable when their key is gone."""
    hidden: dict[str, str] = json.loads(vault.decrypt(link.secrets)) if link.secrets else {}
    return {**link.settings, **hidden}


def shown_settings(link: Connection) -> dict[str, str]:
    """What ``link`` is set to, as people may see it: without its secrets."""
    return dict(link.settings)


def hook_url(link: Connection) -> str:
    """Where its carrier calls us."""
    return f"{settings.PUBLIC_URL}/hooks/{link.kind}/{link.token}/"


def add(kind: str, change: Change, *, account: Account | None, actor: str) -> Connection:
    """A new connection of ``account``, or of the whole installation."""
    link = Connection(account=account, kind=kind, token=secrets.token_urlsafe(24))
    with transaction.atomic(durable=True):
        _set(link, change, {})
        link.save()
        audit.note(link.account_id, actor, "connection.add", link.name, kind=kind, id=link.id)
    return link


def change(link: Connection, to: Change, *, actor: str) -> Connection:
    """Set ``link`` anew. A dispatcher takes the change up within seconds."""
    with transaction.atomic(durable=True):
        link = Connection.objects.select_for_update().get(pk=link.pk)
        before = settings_of(link)
        _set(link, to, {name: before[name] for name in to.secret if name in before})
        link.save()
        changed = sorted(name for name, value in settings_of(link).items() if before.get(name) != value)
        audit.note(link.account_id, actor, "connection.change", link.name, id=link.id, changed=changed)
    return link


def _set(link: Connection, to: Change, hidden: dict[str, str]) -> None:
    link.name = line(to.name)[:80]
    if not link.name:
        raise Refused("Give the connection a name.", field="name")
    values = {name: clean(value).strip() for name, value in to.values.items()}
    if too_long := next((name for name, value in values.items() if len(value) > MOST_VALUE), ""):
        raise Refused(f"This has at most {MOST_VALUE:,} characters.", field=too_long)
    link.settings = {name: value for name, value in values.items() if name not in to.secret}
    hidden |= {name: value for name, value in values.items() if name in to.secret}
    link.secrets = vault.encrypt(json.dumps(hidden)) if hidden else ""
    link.answers_stop, link.answers_start, link.answers_help = (one in to.answered for one in ("stop", "start", "help"))
    link.changed_at = database.now()


def answered(link: Connection) -> Sequence[str]:
    """Which of stop, start and help its carrier answers itself."""
    flags = {"stop": link.answers_stop, "start": link.answers_start, "help": link.answers_help}
    return [word for word, is_answered in flags.items() if is_answered]


def stop(link: Connection, *, actor: str) -> None:
    """Hand nothing more to this carrier; what is queued waits. What it brings is still taken in."""
    with transaction.atomic(durable=True):
        reason = f"{STOPPED_BY_STAFF}{actor}."[:300]
        waiting = Connection.objects.filter(id=link.id, stopped_at=None)
        if waiting.update(stopped_at=database.now(), stopped_reason=reason):
            audit.note(link.account_id, actor, "connection.stop", link.name, id=link.id)


def hold(link: Connection, token: int) -> bool:
    """Whether the session of ``link`` is kept by the process of lease ``token``, from now on if nobody living keeps it."""
    living = Lease.objects.filter(id=OuterRef("holder"), expires_at__gt=database.now())
    free = Connection.objects.filter(Q(holder=token) | ~Exists(living), id=link.id)
    return bool(free.update(holder=token))


def let_go(link: Connection, token: int) -> None:
    """Another process may keep the session of ``link``."""
    Connection.objects.filter(id=link.id, holder=token).update(holder=0)


def resume(link: Connection, *, actor: str) -> None:
    """Hand off again, what has waited first."""
    with transaction.atomic(durable=True):
        stopped = Connection.objects.filter(id=link.id, stopped_at__isnull=False, closed_at=None)
        if stopped.update(stopped_at=None, stopped_reason=""):
            audit.note(link.account_id, actor, "connection.resume", link.name, id=link.id)


def close(link: Connection, *, actor: str) -> None:
    """Stop it for good. Raises Refused while a sender uses it. Its secrets stay, so that a late STOP is still taken."""
    with transaction.atomic(durable=True):
        link = Connection.objects.select_for_update().get(pk=link.pk)
        if sender := Sender.objects.filter(connection=link, closed_at=None).order_by("id").first():
            raise Refused(f"{sender.address} sends through it. Release it first.", code="in_use")
        if link.closed_at is None:
            link.closed_at = database.now()
            link.stopped_at, link.stopped_reason = link.stopped_at or link.closed_at, f"Closed by {actor}."[:300]
            link.save(update_fields=["closed_at", "stopped_at", "stopped_reason"])
            audit.note(link.account_id, actor, "connection.close", link.name, id=link.id)


_noted: dict[int, float] = {}  # until when a connection's call needs no writing down


def called(link: Connection) -> None:
    """Its carrier has brought something. Written once a minute, and no call fails for it."""
    if time.monotonic() < _noted.get(link.id, 0.0):
        return
    _noted[link.id] = time.monotonic() + CALLED_EVERY_S
    try:
        Connection.objects.filter(id=link.id).update(called_at=database.now())
    except DatabaseError:
        log.exception("When a carrier called could not be written down.")
