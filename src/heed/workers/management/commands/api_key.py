"""Keys of programs."""

from __future__ import annotations

import json

from django.core.management.base import CommandError, CommandParser

from heed.core import accounts
from heed.core.models import ApiKey, Role
from heed.workers.options import ACTOR, PlainCommand, account_of, add_account


class Command(PlainCommand):
    help = "Create, list or revoke API keys. A key is printed once, and kept as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="prints the key alone")
        create.add_argument("--name", required=True)
        create.add_argument("--role", choices=Role.values, default=Role.MARKETER.value, help="marketer if left out")
        revoke = actions.add_parser("revoke", help="end a key, by its number in the list")
        revoke.add_argument("id", type=int)
        for parser_ in (create, revoke, actions.add_parser("list", help="one JSON object a line")):
            add_account(parser_)

    def handle(self, *args: object, action: str, account: str, **options: str) -> None:
        owner = account_of(account)
        if action == "create":
            _, secret = accounts.create_api_key(owner, options["name"], Role(options["role"]), actor=ACTOR)
            self.stdout.write(secret)
        elif action == "revoke":
            id_ = int(options["id"])
            if not ApiKey.objects.filter(account=owner, pk=id_, revoked_at=None).exists():
                raise CommandError(f"The account has no working key {id_}.")
            accounts.revoke_api_key(owner, id_, actor=ACTOR)
        else:
            for key in ApiKey.objects.filter(account=owner).order_by("id"):
                shown = {"id": key.id, "name": key.name, "role": key.role, "ends_in": key.hint}
                self.stdout.write(json.dumps(shown | {"revoked": key.revoked_at is not None}))
