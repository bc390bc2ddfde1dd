"""When a person was last answered HELP, in a row that two processes can't both take."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("core", "0013_send_names")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="HelpAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sender_id", models.BigIntegerField()),
                ("recipient", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("sender_id", "recipient"), name="help_answer_once"),
                ],
            },
        ),
    ]
