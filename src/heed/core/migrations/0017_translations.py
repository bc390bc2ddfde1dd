"""What a number answers in other languages."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("core", "0016_reconciliation")]

    operations: ClassVar = [
        migrations.AddField(model_name="sender", name="translations", field=models.JSONField(default=dict)),
    ]
