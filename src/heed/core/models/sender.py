"""Senders: numbers, short codes, sender names, shared numbers; and the keywords of numbers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class SenderKind(models.TextChoices):
    NUMBER = "number", "Number"
    SHORT_CODE = "short_code", "Short code"
    NAME = "name", "Sender name"
    SHARED = "shared", "Shared number"
    POOL = "pool", "Pool"


class Sender(models.Model):
    """What one sends from. Never deleted: releasing closes it, taking it again reopens it with its opt-outs.

    ``address`` is what a carrier is given ("+447700900001", "ACME"), ``key`` what it is unique by. Without an account
    it is a shared number of the installation.
    """

    account = models.ForeignKey("core.Account", models.PROTECT, null=True)
    connection = models.ForeignKey("core.Connection", models.PROTECT)
    kind = models.CharField(max_length=10, choices=SenderKind.choices)
    address = models.CharField(max_length=20)
    key = models.CharField(max_length=20)
    country = models.CharField(max_length=2, blank=True)
    pool_id = models.BigIntegerField(default=0)
    account_level_opt_out = models.BooleanField(default=False)
    own_level = models.BooleanField(null=True)  # what the switch was, or is to be again, while all numbers are on
    reply_message = models.CharField(max_length=1000, blank=True)
    help_reply = models.CharField(max_length=1000, blank=True)
    opt_in_reply = models.CharField(max_length=1000, blank=True)
    translations = models.JSONField(default=dict)  # of the three replies, by language
    opt_in_words = models.JSONField(default=list)
    rate = models.PositiveIntegerField(null=True)  # campaign messages a second; null: as fast as its carrier takes them
    fed_until = models.DateTimeField(null=True)  # what campaigns have queued uses its rate up until then
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["key"], name="sender_key")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "key"], name="sender_once"),
            # A number in use belongs to one account; names may repeat from account to account.
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(kind__in=["number", "short_code", "shared"], closed_at=None),
                name="number_in_use_once",
            ),
        ]

    def __str__(self) -> str:
        return self.address

    def reply(self, name: str, language: str) -> str:
        """The reply ``name`` ("help_reply") in this language where the account wrote it, else the one for everybody."""
        return self.translations.get(language, {}).get(name) or str(getattr(self, name))

    @property
    def takes_replies(self) -> bool:
        return self.kind != SenderKind.NAME


class Keyword(models.Model):
    """A word that opts out on one number. Removed, it acts for sixty days more."""

    sender = models.ForeignKey(Sender, models.PROTECT)
    word = models.CharField(max_length=40)
    key = models.CharField(max_length=80)
    reply = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["sender", "key"], name="keyword_once")]

    def __str__(self) -> str:
        return self.word
