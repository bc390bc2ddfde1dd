"""What people sent."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Inbound(models.Model):
    """One text from a phone. Stored before it is read; ``read_at`` is null until reading has succeeded.

    ``account`` is the number's, null for a shared or unknown number. ``recipient`` is who sent it (the person whom
    we would send to), null when the originator is a name or a short code. ``salt`` goes with the text on erasure.

    Accounts, connections and senders are never deleted, and to have the database look for each of them was a third of
    what a STOP costs PostgreSQL. Their own indexes would repeat the beginning of those below.
    """

    account = models.ForeignKey("core.Account", models.PROTECT, null=True, db_index=False, db_constraint=False)
    connection = models.ForeignKey("core.Connection", models.PROTECT, db_index=False, db_constraint=False)
    key = models.OneToOneField("core.InboundKey", models.PROTECT, null=True)
    sender = models.ForeignKey("core.Sender", models.PROTECT, null=True, db_index=False, db_constraint=False)
    from_address = models.CharField(max_length=40)
    to_address = models.CharField(max_length=40)
    recipient = models.BigIntegerField(null=True)
    text = models.TextField()
    salt = models.CharField(max_length=32)
    verdict = models.CharField(max_length=8, blank=True)
    rule = models.CharField(max_length=40, blank=True)
    word = models.CharField(max_length=80, blank=True)
    carrier_at = models.DateTimeField(null=True)
    carrier_read = models.CharField(max_length=5, blank=True, db_default="")  # what it took it for, and has answered
    received_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)  # how often reading has raised

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="inbound_account"),
            models.Index(fields=["sender", "-id"], name="inbound_sender"),
            models.Index(fields=["account", "recipient", "-id"], name="inbound_person"),
            models.Index(fields=["id"], condition=models.Q(read_at=None), name="inbound_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.verdict}"


class InboundKey(models.Model):
    """The carrier's id of an inbound message, kept longer than any carrier replays."""

    connection = models.ForeignKey("core.Connection", models.PROTECT, db_index=False, db_constraint=False)
    provider_id = models.CharField(max_length=128)
    received_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["connection", "provider_id"], name="inbound_once")]

    def __str__(self) -> str:
        return self.provider_id


class LongText(models.Model):
    """The parts that have come of one long text from a phone, until it is whole; then kept to know a part that comes again.

    ``texts`` is JSON, number: text, in a column of text: half a character may stand at a part's end, which JSON columns
    refuse.
    """

    connection = models.ForeignKey("core.Connection", models.PROTECT, db_index=False, db_constraint=False)
    from_address = models.CharField(max_length=40)
    to_address = models.CharField(max_length=40)
    reference = models.PositiveIntegerField()
    total = models.PositiveSmallIntegerField()
    texts = models.TextField(default="{}")
    carrier_at = models.DateTimeField(null=True)
    carrier_read = models.CharField(max_length=5, blank=True)
    last_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["last_at"], condition=models.Q(read_at=None), name="long_text_waiting"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "from_address", "to_address", "reference", "total"], name="long_text_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.from_address} → {self.to_address}, {self.reference}"


class Mention(models.Model):
    """An account once named a shared number in a message to this recipient, so a bare STOP there leaves the account."""

    sender = models.ForeignKey("core.Sender", models.PROTECT, db_index=False)
    recipient = models.BigIntegerField()
    account = models.ForeignKey("core.Account", models.PROTECT)
    last_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sender", "recipient", "account"], name="mention_once")
        ]

    def __str__(self) -> str:
        return f"{self.account_id} → {self.recipient}"
