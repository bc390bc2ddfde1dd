"""The command line: ``python -m heed COMMAND``. Exit codes: 0 done, 1 refused or differences found, 2 usage."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.settings")
    from django.core.management import execute_from_command_line

    if arguments and not arguments[0].startswith("-"):
        arguments = [arguments[0].replace("-", "_"), *arguments[1:]]
    execute_from_command_line(["heed", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
