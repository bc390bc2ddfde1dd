"""Everything under one parent."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from heed.workers import start, supervisor


class Command(BaseCommand):
    help = "Run web, dispatcher and worker under one parent, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        start.add_arguments(parser)

    def handle(self, *args: object, host: str, port: int, **options: object) -> None:
        start.refuse_unsafe_storage()
        start.refuse_unmigrated()
        supervisor.serve(start.commands(host, port), lambda: None)
