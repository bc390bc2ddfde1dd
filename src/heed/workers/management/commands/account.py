"""Accounts of this installation."""

from __future__ import annotations

import json

from django.core.management.base import CommandParser

from heed.core import accounts
from heed.core.models import Account, Role
from heed.workers.options import ACTOR, PlainCommand, account_of


class Command(PlainCommand):
    help = "Create or list accounts."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="a new account; prints its slug")
        create.add_argument("--name", required=True)
        create.add_argument("--slug", default="")
        create.add_argument("--country", default="GB", help="two letters; national numbers are read in it")
        create.add_argument("--owner", metavar="EMAIL", default="")
        own = actions.add_parser("own", help="make somebody an owner of an account")
        own.add_argument("slug")
        own.add_argument("email")
        actions.add_parser("list", help="one JSON object a line")

    def handle(self, *args: object, action: str, **options: str) -> None:
        if action == "list":
            for account in Account.objects.order_by("slug"):
                self.stdout.write(json.dumps({"slug": account.slug, "name": account.name, "country": account.country}))
            return
        if action == "own":
            accounts.add_member(account_of(options["slug"]), options["email"], Role.OWNER, actor=ACTOR)
            return
        account = accounts.create(options["name"], slug=options["slug"], country=options["country"], actor=ACTOR)
        if options["owner"]:
            accounts.add_member(account, options["owner"], Role.OWNER, actor=ACTOR)
        self.stdout.write(account.slug)
