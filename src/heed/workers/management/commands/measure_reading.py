"""How well texts are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any  # Figures of every type.

from django.core.management.base import CommandError, CommandParser

from heed.rules.measure import BadLabel, Score, labelled, measure
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    help = (
        "Read labelled texts (verdict, tab, text; or columns named by a first line) and say how many were read right."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--json", action="store_true", help="one JSON object a file")

    def handle(self, *args: object, files: list[Path], **options: object) -> None:
        for file in files:
            try:
                score = measure(labelled(file.read_text(encoding="utf-8-sig").splitlines()))
            except (BadLabel, UnicodeDecodeError) as error:
                raise CommandError(f"{file}: {error}") from error
            if options["json"]:
                self._json(file, score)
            else:
                self._print(file, score)

    def _json(self, file: Path, score: Score) -> None:
        self.stdout.write(
            json.dumps({"file": str(file)} | _figures(score) | {"misses": _misses(score)}, ensure_ascii=False)
        )

    def _print(self, file: Path, score: Score) -> None:
        figures = _figures(score)
        self.stdout.write(f"{file}: {figures['texts']} texts")
        for name in ("recall", "acted_on", "false_opt_outs", "needless_reviews"):
            self.stdout.write(f"  {name.replace('_', ' '):18} {figures[name]:8.3%}")
        for label, read in figures["by_label"].items():
            self.stdout.write(f"  {label:18} " + ", ".join(f"{verdict} {count}" for verdict, count in read.items()))
        for miss in _misses(score):
            self.stdout.write("  {label} read as {verdict} ({rule}: {words}): {text}".format(**miss))


def _figures(score: Score) -> dict[str, Any]:
    by_label: dict[str, dict[str, int]] = {}
    for (label, verdict), count in sorted(score.counts.items()):
        by_label.setdefault(label.value, {})[verdict.value] = count
    return {
        "texts": score.texts,
        "recall": score.recall,
        "acted_on": score.acted_on,
        "false_opt_outs": score.false_opt_outs,
        "needless_reviews": score.needless_reviews,
        "by_label": by_label,
    }


def _misses(score: Score) -> list[dict[str, str]]:
    return [
        {
            "label": miss.labelled.verdict.value,
            "verdict": miss.reading.verdict.value,
            "rule": miss.reading.rule or "-",
            "words": miss.reading.word or "-",
            "text": miss.labelled.text,
        }
        for miss in score.misses
    ]
