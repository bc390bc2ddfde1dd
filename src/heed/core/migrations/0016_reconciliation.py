"""When a connection and its carrier last compared their opt-outs, and how they differed."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies: ClassVar = [("core", "0015_own_level")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                (
                    "connection",
                    models.OneToOneField("core.Connection", models.CASCADE, primary_key=True, serialize=False),
                ),
                ("due_at", models.DateTimeField(default=timezone.now)),
                ("tried_at", models.DateTimeField(null=True)),
                ("at", models.DateTimeField(null=True)),
                ("listed", models.IntegerField(default=0)),
                ("added", models.IntegerField(default=0)),
                ("resisted", models.IntegerField(default=0)),
                ("missing", models.IntegerField(default=0)),
                ("pushed", models.IntegerField(default=0)),
                ("words", models.CharField(blank=True, max_length=300)),
            ],
        ),
    ]
