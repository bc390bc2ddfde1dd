"""Leases: which processes live. Its lease's id is a process's claim token."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

from heed.core import database
from heed.core.models import Lease

LEASE_LASTS = timedelta(seconds=15)
DISPATCHER, WORKER, WEBHOOKS, SMPP = "dispatch", "jobs", "webhooks", "smpp"  # what a process is, as its lease begins


def take(role: str) -> int:
    """The id of a new lease: this process's claim token."""
    name = f"{role} {socket.gethostname()[:40]} {os.getpid()}"
    return Lease.objects.create(name=name, expires_at=database.now() + LEASE_LASTS).id


def is_any_alive(role: str) -> bool:
    """Whether there is a process of this kind, on whatever host."""
    return Lease.objects.filter(name__startswith=f"{role} ", expires_at__gt=database.now()).exists()


def renew(token: int) -> bool:
    """Whether the lease was still ours to renew. A process that can't renew must stop claiming."""
    now = database.now()
    return bool(Lease.objects.filter(id=token, expires_at__gt=now).update(expires_at=now + LEASE_LASTS))


def end(token: int) -> None:
    """Give the lease up: what it still holds becomes unconfirmed at the worker's next look."""
    Lease.objects.filter(id=token).update(expires_at=database.now())
