"""Programs that bind by SMPP."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError

from django.core.management.base import CommandError, CommandParser

from heed.core import esmes
from heed.core.esmes import Setting
from heed.core.models import Account, Esme, EsmeAlphabet
from heed.workers.options import ACTOR, PlainCommand, account_of, add_account


class Command(PlainCommand):
    help = "Let programs bind to Heed by SMPP. A password is printed once, and kept as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="prints the password alone")
        change = actions.add_parser("change", help="set one anew; what is left out stays")
        for one in (add, change):
            _add_settings(one)
        password = actions.add_parser("password", help="prints a new password alone, and ends the binds of the old one")
        remove = actions.add_parser("remove", help="let it bind no more")
        for one in (add, change, password, remove):
            one.add_argument("system_id")
        for one in (add, change, password, remove, actions.add_parser("list", help="one JSON object a line")):
            add_account(one)

    def handle(self, *args: object, action: str, account: str, **options: object) -> None:
        owner = account_of(account)
        if action == "list":
            for esme in esmes.of(owner).reverse():
                self.stdout.write(json.dumps(_shown(esme)))
            return
        system_id = str(options["system_id"])
        if action == "add":
            self.stdout.write(esmes.add(owner, system_id, _setting(options), actor=ACTOR)[1])
            return
        esme = _esme(owner, system_id)
        if action == "change":
            esmes.change(esme, _setting(options), actor=ACTOR)
        elif action == "password":
            self.stdout.write(esmes.change_password(esme, actor=ACTOR))
        else:
            esmes.remove(esme, actor=ACTOR)


def _add_settings(parser: CommandParser) -> None:
    parser.add_argument("--from", dest="networks", action="append", metavar="NETWORK", help="may come from there alone")
    parser.add_argument("--alphabet", choices=EsmeAlphabet.values, help="of data_coding 0 (gsm7)")
    parser.add_argument(
        "--refusal", type=_status, metavar="0x0B", help="for opted-out people; 0 gives a receipt instead"
    )
    parser.add_argument("--binds", dest="most_binds", type=int, metavar="N", help="at a time (4)")
    parser.add_argument("--window", type=int, metavar="N", help="unanswered submits of a bind (100)")
    parser.add_argument("--rate", type=int, metavar="N", help="submits a second (100); 0 for no limit")
    parser.add_argument("--inbound", dest="takes_inbound", choices=["yes", "no"], help="give it inbound texts (yes)")


def _status(raw: str) -> int:
    try:
        return int(raw, 0)
    except ValueError:
        raise ArgumentTypeError(f"{raw} is no command_status, like 0x0B.") from None


def _setting(options: dict[str, object]) -> Setting:
    names = "alphabet refusal networks most_binds window rate".split()
    takes = options["takes_inbound"]
    return Setting(takes_inbound=None if takes is None else takes == "yes", **{name: options[name] for name in names})  # type: ignore[arg-type]  # as the parser has checked


def _esme(owner: Account, system_id: str) -> Esme:
    found = esmes.of(owner).filter(system_id=system_id).first()
    if found is None:
        raise CommandError(f"The account has no ESME “{system_id}”.")
    return found


def _shown(esme: Esme) -> dict[str, object]:
    names = "system_id alphabet networks most_binds window rate".split()
    return {
        **{name: getattr(esme, name) for name in names},
        "refusal": f"0x{esme.refusal:08X}",
        "takes_inbound": esmes.INBOUND in esme.endpoint.kinds,
        "bound_at": esme.bound_at.isoformat() if esme.bound_at else None,
    }
