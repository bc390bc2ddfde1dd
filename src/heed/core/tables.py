"""Tables in files: rows of text from CSV and XLSX as people's programs write them, and rows back into such files.

CSV is streamed. What a spreadsheet program could take for a formula is guarded on the way out, and freed on the way in.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from io import TextIOBase
from pathlib import Path
from typing import Protocol

import python_calamine
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

DELIMITERS = ",;\t|"
MOST_SHEET_ROWS = 1_048_576
_SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


class BadFile(ValueError):
    """This file can't be read, or written, as a table."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file. With a ``problem`` it could not be taken apart, and its one cell is the raw line."""

    cells: list[str]
    problem: str = ""


def read(path: Path) -> Iterator[Line]:
    """The rows of a CSV or spreadsheet file, the header among them; rows without any text are left out."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
        is_sheet = head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) or path.suffix.lower() in _SPREADSHEETS
        yield from _sheet(path) if is_sheet else _csv(path)
    except OSError as error:
        raise BadFile(f"{path} can't be read: {error.strerror or error}.") from error


def _csv(path: Path) -> Iterator[Line]:
    encoding = _encoding_of(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        first = file.readline(100_000)
        delimiter = max(DELIMITERS, key=first.count)
        file.seek(0)
        yield from (line for line in _taken_apart(file, delimiter) if line.problem or any(map(str.strip, line.cells)))


def _taken_apart(file: Iterator[str], delimiter: str) -> Iterator[Line]:
    """A quote that is never closed must not swallow the rows after it: its line is refused, the others are read again."""
    again: deque[str] = deque()
    used: list[str] = []

    def lines() -> Iterator[str]:
        while True:
            line = again.popleft() if again else next(file, None)
            if line is None:
                return
            used.append(line)
            yield line

    feed = lines()
    while True:
        reader = csv.reader(feed, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                used.clear()
                yield Line(cells)
            return
        except csv.Error:
            yield Line([used[0].rstrip("\r\n")], "The quotes in this row don't match.")
            again.extendleft(reversed(used[1:]))
            used.clear()
            # An error at the end of the file has used the feed up.
            feed = lines()


def _encoding_of(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if len(head) == 4 and 0 in head and head[:2] != b"\0\0":
            return "utf-16-le" if head[1] == 0 else "utf-16-be"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"  # what Excel on Windows writes as CSV
    return "utf-8"


def _sheet(path: Path) -> Iterator[Line]:
    try:
        sheet = python_calamine.load_workbook(str(path)).get_sheet_by_index(0)
        for row in sheet.iter_rows():
            cells = [_text(cell) for cell in row]
            if any(map(str.strip, cells)):
                yield Line(cells)
    except (python_calamine.CalamineError, IndexError) as error:
        raise BadFile(f"{path} can't be read as a spreadsheet.") from error


def _text(cell: object) -> str:
    match cell:
        case bool():
            return "TRUE" if cell else "FALSE"
        case float() if cell.is_integer():
            return str(int(cell))  # a phone number that the spreadsheet took for a quantity
        case datetime() | date() | time():
            return cell.isoformat()
        case _:
            return str(cell)


class Writer(Protocol):
    def writerow(self, row: Sequence[str], /) -> object: ...


@contextmanager
def write(target: Path | TextIOBase) -> Iterator[Writer]:
    """A writer of rows to a file (a spreadsheet if it is named .xlsx) or to an open stream (CSV)."""
    if not isinstance(target, Path):
        yield csv.writer(target, lineterminator="\n")
    elif target.suffix.lower() == ".xlsx":
        with _Sheet(target) as sheet:
            yield sheet
    else:
        with target.open("w", encoding="utf-8", newline="") as file:
            yield csv.writer(file, lineterminator="\r\n")


class _Sheet:
    """Rows of text cells, written as they come: never a formula, a link or a number."""

    def __init__(self, path: Path) -> None:
        self._book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
        self._sheet = self._book.add_worksheet()
        self._rows = 0

    def __enter__(self) -> _Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._book.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise BadFile(f"The spreadsheet can't be written: {error}") from error

    def writerow(self, row: Sequence[str], /) -> None:
        if self._rows == MOST_SHEET_ROWS:
            raise BadFile(f"A spreadsheet holds {MOST_SHEET_ROWS - 1:,} rows. Write a .csv file instead.")
        for column, cell in enumerate(row):
            self._sheet.write_string(self._rows, column, cell[:32_767])
        self._rows += 1


_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def guard(text: str) -> str:
    """``text`` with an apostrophe before what a spreadsheet program would run as a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """What ``guard`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
