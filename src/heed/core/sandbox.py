"""What the simulated carrier keeps: what its phones got, and how its next hand-offs fail."""

from __future__ import annotations

import secrets

from django.db import transaction
from django.db.models import F

from heed.core import database
from heed.core.models import Connection, SandboxDelivery, SandboxFailure
from heed.rules.values import Outgoing

NAME = "Sandbox"


def connection_of() -> Connection:
    """The installation's sandbox connection, made on first use."""
    found = Connection.objects.filter(kind="sandbox", account=None).order_by("id").first()
    return found or Connection.objects.create(kind="sandbox", name=NAME, token=secrets.token_urlsafe(24))


def record(connection_id: int, outgoing: Outgoing) -> str:
    """Keep what a phone got; its id. A second delivery of the same message is a second row, and would be seen."""
    delivery = SandboxDelivery.objects.create(
        connection_id=connection_id,
        from_address=outgoing.sender,
        to=int(outgoing.to.lstrip("+")),
        text=outgoing.text,
        reference=outgoing.reference,
        at=database.now(),
    )
    return f"sandbox-{delivery.id}"


def fail(to: int, failure: str, times: int | None) -> None:
    """Let the next ``times`` hand-offs to ``to`` fail (None: all of them); "" ends it."""
    with transaction.atomic(durable=True):
        SandboxFailure.objects.filter(to=to).delete()
        if failure:
            SandboxFailure.objects.create(to=to, failure=failure, times=times)


def failure_for(to: str) -> str:
    """How this hand-off fails, or ""; it counts as one."""
    rule = SandboxFailure.objects.filter(to=int(to.lstrip("+"))).first()
    if rule is None:
        return ""
    if rule.times is not None:
        SandboxFailure.objects.filter(pk=rule.pk, times__gt=1).update(times=F("times") - 1)
        if rule.times <= 1:
            SandboxFailure.objects.filter(pk=rule.pk).delete()
    return rule.failure
