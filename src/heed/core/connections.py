"""Connections to carriers: adding, changing, stopping them, and what they are set to. Secrets are kept encrypted."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from heed.core import audit, database, refused, vault
from heed.core.models import Account, Connection
from heed.rules.texts import clean, line

MOST_VALUE = 10_000
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
    return Connection.objects.filter(Q(account=account) | Q(account=None)).order_by("id")


def settings_of(link: Connection) -> dict[str, str]:
    """All that ``link`` is set to, secrets in clear. Raises vault.Unreadable when their key is gone."""
    hidden: dict[str, str] = json.loads(vault.decrypt(link.secrets)) if link.secrets else {}
    return {**link.settings, **hidden}


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


def resume(link: Connection, *, actor: str) -> None:
    """Hand off again, what has waited first."""
    with transaction.atomic(durable=True):
        stopped = Connection.objects.filter(id=link.id, stopped_at__isnull=False)
        if stopped.update(stopped_at=None, stopped_reason=""):
            audit.note(link.account_id, actor, "connection.resume", link.name, id=link.id)
