"""What staff and programs did, beside the ledger: settings, members, keys, numbers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class Audit(models.Model):
    account = models.ForeignKey("core.Account", models.PROTECT, null=True)
    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=120)  # an e-mail address, "key <name>" or "command line"
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "-id"], name="audit_account")]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.subject}"
