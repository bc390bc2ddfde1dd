"""Leases: which processes live. Its lease's id is a process's claim token."""

from __future__ import annotations

from datetime import timedelta

from heed.core import database
from heed.core.models import Lease

LEASE_LASTS = timedelta(seconds=15)


def take(name: str) -> int:
    """The id of a new lease: this process's claim token."""
    return Lease.objects.create(name=name, expires_at=database.now() + LEASE_LASTS).id


def renew(token: int) -> bool:
    """Whether the lease was still ours to renew. A process that can't renew must stop claiming."""
    now = database.now()
    return bool(Lease.objects.filter(id=token, expires_at__gt=now).update(expires_at=now + LEASE_LASTS))


def end(token: int) -> None:
    """Give the lease up: what it still holds becomes unconfirmed at the worker's next look."""
    Lease.objects.filter(id=token).update(expires_at=database.now())
