"""When a connection's carrier last called us, and when it was closed."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("core", "0017_translations")]

    operations: ClassVar = [
        migrations.AddField(model_name="connection", name="called_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="connection", name="closed_at", field=models.DateTimeField(null=True)),
    ]
