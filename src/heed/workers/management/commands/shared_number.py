"""Shared numbers of the installation."""

from __future__ import annotations

from django.core.management.base import CommandParser

from heed.core import sandbox, senders
from heed.rules import numbers
from heed.workers.options import ACTOR, PlainCommand


class Command(PlainCommand):
    help = "Add a number that takes the free keywords of every account."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("add").add_argument("number")

    def handle(self, *args: object, number: str, **options: object) -> None:
        sender = senders.add_shared(numbers.parse(number, "GB"), sandbox.connection_of(), actor=ACTOR)
        self.stdout.write(sender.address)
