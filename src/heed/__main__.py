"""The command line: ``python -m heed COMMAND``. Exit codes: 0 done, 1 refused or differences found, 2 usage."""

from __future__ import annotations

import difflib
import os
import re
import sys
from pathlib import Path
from typing import NoReturn

# What ``./heed help`` shows, in the order of use.
COMMANDS: dict[str, dict[str, str]] = {
    "Run": {
        "up": "set up what is missing, then serve",
        "serve": "web, dispatcher and worker under one parent",
        "web": "one of these alone …",
        "dispatch": "… for an installation",
        "work": "… on several hosts",
        "smpp": "take binds of programs that speak SMPP",
    },
    "Look after": {
        "doctor": "what is wrong, and how to mend it",
        "migrate": "bring the database up to date (up does it by itself)",
        "verify-ledger": "compare consent with the ledger, or rebuild it",
        "connection": "list carriers' connections, or start one again",
        "pool": "have numbers act as one sender",
        "shared-number": "add a number that takes free keywords",
    },
    "Accounts": {
        "account": "create and list accounts, name owners",
        "sign-in-link": "a link that signs a person in once",
        "api-key": "create, list and revoke keys of programs",
        "esme": "let programs bind by SMPP",
    },
    "Messages and opt-outs": {
        "send": "queue one text",
        "check": "may these people be sent to, and why not",
        "read": "how texts are read, and by which words",
        "measure-reading": "how well labelled texts are read",
        "opt-outs": "import and export the list",
        "sandbox": "be a phone of the simulated carrier",
    },
}
MAKES_FOLDER = ("up", "migrate")
REFUSED, USAGE = 1, 2


def main(arguments: list[str]) -> None:
    command, *rest = arguments or ["help"]
    if command in ("help", "-h", "--help") and not rest:
        sys.stdout.write(overview())
    elif command in ("version", "--version"):
        sys.stdout.write(f"heed {version()}\n")
    elif command == "help":
        run(rest[0], ["--help"])
    else:
        run(command, rest)


def run(command: str, arguments: list[str]) -> None:
    """Run one command, ours or Django's. Ends the program when it is unknown, or when a setting is wrong."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.settings")
    if command == "up":
        _set_data_folder(arguments)
    _mind_the_data_folder(command)

    import django  # Only here: help needs neither Django nor the settings.

    from heed import config

    try:
        django.setup()
    except config.Unusable as error:
        stop(str(error), error.exit_code)

    from django.core.management import execute_from_command_line, get_commands

    name = command.replace("-", "_")
    if name not in get_commands():
        near = difflib.get_close_matches(command, [one for group in COMMANDS.values() for one in group], 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        stop(f"There is no command “{command}”.{hint} ./heed help lists them.", USAGE)
    execute_from_command_line(["heed", name, *arguments])


def stop(words: str, exit_code: int) -> NoReturn:
    sys.stderr.write(words + "\n")
    raise SystemExit(exit_code)


def version() -> str:
    """The newest version in CHANGELOG.md."""
    found = re.search(r"^## (\S+)", (Path(__file__).parents[2] / "CHANGELOG.md").read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def overview() -> str:
    lines = ["Heed, a self-hosted SMS platform that honours every opt-out.", ""]
    for group, commands in COMMANDS.items():
        lines += [group, *(f"  {name:<15} {words}" for name, words in commands.items()), ""]
    return "\n".join(
        [
            *lines,
            "Develop",
            "  ./heed test, check, format, bench, lock, messages   see CONTRIBUTING.md",
            "",
            "./heed COMMAND --help explains one. Django's own commands (shell, dbshell, …) run too.",
            "Settings are HEED_… variables: docs/operations.md. Exit codes: 0 done, 1 refused, 2 usage.",
            "",
        ]
    )


def _set_data_folder(arguments: list[str]) -> None:
    """``up --data DIR`` counts before the settings are read."""
    for at, argument in enumerate(arguments):
        if argument == "--data" and at + 1 < len(arguments):
            os.environ["HEED_DATA_DIR"] = os.path.abspath(arguments[at + 1])
        elif argument.startswith("--data="):
            os.environ["HEED_DATA_DIR"] = os.path.abspath(argument.removeprefix("--data="))


def _mind_the_data_folder(command: str) -> None:
    """Make a folder that HEED_DATA_DIR names where that is wanted, and say so: it may be a slip of the pen."""
    given = os.environ.get("HEED_DATA_DIR")
    if not given or os.environ.get("HEED_DATABASE_URL") or Path(given).exists():
        return
    if command not in MAKES_FOLDER:
        stop(f"There is no data folder {given}, as HEED_DATA_DIR has it. Mend that, or run ./heed up first.", REFUSED)
    if Path(given).absolute().parent.is_dir():  # else the settings say what is wrong
        sys.stderr.write(f"Making the data folder {given}.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
