"""Connections to carriers, and what the simulated carrier keeps."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class Connection(models.Model):
    """Credentials at one carrier. Without an account it serves the whole installation."""

    account = models.ForeignKey("core.Account", models.PROTECT, null=True)
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=80)
    token = models.CharField(max_length=40, unique=True)  # in the address of its hook
    settings = models.JSONField(default=dict)  # what its provider asks for, but for the secrets
    secrets = models.TextField(blank=True)  # those, encrypted: heed.core.vault
    answers_stop = models.BooleanField(default=False)  # its carrier answers STOP itself, so we only mirror it
    answers_start = models.BooleanField(default=False)
    answers_help = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)  # its settings; a dispatcher then makes its provider anew
    stopped_at = models.DateTimeField(null=True)
    stopped_reason = models.CharField(max_length=300, blank=True)
    called_at = models.DateTimeField(null=True)  # when its carrier last brought something, to the minute
    closed_at = models.DateTimeField(null=True)  # it is stopped for good; a late STOP that it brings still counts
    holder = models.BigIntegerField(default=0, db_default=0)  # the lease of the dispatcher that keeps its session

    def __str__(self) -> str:
        return self.name


class Reconciliation(models.Model):
    """When a connection and its carrier last compared their opt-outs, and how they differed."""

    connection = models.OneToOneField(Connection, models.CASCADE, primary_key=True)
    due_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True)
    at = models.DateTimeField(null=True)  # the last one that came to its end; the figures are its
    listed = models.IntegerField(default=0)  # by the carrier
    added = models.IntegerField(default=0)  # of those, unknown to us until then
    resisted = models.IntegerField(default=0)  # of those, who texted START later
    missing = models.IntegerField(default=0)  # ours that the carrier did not list
    pushed = models.IntegerField(default=0)  # of those, given to it
    words = models.CharField(max_length=300, blank=True)  # why it was not to be had

    def __str__(self) -> str:
        return f"{self.connection}: {self.at}"


class SandboxDelivery(models.Model):
    """What a simulated phone got. Written by the carrier, never derived from messages: a double send would be seen."""

    connection = models.ForeignKey(Connection, models.CASCADE)
    from_address = models.CharField(max_length=20)
    to = models.BigIntegerField()
    text = models.TextField()
    reference = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["to", "id"], name="sandbox_phone")]

    def __str__(self) -> str:
        return f"{self.from_address} → {self.to}"


class SandboxFailure(models.Model):
    """How the next hand-offs to a simulated phone fail; ``times`` left, null for ever."""

    to = models.BigIntegerField(unique=True)
    failure = models.CharField(max_length=16)
    times = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.to}: {self.failure}"
