"""May these people be sent to?"""

from __future__ import annotations

import json

from django.core.management.base import CommandError, CommandParser

from heed.core import gate, senders
from heed.rules import numbers, timing
from heed.workers.options import PlainCommand, account_of, add_account


class Command(PlainCommand):
    help = "Say for each number whether a message may go to it, and why not. Exit 1 if one may not."

    def add_arguments(self, parser: CommandParser) -> None:
        add_account(parser)
        parser.add_argument("--from", dest="sender", required=True, metavar="S", help="a number or sender name")
        parser.add_argument("numbers", nargs="+", metavar="N")

    def handle(self, *args: object, account: str, sender: str, **options: list[str]) -> None:
        owner = account_of(account)
        found = senders.find(owner, sender)
        if found is None:
            raise CommandError(f"The account has no sender {sender}.")
        people = [numbers.parse(raw, owner.country) for raw in options["numbers"]]
        blocked = gate.may_send(owner.id, found.id, people, pool_id=found.pool_id)
        for person in people:
            block = blocked.get(person)
            since = timing.show(block.since) if block and block.since else None
            item = {"phone_number": numbers.show(person), "allowed": block is None, "reason": block and block.reason}
            self.stdout.write(json.dumps(item | {"scope": block and block.scope, "since": since}))
        if blocked:
            raise SystemExit(1)
