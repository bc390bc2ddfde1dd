"""Templates: texts that an account keeps to send again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class MessageTemplate(models.Model):
    """A text, perhaps with merge fields. Nothing refers to it: who uses one takes a copy of its text."""

    account = models.ForeignKey("core.Account", models.PROTECT, db_index=False)
    name = models.CharField(max_length=80)
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "name"], name="template_once")]

    def __str__(self) -> str:
        return self.name
