"""The command line: ``python -m heed COMMAND``. Exit codes: 0 done, 1 refused or differences found, 2 usage."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.settings")
    from django.core.management import execute_from_command_line

    _set_data_folder(arguments)
    if arguments and not arguments[0].startswith("-"):
        arguments = [arguments[0].replace("-", "_"), *arguments[1:]]
    execute_from_command_line(["heed", *arguments])


def _set_data_folder(arguments: list[str]) -> None:
    """``up --data DIR`` counts before the settings are read."""
    for at, argument in enumerate(arguments):
        if argument == "--data" and at + 1 < len(arguments):
            os.environ["HEED_DATA_DIR"] = os.path.abspath(arguments[at + 1])
        elif argument.startswith("--data="):
            os.environ["HEED_DATA_DIR"] = os.path.abspath(argument.removeprefix("--data="))


if __name__ == "__main__":
    main(sys.argv[1:])
