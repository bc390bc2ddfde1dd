"""Connections to carriers."""

from __future__ import annotations

import json
from typing import Any  # Options of a command have every type.

from django.core.management.base import CommandError, CommandParser

from heed import carriers
from heed.core import connections
from heed.core.models import Connection
from heed.workers.options import ACTOR, PlainCommand, account_of

REFUSED = 1


class Command(PlainCommand):
    help = "Connections to carriers: add, list, stop, resume, test."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="add one; without settings it says which ones a kind has")
        add.add_argument("kind", metavar="KIND", help=", ".join(kind for kind, _ in carriers.kinds()))
        add.add_argument("settings", nargs="*", metavar="key=value", help="a value of - is read from standard input")
        add.add_argument("--name", default="", help="what staff call it; the carrier's name if left out")
        add.add_argument("--account", metavar="SLUG", default="", help="this account's alone; without it, everybody's")
        add.add_argument("--answers", default=None, metavar="stop,start,help", help="what the carrier answers itself")
        actions.add_parser("list", help="one JSON object a line")
        for action, words in (
            ("stop", "hand nothing more to it; what is queued waits"),
            ("resume", "hand off again, also after it stopped itself"),
            ("test", "ask the carrier whether our credentials are right"),
        ):
            actions.add_parser(action, help=words).add_argument("id", type=int)

    def handle(self, *args: object, action: str, **options: Any) -> None:
        if action == "list":
            return self.list()
        if action == "add":
            return self.add(**options)
        link = Connection.objects.filter(id=options["id"]).first()
        if link is None:
            raise CommandError(f"There is no connection {options['id']}.")
        {"stop": self.stop, "resume": self.resume, "test": self.test}[action](link)

    def add(
        self, kind: str, settings: list[str], name: str, account: str, answers: str | None, **options: object
    ) -> None:
        fields = carriers.fields(kind)
        if not settings and any(field.is_required and not field.default for field in fields):
            for field in fields:
                needed = "required" if field.is_required and not field.default else "optional"
                self.stdout.write(f"{field.name} ({needed}): {field.label}. {field.help}".rstrip())
            raise CommandError(f"Give {kind} its settings: heed connection add {kind} {fields[0].name}=…")
        pairs = [one.partition("=") for one in settings]
        values = {key: input() if value == "-" else value for key, _, value in pairs}
        answered = (
            carriers.usually_answered(kind) if answers is None else {one.strip().lower() for one in answers.split(",")}
        )
        link = carriers.add(
            kind,
            name or dict(carriers.kinds())[kind],
            values,
            answered=sorted(answered),
            account=account_of(account) if account else None,
            actor=ACTOR,
        )
        self.stdout.write(json.dumps({"id": link.id, "hook_url": connections.hook_url(link)}))

    def list(self) -> None:
        for link in Connection.objects.select_related("account").order_by("id"):
            shown = {
                "id": link.id,
                "kind": link.kind,
                "name": link.name,
                "account": link.account.slug if link.account else None,
                "hook_url": connections.hook_url(link),
                "answers": connections.answered(link),
                "stopped": link.stopped_reason if link.stopped_at else None,
            }
            self.stdout.write(json.dumps(shown))

    def stop(self, link: Connection) -> None:
        connections.stop(link, actor=ACTOR)

    def resume(self, link: Connection) -> None:
        connections.resume(link, actor=ACTOR)

    def test(self, link: Connection) -> None:
        found = carriers.health(link)
        if not found.is_well:
            raise CommandError(found.words or "The carrier refuses our credentials.", returncode=REFUSED)
        self.stdout.write(found.words or "The carrier takes our credentials.")
