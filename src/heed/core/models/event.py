"""What happened, as a customer's program will be told it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Event(models.Model):
    account = models.ForeignKey("core.Account", models.PROTECT, null=True, db_index=False, db_constraint=False)
    # opt_out, opt_in, inbound, review_opened, review_due, review_decided, suppressed, expired, failed, unconfirmed
    kind = models.CharField(max_length=24)
    at = models.DateTimeField()
    recipient = models.BigIntegerField(null=True)
    message_id = models.BigIntegerField(null=True)
    inbound_id = models.BigIntegerField(null=True)
    entry_id = models.BigIntegerField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "id"], name="event_account")]

    def __str__(self) -> str:
        return f"{self.id}: {self.kind}"
