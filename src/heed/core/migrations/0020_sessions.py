"""Which dispatcher keeps the session of a connection."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("core", "0019_more_outcomes_told")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="connection", name="holder", field=models.BigIntegerField(db_default=0, default=0)
        ),
    ]
