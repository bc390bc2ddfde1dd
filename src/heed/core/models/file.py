"""Files that people upload and download, as rows, so that any host can serve them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class FilePurpose(models.TextChoices):
    UPLOAD = "upload", "Upload"
    REJECTS = "rejects", "Rejects"
    EXPORT = "export", "Export"


class StoredFile(models.Model):
    """A file in chunks. ``completed_at`` is null until all of it is there; ``look`` is what uploads.look found in it."""

    account = models.ForeignKey("core.Account", models.PROTECT)
    purpose = models.CharField(max_length=8, choices=FilePurpose.choices)
    name = models.CharField(max_length=200)
    size = models.BigIntegerField(default=0)
    look = models.JSONField(null=True)
    actor = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="file_account"),
            models.Index(fields=["created_at"], name="file_age"),
        ]

    def __str__(self) -> str:
        return self.name


class FileChunk(models.Model):
    """At most 1 MB of a file; ``number`` counts from 0 without a gap once the file is complete."""

    file = models.ForeignKey(StoredFile, models.CASCADE, db_index=False)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["file", "number"], name="chunk_once")]

    def __str__(self) -> str:
        return f"{self.file_id} #{self.number}"
