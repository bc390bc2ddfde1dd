"""Set up what is missing, then serve."""

from __future__ import annotations

from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import connection

from heed.core import accounts
from heed.workers import start, supervisor
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    help = "Create or update the database, make a first account if there is none, and serve until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        start.add_arguments(parser)
        parser.add_argument("--data", metavar="DIR", help="the data folder (HEED_DATA_DIR)")

    def handle(self, *args: object, host: str, port: int, **options: object) -> None:
        start.prepare(host, port)
        with start.alone():
            call_command("migrate", verbosity=0, interactive=False)
            link = accounts.sign_in_link(start.first_account())
        connection.close()  # The children have their own.

        def announce() -> None:
            if start.wait_until_ready(host, port):
                self.stdout.write(start.banner(host, port, link))
                self.stdout.flush()
            else:
                self.stderr.write("Heed does not answer yet; the log above says why.")

        supervisor.serve(start.commands(host, port), announce)
