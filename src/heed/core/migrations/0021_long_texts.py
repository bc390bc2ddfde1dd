"""Long texts that carriers bring part by part."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

_KEY = ["connection", "from_address", "to_address", "reference", "total"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("core", "0020_sessions")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="LongText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_address", models.CharField(max_length=40)),
                ("to_address", models.CharField(max_length=40)),
                ("reference", models.PositiveIntegerField()),
                ("total", models.PositiveSmallIntegerField()),
                ("texts", models.TextField(default="{}")),
                ("carrier_at", models.DateTimeField(null=True)),
                ("carrier_read", models.CharField(blank=True, max_length=5)),
                ("last_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="core.connection",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("read_at", None)), fields=["last_at"], name="long_text_waiting")
                ],
                "constraints": [models.UniqueConstraint(fields=_KEY, name="long_text_once")],
            },
        ),
    ]
