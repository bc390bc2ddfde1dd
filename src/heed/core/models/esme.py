"""ESMEs: programs that bind to Heed by SMPP."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class EsmeAlphabet(models.TextChoices):
    """What data_coding 0 is to this program; SMPP leaves it to the two sides."""

    GSM_7 = "gsm7", "GSM 7 bit"
    LATIN_1 = "latin1", "Latin-1"


class Esme(models.Model):
    """One system_id. ``endpoint`` is where receipts and inbound texts wait until it has bound to take them.

    ``refusal`` is the command_status for somebody whom the gate refuses; 0 accepts, and a receipt says REJECTD.
    ``networks`` are those that it may come from; none: any. A removed one stays, for what was sent through it.
    """

    account = models.ForeignKey("core.Account", models.PROTECT)
    endpoint = models.OneToOneField("core.Endpoint", models.PROTECT)
    system_id = models.CharField(max_length=15)
    password = models.CharField(max_length=200)  # Argon2
    alphabet = models.CharField(max_length=6, choices=EsmeAlphabet.choices, default=EsmeAlphabet.GSM_7)
    refusal = models.PositiveIntegerField()
    networks = models.JSONField(default=list)
    most_binds = models.PositiveSmallIntegerField()
    window = models.PositiveSmallIntegerField()
    rate = models.PositiveIntegerField()  # submits a second; 0: no limit
    created_at = models.DateTimeField(default=timezone.now)
    bound_at = models.DateTimeField(null=True)  # the last time
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["system_id"], condition=Q(removed_at=None), name="system_id_once")
        ]

    def __str__(self) -> str:
        return self.system_id


class SubmittedPart(models.Model):
    """One part of a long text. ``text`` is JSON, for half a character may stand at its end, and empty once it was joined."""

    esme = models.ForeignKey(Esme, models.PROTECT, db_index=False)
    source = models.CharField(max_length=24)
    recipient = models.BigIntegerField()
    reference = models.PositiveIntegerField()
    total = models.PositiveSmallIntegerField()
    number = models.PositiveSmallIntegerField()
    text = models.TextField()
    receipts = models.CharField(max_length=8)  # as Callback's kinds, or "" for none
    message_id = models.BigIntegerField(null=True)
    received_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["esme", "recipient"], condition=Q(message_id=None), name="part_waiting"),
            models.Index(fields=["message_id"], name="part_message"),
            models.Index(fields=["received_at"], name="part_received"),
        ]

    def __str__(self) -> str:
        return f"{self.number} of {self.total}"
