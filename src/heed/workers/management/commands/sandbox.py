"""The simulated carrier, for scripts."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from typing import Any  # Options of a command have every type.

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from heed.core import inbound, sandbox
from heed.core.models import SandboxDelivery, Sender, SenderKind
from heed.providers.sandbox import FAILURES
from heed.rules import numbers, timing
from heed.rules.values import InboundText
from heed.workers.options import PlainCommand, positive


class Command(PlainCommand):
    help = "Be a phone of the simulated carrier: receive, outbox, hook-url, fail."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        receive = actions.add_parser("receive", help="a text from a phone to a number; prints the verdict")
        receive.add_argument("--from", dest="sender", required=True, metavar="N")
        receive.add_argument("--to", required=True, metavar="N")
        receive.add_argument("--id", default="", help="the carrier's id of the text; the same id twice acts once")
        receive.add_argument("text")
        outbox = actions.add_parser("outbox", help="what a phone got, one JSON object a line, oldest first")
        outbox.add_argument("--to", required=True, metavar="N")
        actions.add_parser("hook-url", help="where the simulated carrier posts")
        fail = actions.add_parser("fail", help="let the next hand-offs to a phone fail")
        fail.add_argument("--to", required=True, metavar="N")
        fail.add_argument("--with", dest="failure", required=True, choices=(*FAILURES, "nothing"))
        fail.add_argument("--times", type=positive, metavar="K", help="how often; without it, until told otherwise")

    def handle(self, *args: object, action: str, **options: str) -> None:
        {"receive": self.receive, "outbox": self.outbox, "hook-url": self.hook_url, "fail": self.fail}[action](options)

    def receive(self, options: dict[str, str]) -> None:
        _refuse_unreachable(options["to"])
        raw = InboundText(options["id"] or secrets.token_hex(16), options["sender"], options["to"], options["text"])
        received = inbound.receive(sandbox.connection_of(), [raw])[0]
        answer = {"verdict": received.verdict, "rule": received.rule or None, "word": received.word or None}
        self._print(answer | {"changed": received.changed, "duplicate": received.is_duplicate})

    def outbox(self, options: dict[str, str]) -> None:
        for one in SandboxDelivery.objects.filter(to=_phone(options["to"])).order_by("id").iterator():
            shown = {"from": one.from_address, "to": numbers.show(one.to), "text": one.text}
            self._print(shown | {"at": timing.show(one.at)})

    def hook_url(self, options: dict[str, str]) -> None:
        self.stdout.write(f"{settings.PUBLIC_URL}/hooks/sandbox/{sandbox.connection_of().token}/")

    def fail(self, options: dict[str, Any]) -> None:
        failure = "" if options["failure"] == "nothing" else options["failure"]
        sandbox.fail(_phone(options["to"]), failure, options["times"])

    def _print(self, value: object) -> None:
        self.stdout.write(json.dumps(value, ensure_ascii=False))


def _refuse_unreachable(raw: str) -> None:
    """Stop at a number that nobody here has or had: a script that mistyped one would wait for an answer."""
    keys = {raw.strip().casefold()}
    for country in ("GB", "US"):
        with suppress(numbers.BadNumber):
            keys.add(numbers.show(numbers.parse(raw, country)))
    if (number := numbers.originator(raw)) is not None:
        keys.add(numbers.show(number))
    if not Sender.objects.filter(key__in=keys).exclude(kind=SenderKind.NAME).exists():
        raise CommandError(f"Nobody here has the number {raw}.")


def _phone(raw: str) -> int:
    try:
        return numbers.parse(raw, "GB")
    except numbers.BadNumber as error:
        raise CommandError(f"{raw}: {error}") from error
