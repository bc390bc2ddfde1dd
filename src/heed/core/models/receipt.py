"""Receipts: the carrier's later word on messages and their parts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class MessagePart(models.Model):
    """One part of a text that its carrier has an id of its own for. ``state`` is sent, delivered or undelivered."""

    message = models.ForeignKey("core.Message", models.CASCADE, db_index=False)
    number = models.PositiveSmallIntegerField()
    connection_id = models.BigIntegerField()
    provider_id = models.CharField(max_length=128, blank=True)
    state = models.CharField(max_length=11, default="sent")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["connection_id", "provider_id", "id"], name="part_provider_id")]
        constraints: ClassVar = [models.UniqueConstraint(fields=["message", "number"], name="part_once")]

    def __str__(self) -> str:
        return f"{self.message_id}, part {self.number}: {self.state}"


class ParkedReceipt(models.Model):
    """A receipt whose message is not known yet: it may overtake the answer to the hand-off that it is about."""

    connection_id = models.BigIntegerField()
    provider_id = models.CharField(max_length=128, blank=True)
    reference = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=11)
    code = models.CharField(max_length=40, blank=True)
    words = models.CharField(max_length=300, blank=True)
    opted_out = models.BooleanField(default=False)
    received_at = models.DateTimeField()
    look_at = models.DateTimeField()  # when to look for its message next

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["look_at"], name="parked_look"),
            models.Index(fields=["provider_id"], name="parked_provider_id"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection_id", "provider_id", "reference", "state"], name="parked_once")
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.state}"
