"""What a number's account-level switch is to be again when all numbers are turned off."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("core", "0014_help_answers")]

    operations: ClassVar = [
        migrations.AddField(model_name="sender", name="own_level", field=models.BooleanField(null=True)),
    ]
