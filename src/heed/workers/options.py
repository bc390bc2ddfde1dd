"""What the commands share: the account they are about, and refusals in one line instead of a traceback."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any  # Options of a command have every type.

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, connection

from heed.core import tables
from heed.core.models import Account
from heed.core.refused import Refused
from heed.rules import numbers

ACTOR = "command line"  # as the ledger and the audit trail name it

_REFUSALS = (Refused, tables.BadFile, numbers.BadNumber)
_NO_TABLES = ("no such table", "does not exist", "unable to open database file")


class PlainCommand(BaseCommand):
    """A command that refuses in one line, with exit code 1, and whose help shows its own options alone."""

    # Django's own options, which help need not explain.
    suppressed_base_arguments = set(  # noqa: RUF012  # Django declares it so
        "--version --verbosity --settings --pythonpath --traceback --no-color --force-color".split()
    )
    is_process = False  # one that serves until it is stopped, its threads sharing a pool of connections
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand.replace("_", "-"), **kwargs)

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            super().run_from_argv([*argv[:2], "--traceback", *argv[2:]])  # so that Django leaves the words to us
        except CommandError as error:
            self.stderr.write(str(error))
            raise SystemExit(error.returncode) from error

    def execute(self, *args: Any, **options: Any) -> str | None:
        if not self.is_process:  # One connection, which says at once why it can't be made.
            connection.settings_dict["OPTIONS"].pop("pool", None)
        try:
            return super().execute(*args, **options)
        except _REFUSALS as error:
            raise CommandError(str(error)) from error
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(words_for(error)) from error
        except BrokenPipeError as error:  # Whoever read our output has read enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from error
        except OSError as error:
            raise CommandError(f"{error.filename or 'The file'}: {error.strerror or error}") from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped.", returncode=130) from error


def words_for(error: Exception) -> str:
    """What to do about a database that does not answer."""
    first_line = str(error).strip().partition("\n")[0]
    file = Path(settings.DATABASES["default"]["NAME"])
    if connection.vendor == "sqlite" and "unable to open" in first_line and file.exists():
        return f"{file} can't be opened. Is its folder writable?"
    if any(words in first_line for words in _NO_TABLES):
        place = "HEED_DATABASE_URL" if connection.vendor == "postgresql" else settings.DATA_DIR
        return f"There is no database at {place} yet. Run ./heed up first."
    return f"The database can't be used: {first_line}"


def positive(raw: str) -> int:
    """The type of an option that counts."""
    if not (raw.isascii() and raw.isdecimal() and int(raw)):
        raise ArgumentTypeError(f"{raw} is not a number from 1 on.")
    return int(raw)


def add_account(parser: CommandParser) -> None:
    parser.add_argument("--account", metavar="SLUG", default="", help="may be left out while there is one account")


def account_of(slug: str | None) -> Account:
    """The account with this slug, or the only one. Raises CommandError with the slugs there are."""
    if slug:
        found = Account.objects.filter(slug=slug).first()
        if found is not None:
            return found
    slugs = list(Account.objects.filter(closed_at=None).order_by("slug").values_list("slug", flat=True)[:100])
    if not slugs:
        raise CommandError("There is no account yet. Run: ./heed account create --name NAME")
    if slug or len(slugs) > 1:
        problem = f"There is no account “{slug}”." if slug else "There are several accounts."
        raise CommandError(f"{problem} Choose one: --account {' | '.join(slugs)}")
    return Account.objects.get(slug=slugs[0])
