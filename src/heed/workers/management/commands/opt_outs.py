"""The opt-out list as a file: import and export."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from django.core.management.base import CommandError, CommandParser

from heed.core import opt_out_files, tables
from heed.core.opt_out_files import Counts
from heed.workers.options import ACTOR, PlainCommand, account_of, add_account

SHOWN_REJECTS = 5
SHOWN_OF_ROW = 60  # characters


class Command(PlainCommand):
    help = "Import opt-outs from a CSV or XLSX file, or export them all."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        read = actions.add_parser("import", help="add opt-outs; an import never lifts one; prints counts as JSON")
        read.add_argument("file", type=Path, metavar="FILE", help="CSV or XLSX with phone_number, and if you like scope, "
                          "opted_out_at, note, never_contact")  # fmt: skip
        read.add_argument("--scope", default=opt_out_files.ACCOUNT, help="for rows without one: account, or a sender")
        read.add_argument("--country", default="", help="of national numbers, like GB; else the account's")
        read.add_argument("--rejects", type=Path, metavar="FILE", help="where to write what was not applied, and why")
        add_account(read)
        write = actions.add_parser("export", help="write all opt-outs as CSV, or as XLSX if FILE ends in .xlsx")
        write.add_argument("file", type=Path, metavar="FILE", nargs="?", help="else standard output")
        add_account(write)

    def handle(self, *args: object, action: str, **options: object) -> None:
        {"import": self.read, "export": self.write}[action](**options)  # type: ignore[operator]  # methods with different options

    def read(self, file: Path, scope: str, country: str, rejects: Path | None, account: str, **_: object) -> None:
        to = account_of(account)
        if rejects is not None and rejects.resolve() == file.resolve():
            raise CommandError("The rejects can't go to the file that is read.")
        with ExitStack() as stack:
            reject = self._rejecter(stack, rejects)
            counts = opt_out_files.import_file(
                to, file, scope=scope, country=country, actor=ACTOR, reject=reject, progress=self._progress
            )
        if sys.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(json.dumps(asdict(counts)))

    def _rejecter(self, stack: ExitStack, path: Path | None) -> Callable[[Sequence[str]], object]:
        """Write rejects to ``path`` once there are any rows to read; without one, show why the first few were."""
        if path is not None:
            rows: list[tables.Writer] = []

            def to_file(row: Sequence[str]) -> None:
                if not rows:  # The header comes first, when the file has been found good.
                    rows.append(stack.enter_context(tables.write(path)))
                rows[0].writerow(row)

            return to_file
        shown = -1  # The first one is the header.

        def to_stderr(row: Sequence[str]) -> None:
            nonlocal shown
            shown += 1
            if 0 < shown <= SHOWN_REJECTS:
                self.stderr.write(f"Not applied: “{', '.join(row[:-1])[:SHOWN_OF_ROW]}”: {row[-1]}")
            elif shown == SHOWN_REJECTS + 1:
                self.stderr.write("… see all with --rejects FILE")

        return to_stderr

    def _progress(self, counts: Counts) -> None:
        end = "\r" if sys.stderr.isatty() else "\n"
        self.stderr.write(f"{counts.read:,} read, {counts.added:,} added", ending=end)

    def write(self, file: Path | None, account: str, **_: object) -> None:
        of = account_of(account)
        with tables.write(file or self.stdout) as writer:
            count = opt_out_files.export(of, writer)
        if file is not None:
            self.stderr.write(f"{count:,} opt-outs written to {file}.")
