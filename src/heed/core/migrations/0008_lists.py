"""Indexes for lists of ten million opt-outs, and of a million messages, a page at a time.

Of consent they are by hand, as the tables are: the schema editor must not touch those.
"""

from __future__ import annotations

from django.db import migrations, models

_INDEXES = {
    "consent_sender": "core_consent (account_id, sender_id, entry_id) WHERE state = 'out'",
    "consent_one_sender": "core_consent (account_id, entry_id) WHERE state = 'out' AND NOT (sender_id = 0)",
    "consent_since": "core_consent (account_id, since, entry_id) WHERE state = 'out'",
    "ledger_source": "core_ledgerentry (account_id, source, id) WHERE act = 'opt_out'",
}


class Migration(migrations.Migration):
    dependencies = [("core", "0007_reviews")]
    operations = [
        *(
            migrations.RunSQL(f"CREATE INDEX {name} ON {on}", f"DROP INDEX {name}")  # our own text alone
            for name, on in _INDEXES.items()
        ),
        migrations.AddIndex(
            "message",
            models.Index(
                fields=["account", "state", "id"],
                condition=models.Q(("settled_at__isnull", False)),
                name="message_settled",
            ),
        ),
    ]
