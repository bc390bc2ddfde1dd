import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0021_long_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Esme",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("system_id", models.CharField(max_length=15)),
                ("password", models.CharField(max_length=200)),
                (
                    "alphabet",
                    models.CharField(
                        choices=[("gsm7", "GSM 7 bit"), ("latin1", "Latin-1")], default="gsm7", max_length=6
                    ),
                ),
                ("refusal", models.PositiveIntegerField()),
                ("networks", models.JSONField(default=list)),
                ("most_binds", models.PositiveSmallIntegerField()),
                ("window", models.PositiveSmallIntegerField()),
                ("rate", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("bound_at", models.DateTimeField(null=True)),
                ("removed_at", models.DateTimeField(null=True)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="core.account")),
                ("endpoint", models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to="core.endpoint")),
            ],
        ),
        migrations.AddConstraint(
            model_name="esme",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at", None)), fields=("system_id",), name="system_id_once"
            ),
        ),
        migrations.AddField(
            model_name="callback",
            name="kinds",
            field=models.CharField(
                choices=[("all", "All"), ("final", "What it came to"), ("failures", "That it did not arrive")],
                db_default="all",
                default="all",
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="callback",
            index=models.Index(condition=models.Q(("kinds", "all")), fields=["message_id"], name="callback_all"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="style",
            field=models.CharField(
                choices=[("events", "CloudEvents"), ("callback", "Status callbacks"), ("smpp", "SMPP")],
                default="events",
                max_length=8,
            ),
        ),
    ]
