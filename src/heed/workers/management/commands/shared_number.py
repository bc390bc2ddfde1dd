"""Shared numbers of the installation."""

from __future__ import annotations

from django.core.management.base import CommandParser

from heed.core import connections, sandbox, senders
from heed.rules import numbers
from heed.workers.options import ACTOR, PlainCommand


class Command(PlainCommand):
    help = "Add a number that takes the free keywords of every account."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add")
        add.add_argument("number")
        add.add_argument("--connection", type=int, metavar="ID", help="where it is; the sandbox if left out")

    def handle(self, *args: object, number: str, connection: int | None, **options: object) -> None:
        link = sandbox.connection_of() if connection is None else connections.installations(connection)
        sender = senders.add_shared(numbers.parse(number, "GB"), link, actor=ACTOR)
        self.stdout.write(sender.address)
