"""Send one text."""

from __future__ import annotations

import json

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from heed.core import exits, outbound, senders
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.codes import public_id
from heed.workers.options import ACTOR, PlainCommand, account_of, add_account


class Command(PlainCommand):
    help = "Queue one text. It passes the gate like every other; prints its transaction_id and status as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        add_account(parser)
        parser.add_argument("--from", dest="sender", required=True, metavar="S", help="a number or sender name")
        parser.add_argument("--to", required=True, metavar="N")
        parser.add_argument("text")

    def handle(self, *args: object, account: str, sender: str, to: str, text: str, **options: object) -> None:
        owner = account_of(account)
        found = senders.find(owner, sender)
        if found is None:
            raise CommandError(f"The account has no sender {sender}.")
        number = numbers.parse(to, owner.country)
        draft = Draft(number, numbers.show(number), outbound.check_text(text))
        queued = outbound.queue(found, [draft], door="command", actor=ACTOR)[0]
        answer: dict[str, object] = {
            "transaction_id": public_id(settings.ID_KEY, "tid", queued.id),
            "to": numbers.show(number),
        }
        answer |= {"status": queued.state, "reason": queued.reason or None}
        lint = exits.lint(owner, found, draft.text, exits.countries_of([number]))
        warnings = [{"code": lint.problem, "demanded_by": list(lint.demanded_by)}] if lint.problem else []
        self.stdout.write(json.dumps(answer | {"warnings": warnings}))
