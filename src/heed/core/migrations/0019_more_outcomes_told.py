"""Endpoints that are told what was sent or failed are told what is unconfirmed or cancelled, too."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

_ADD = """INSERT INTO core_subscription (account_id, kind, endpoint_id)
    SELECT account_id, '{new}', endpoint_id FROM core_subscription s WHERE kind = '{old}' AND NOT EXISTS (
        SELECT 1 FROM core_subscription t WHERE t.endpoint_id = s.endpoint_id AND t.kind = '{new}')"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("core", "0018_connection_ends")]

    operations: ClassVar = [
        migrations.RunSQL(_ADD.format(old=old, new=new), migrations.RunSQL.noop)
        for old, new in (("sent", "unconfirmed"), ("failed", "cancelled"))
    ]
