"""Pools: numbers that act as one sender."""

from __future__ import annotations

from django.core.management.base import CommandError, CommandParser

from heed.core import senders
from heed.core.status_callbacks import sid
from heed.workers.options import ACTOR, PlainCommand, account_of, add_account


class Command(PlainCommand):
    help = "Put a number into a pool, for good. Prints the SID that programs written for Twilio name the pool by."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="the pool is made if there is none of this name")
        add.add_argument("name")
        add.add_argument("number", help="a number of the account")
        add_account(add)

    def handle(self, *args: object, name: str, number: str, account: str, **options: object) -> None:
        owner = account_of(account)
        sender = senders.find(owner, number)
        if sender is None:
            raise CommandError(f"The account has no number {number}.")
        self.stdout.write(sid("MG", senders.join_pool(sender, name, actor=ACTOR).id))
