"""Connections to carriers."""

from __future__ import annotations

import json

from django.core.management.base import CommandError, CommandParser

from heed.core import handoff
from heed.core.models import Connection
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    help = "List connections, or start one again that stopped itself."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="one JSON object a line")
        actions.add_parser("start").add_argument("id", type=int)

    def handle(self, *args: object, action: str, **options: int) -> None:
        if action == "start":
            if not Connection.objects.filter(id=options["id"]).exists():
                raise CommandError(f"There is no connection {options['id']}.")
            handoff.start_connection(options["id"])
            return
        for link in Connection.objects.order_by("id"):
            stopped = link.stopped_reason if link.stopped_at else None
            self.stdout.write(json.dumps({"id": link.id, "kind": link.kind, "name": link.name, "stopped": stopped}))
