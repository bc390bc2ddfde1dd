"""May these people be sent to?"""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.core.management.base import CommandError, CommandParser

from heed.core import gate, senders
from heed.rules import numbers, timing
from heed.rules.consent import Block
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
        people = {raw: self._person(raw, owner.country) for raw in options["numbers"]}
        blocked = gate.may_send(owner.id, found.id, filter(None, people.values()), pool_id=found.pool_id)
        for raw in options["numbers"]:
            self.stdout.write(json.dumps(_item(raw, people[raw], blocked)))
        if blocked or None in people.values():
            raise SystemExit(1)

    def _person(self, raw: str, country: str) -> int | None:
        try:
            return numbers.parse(raw, country)
        except numbers.BadNumber as error:
            self.stderr.write(f"{raw}: {error}")
            return None


def _item(raw: str, person: int | None, blocked: Mapping[int, Block]) -> dict[str, object]:
    """The answer about one number, as ``/v1/check`` gives it."""
    if person is None:
        return {"phone_number": raw, "allowed": False, "reason": "invalid_number", "scope": None, "since": None}
    block = blocked.get(person)
    return {
        "phone_number": numbers.show(person),
        "allowed": block is None,
        "reason": block and block.reason,
        "scope": block and block.scope,
        "since": timing.show(block.since) if block and block.since else None,
    }
