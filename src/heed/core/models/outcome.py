"""What became of messages, counted; and which message each opt-out answered."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class OutcomeDelta(models.Model):
    """Differences that one batch made; folded into OutcomeCount within seconds, and gone then."""

    account_id = models.BigIntegerField()
    campaign_id = models.BigIntegerField()  # 0: none
    sender_id = models.BigIntegerField()
    hour = models.DateTimeField()
    outcome = models.CharField(max_length=11)
    reason = models.CharField(max_length=40, blank=True)
    count = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account_id", "campaign_id"], name="delta_account")]

    def __str__(self) -> str:
        return f"{self.outcome} {self.count:+}"


class OutcomeCount(models.Model):
    """How many messages came to ``outcome`` (a state of messages) within ``hour``, for one reason."""

    account_id = models.BigIntegerField()
    campaign_id = models.BigIntegerField()
    sender_id = models.BigIntegerField()
    hour = models.DateTimeField()
    outcome = models.CharField(max_length=11)
    reason = models.CharField(max_length=40, blank=True)
    count = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account_id", "hour"], name="outcome_hour")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account_id", "campaign_id", "hour", "sender_id", "outcome", "reason"], name="outcome_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour}: {self.outcome} {self.count}"


class OptOutCause(models.Model):
    """The last message to somebody before they left. ``message_id`` is null where there was none, ``after_s`` too."""

    entry_id = models.BigIntegerField(primary_key=True)
    account_id = models.BigIntegerField()
    campaign_id = models.BigIntegerField()  # 0: none
    sender_id = models.BigIntegerField()  # the message's, else the one that the opt-out came to
    message_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    after_s = models.BigIntegerField(null=True)
    source = models.CharField(max_length=16)
    word = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account_id", "at"], name="cause_time"),
            models.Index(fields=["account_id", "campaign_id"], name="cause_campaign"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.source}"


class Bookmark(models.Model):
    """How far a reader has come, below which it need not look again."""

    name = models.CharField(max_length=40, primary_key=True)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
