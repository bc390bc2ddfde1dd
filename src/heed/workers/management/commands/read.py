"""How texts are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from heed.core import senders, verdicts
from heed.rules.reading import read
from heed.rules.texts import clean
from heed.rules.verdicts import Reading
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    help = "Read one text a line on standard input: its verdict, the rule and the words that gave it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument(
            "--number", metavar="N", default="", help="read as this number would; else as a new UK number"
        )

    def handle(self, *args: object, **options: str) -> None:
        reader: Callable[[str], Reading] = read
        if options["number"]:
            sender = senders.reached(options["number"])
            if sender is None:
                raise CommandError(f"Nobody here has the number {options['number']}.")
            reader = verdicts.reader(sender, timezone.now())
        for line in sys.stdin:
            text = clean(line.rstrip("\r\n"))
            reading = reader(text)
            found = {"verdict": reading.verdict.value, "rule": reading.rule or None, "words": reading.word or None}
            if options["json"]:
                self.stdout.write(
                    json.dumps({"text": text} | found | {"everything": reading.everything}, ensure_ascii=False)
                )
            else:
                self.stdout.write("\t".join((found["verdict"] or "", reading.rule or "-", reading.word or "-", text)))
