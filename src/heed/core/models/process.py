"""What processes keep among themselves: leases, and answers already given."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Lease(models.Model):
    """A living process. What it claimed becomes unconfirmed when it has not renewed in time."""

    name = models.CharField(max_length=80)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.id}: {self.name}"


class IdempotencyKey(models.Model):
    """The answer once given to an Idempotency-Key, repeated for 24 hours."""

    account = models.ForeignKey("core.Account", models.CASCADE)
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "key"], name="idempotency_once")]

    def __str__(self) -> str:
        return self.key
