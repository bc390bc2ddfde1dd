"""Connections to carriers."""

from __future__ import annotations

import json
from typing import Any  # Options of a command have every type.

from django.core.management.base import CommandError, CommandParser

from heed import carriers
from heed.core import connections
from heed.core.models import Connection
from heed.rules import numbers
from heed.workers.options import ACTOR, PlainCommand, account_of

REFUSED = 1


class Command(PlainCommand):
    help = "Connections to carriers: add, change, list, stop, resume, test, reconcile."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="add one; without settings it says which ones a kind has")
        add.add_argument("kind", metavar="KIND", help=", ".join(kind for kind, _ in carriers.kinds()))
        add.add_argument("settings", nargs="*", metavar="key=value", help="a value of - is read from standard input")
        add.add_argument("--name", default="", help="what staff call it; the carrier's name if left out")
        add.add_argument("--account", metavar="SLUG", default="", help="this account's alone; without it, everybody's")
        add.add_argument("--answers", default=None, metavar="stop,start,help", help="what the carrier answers itself")
        actions.add_parser("list", help="one JSON object a line")
        change = actions.add_parser("change", help="change some of its settings, its name, or what its carrier answers")
        change.add_argument("id", type=int)
        change.add_argument("settings", nargs="*", metavar="key=value", help="a value of - is read from standard input")
        change.add_argument("--name", default="")
        change.add_argument(
            "--answers", default=None, metavar="stop,start,help", help="what the carrier answers itself"
        )
        number = actions.add_parser("add-number", help="give an account a number that you have at this carrier already")
        number.add_argument("id", type=int)
        number.add_argument("number", metavar="+44…")
        number.add_argument("--account", metavar="SLUG", required=True)
        for action, words in (
            ("stop", "hand nothing more to it; what is queued waits"),
            ("resume", "hand off again, also after it stopped itself"),
            ("test", "ask the carrier whether our credentials are right"),
            ("close", "stop it for good; no sender may use it any more"),
            ("reconcile", "compare opt-outs with the carrier now; the worker does it every six hours"),
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
        if action == "change":
            return self.change(link, **options)
        if action == "add-number":
            return self.add_number(link, **options)
        verbs = {"stop": self.stop, "resume": self.resume, "close": self.close, "test": self.test}
        (verbs | {"reconcile": self.reconcile})[action](link)

    def add(
        self, kind: str, settings: list[str], name: str, account: str, answers: str | None, **options: object
    ) -> None:
        fields = carriers.fields(kind)
        if not settings and any(field.is_required and not field.default for field in fields):
            for field in fields:
                needed = "required" if field.is_required and not field.default else "optional"
                self.stdout.write(f"{field.name} ({needed}): {field.label}. {field.help}".rstrip())
            raise CommandError(f"Give {kind} its settings: heed connection add {kind} {fields[0].name}=…")
        answered = carriers.usually_answered(kind) if answers is None else _words(answers)
        link = carriers.add(
            kind,
            name or dict(carriers.kinds())[kind],
            _values(settings),
            answered=sorted(answered),
            account=account_of(account) if account else None,
            actor=ACTOR,
        )
        self.stdout.write(json.dumps({"id": link.id, "hook_url": connections.hook_url(link)}))

    def change(self, link: Connection, settings: list[str], name: str, answers: str | None, **options: object) -> None:
        answered = connections.answered(link) if answers is None else sorted(_words(answers))
        carriers.change(link, name or link.name, _values(settings), answered=answered, actor=ACTOR)

    def add_number(self, link: Connection, number: str, account: str, **options: object) -> None:
        whose = account_of(account)
        taken, points_here = carriers.add_number(whose, numbers.parse(number, whose.country), link, actor=ACTOR)
        self.stdout.write(taken.address)
        if not points_here:
            self.stderr.write(f"At your carrier, have its texts sent to {connections.hook_url(link)}")

    def list(self) -> None:
        for link in Connection.objects.filter(closed_at=None).select_related("account").order_by("id"):
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

    def close(self, link: Connection) -> None:
        connections.close(link, actor=ACTOR)

    def test(self, link: Connection) -> None:
        found = carriers.health(link)
        if not found.is_well:
            raise CommandError(found.words or "The carrier refuses our credentials.", returncode=REFUSED)
        self.stdout.write(found.words or "The carrier takes our credentials.")

    def reconcile(self, link: Connection) -> None:
        kept = carriers.reconcile(link)
        if kept.words:
            raise CommandError(kept.words, returncode=REFUSED)
        figures = ("listed", "added", "resisted", "missing", "pushed")
        self.stdout.write(json.dumps({name: getattr(kept, name) for name in figures}))


def _values(settings: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in settings]
    return {key: input() if value == "-" else value for key, _, value in pairs}


def _words(raw: str) -> set[str]:
    return {one.strip().lower() for one in raw.split(",") if one.strip()}
