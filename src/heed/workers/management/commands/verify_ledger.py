"""Rebuild consent from the ledger and compare."""

from __future__ import annotations

import json

from django.core.management.base import CommandParser

from heed.core import replay
from heed.rules import numbers, timing
from heed.rules.consent import NOTHING, Row
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    help = "Rebuild consent from the ledger and compare. Prints each difference as JSON; exit 1 if there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rebuild", action="store_true", help="write what the ledger says")

    def handle(self, *args: object, rebuild: bool, **options: object) -> None:
        if rebuild:
            self.stdout.write(json.dumps({"mended": replay.rebuild()}))
            return
        differences = 0
        for one in replay.verify():
            differences += 1
            where = {
                "account_id": one.account_id,
                "phone_number": numbers.show(one.recipient),
                "sender_id": one.sender_id,
            }
            self.stdout.write(json.dumps(where | {"expected": _shown(one.expected), "found": _shown(one.found)}))
        self.stderr.write(f"{differences} differences.")
        if differences:
            raise SystemExit(1)


def _shown(row: Row | None) -> dict[str, object]:
    row = row or NOTHING
    since = timing.show(row.since) if row.since else None
    return {"state": row.state.value, "held": row.held, "since": since, "never": row.never}
