"""Messages out. The row is the queue entry."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from heed.rules.states import MessageState


class Purpose(models.TextChoices):
    MESSAGE = "message", "Message"
    ANSWER = "answer", "Automatic answer"  # to an opt-out or to HELP: the gate exempts it
    WELCOME = "welcome", "Answer to START"  # passes the gate: a later STOP stops it


class Message(models.Model):
    """One text to one recipient. ``address`` is the form that the carrier is given, ``recipient`` the person.

    ``account`` is null for answers of the installation (shared numbers). ``pool_id`` is 0 without a pool. ``entry_id``
    is the ledger entry behind the row that blocked it. ``claim`` is the lease of the process that took it.
    """

    account = models.ForeignKey("core.Account", models.PROTECT, null=True, db_index=False)
    sender = models.ForeignKey("core.Sender", models.PROTECT, db_index=False)
    pool_id = models.BigIntegerField(default=0)
    connection = models.ForeignKey("core.Connection", models.PROTECT, db_index=False)
    recipient = models.BigIntegerField()
    address = models.CharField(max_length=20)
    text = models.TextField()
    parts = models.PositiveSmallIntegerField()
    campaign = models.ForeignKey("core.Campaign", models.PROTECT, null=True, db_index=False, db_constraint=False)
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.MESSAGE)
    inbound = models.OneToOneField("core.Inbound", models.PROTECT, null=True)
    state = models.CharField(max_length=11, choices=[(state.value, state.value) for state in MessageState])
    reason = models.CharField(max_length=16, blank=True)
    entry_id = models.BigIntegerField(null=True)
    code = models.CharField(max_length=40, blank=True)
    words = models.CharField(max_length=300, blank=True)
    priority = models.PositiveSmallIntegerField(default=5)
    due_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    claim = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(
        max_length=120, blank=True, default="", db_default=""
    )  # of the send, as its program calls it
    correlation_id = models.CharField(max_length=120, blank=True)
    provider_id = models.CharField(max_length=128, blank=True)
    door = models.CharField(max_length=16)  # quick_send, inbox, api, command, campaign, test, answer
    actor = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    parts_sent = models.PositiveSmallIntegerField(default=0, db_default=0)  # accepted one by one so far, in order
    receipt_at = models.DateTimeField(null=True)  # when the carrier's later word came

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["connection", "priority", "id"], condition=Q(state="queued"), name="message_queue"),
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="message_due"),
            models.Index(fields=["claim"], condition=Q(state="sending"), name="message_sending"),
            models.Index(fields=["account", "recipient", "id"], name="message_person"),
            models.Index(fields=["account", "id"], name="message_account"),
            models.Index(
                fields=["connection", "provider_id", "id"], condition=~Q(provider_id=""), name="message_provider_id"
            ),
            models.Index(
                fields=["account", "state", "id"], condition=Q(settled_at__isnull=False), name="message_settled"
            ),
        ]
        constraints: ClassVar = [
            # Whatever happens to the process that queues a campaign, nobody is sent it twice.
            models.UniqueConstraint(
                fields=["campaign", "recipient"], condition=Q(campaign__isnull=False), name="campaign_person_once"
            ),
            # The gate exempts answers alone, so the table keeps them honest: tied to an inbound message, one each.
            models.CheckConstraint(
                condition=Q(purpose="message", inbound__isnull=True, account__isnull=False)
                | Q(purpose__in=["answer", "welcome"], inbound__isnull=False, expires_at__isnull=False),
                name="answer_has_inbound",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.state}"


class HelpAnswer(models.Model):
    """When a person was last answered HELP by a sender: at most hourly, whichever process is asked."""

    sender_id = models.BigIntegerField()
    recipient = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["sender_id", "recipient"], name="help_answer_once")]

    def __str__(self) -> str:
        return f"{self.sender_id} to {self.recipient}"
