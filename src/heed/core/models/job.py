"""Work in the background, in steps that survive the process that does them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class JobState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Job(models.Model):
    """One piece of work. Its position moves, by condition, in the transaction of what it has done up to there.

    ``line`` is where its present window of the file begins, ``rows`` how many of that window's people, in order, are
    committed; ``reject_chunks`` how much of ``rejects`` stood before the window. ``claim`` is the lease of its process.
    """

    account = models.ForeignKey("core.Account", models.PROTECT)
    kind = models.CharField(max_length=20)
    subject_id = models.BigIntegerField()  # the list, the campaign or the file that it works on
    upload = models.ForeignKey("core.StoredFile", models.SET_NULL, null=True, related_name="+")
    rejects = models.ForeignKey("core.StoredFile", models.SET_NULL, null=True, related_name="+")
    result = models.ForeignKey("core.StoredFile", models.SET_NULL, null=True, related_name="+")  # what an export wrote
    setting = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=JobState.choices, default=JobState.WAITING)
    claim = models.BigIntegerField(default=0)
    line = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    reject_chunks = models.PositiveIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)  # 0 while nobody knows
    counts = models.JSONField(default=dict)
    problem = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(state__in=["waiting", "running"]), name="job_open"),
            models.Index(fields=["account", "kind", "subject_id", "-id"], name="job_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.kind} {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in (JobState.WAITING, JobState.RUNNING)

    @property
    def percent(self) -> int | None:
        """How much is done, where that is known. ``total`` is about right, so an open job has at most 99."""
        if self.state == JobState.DONE:
            return 100
        return min(99, self.done * 100 // self.total) if self.total else None
