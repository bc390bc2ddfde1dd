"""Texts that may be an opt-out, until a person has decided."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Decision(models.TextChoices):
    OPT_OUT = "opt_out", "Opt-out"
    NOT_AN_OPT_OUT = "not_an_opt_out", "Not an opt-out"


class Review(models.Model):
    """One text in the queue of one account. While it is open, one hold stands at ``sender_id`` (0: all senders).

    ``digest`` is of the folded text: the same words again open no second review. ``decided_by`` is "" where nobody did
    and the deadline decided. ``warned_at`` is when staff were told that it is near. The entries are the hold's and the
    release's; an opt-out's stands just before the release.
    """

    account = models.ForeignKey("core.Account", models.PROTECT, db_index=False)
    inbound = models.ForeignKey("core.Inbound", models.PROTECT)
    recipient = models.BigIntegerField()
    sender_id = models.BigIntegerField()
    digest = models.CharField(max_length=32)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    warned_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=16, choices=Decision.choices, blank=True)
    decided_by = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=500, blank=True)
    hold_entry_id = models.BigIntegerField()
    release_entry_id = models.BigIntegerField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "id"], condition=Q(decided_at=None), name="review_queue"),
            models.Index(fields=["due_at"], condition=Q(decided_at=None), name="review_due"),
            models.Index(fields=["account", "recipient", "id"], name="review_person"),
            models.Index(
                fields=["account", "-decided_at", "-id"], condition=~Q(decided_at=None), name="review_decided"
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "inbound"], name="review_once"),
            models.CheckConstraint(
                condition=Q(decided_at=None, decision="", release_entry_id=None)
                | Q(decided_at__isnull=False, release_entry_id__isnull=False) & ~Q(decision=""),
                name="review_is_decided_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.decision or 'open'}"
