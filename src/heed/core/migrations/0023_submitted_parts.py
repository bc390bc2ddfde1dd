import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0022_esmes"),
    ]

    operations = [
        migrations.CreateModel(
            name="SubmittedPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=24)),
                ("recipient", models.BigIntegerField()),
                ("reference", models.PositiveIntegerField()),
                ("total", models.PositiveSmallIntegerField()),
                ("number", models.PositiveSmallIntegerField()),
                ("text", models.TextField()),
                ("receipts", models.CharField(max_length=8)),
                ("message_id", models.BigIntegerField(null=True)),
                ("received_at", models.DateTimeField()),
                (
                    "esme",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="core.esme"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("message_id", None)), fields=["esme", "recipient"], name="part_waiting"
                    ),
                    models.Index(fields=["message_id"], name="part_message"),
                    models.Index(fields=["received_at"], name="part_received"),
                ],
            },
        ),
    ]
