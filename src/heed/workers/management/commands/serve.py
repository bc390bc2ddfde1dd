"""Everything under one parent."""

from __future__ import annotations

from django.core.management.base import CommandParser
from django.db import connection

from heed.workers import start, supervisor
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    help = "Run web, dispatcher and worker under one parent, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        start.add_arguments(parser)

    def handle(self, *args: object, host: str, port: int, **options: object) -> None:
        start.prepare(host, port)
        start.refuse_unmigrated()
        connection.close()  # The children have their own.
        supervisor.serve(start.commands(host, port), lambda: None)
