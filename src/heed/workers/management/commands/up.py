"""Set up what is missing, then serve."""

from __future__ import annotations

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from heed.workers import start, supervisor


class Command(BaseCommand):
    help = "Create or update the database, make a first account if there is none, and serve until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        start.add_arguments(parser)
        parser.add_argument("--data", metavar="DIR", help="the data folder (HEED_DATA_DIR)")

    def handle(self, *args: object, host: str, port: int, **options: object) -> None:
        start.refuse_unsafe_storage()
        start.refuse_taken_port(host, port)
        start.remember_address(host, port)
        call_command("migrate", verbosity=0, interactive=False)
        start.first_account()

        def announce() -> None:
            start.wait_until_ready(host, port)
            self.stdout.write(start.banner())
            self.stdout.flush()

        supervisor.serve(start.commands(host, port), announce)
