"""Tables in files: rows of text from CSV and XLSX as people's programs write them, and rows back into such files.

CSV is streamed. What a spreadsheet program could take for a formula is guarded on the way out, and freed on the way in.
"""

from __future__ import annotations

import codecs
import csv
import re
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import partial
from io import SEEK_END, StringIO, TextIOBase, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import python_calamine
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

DELIMITERS = ",;\t|"
LONGEST_LINE = 1_000_000  # characters; what is longer is no row of a table
MOST_SHEET_ROWS = 1_048_576
_OLD_XLS = b"\xd0\xcf\x11\xe0"  # the beginning of an OLE compound file, which is not packed
MOST_SHEET_BYTES = 256 * 2**20  # unpacked: a million rows of four columns, read into some 400 MB
_SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


class BadFile(ValueError):
    """This file can't be read, or written, as a table."""


class Line(NamedTuple):
    """One row of a file. With a ``problem`` it could not be taken apart, and its one cell is the raw line."""

    cells: list[str]
    problem: str = ""


def read(source: Path | BinaryIO, name: str = "") -> Iterator[Line]:
    """The rows of a CSV or spreadsheet, the header among them; rows without any text are left out.

    ``source`` is a file, or a stream of bytes that can be read from any place, with the ``name`` to call it by.
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                yield from read(file, str(source))
        except OSError as error:
            raise BadFile(f"{source} can't be read: {error.strerror or error}.") from error
        return
    yield from _sheet(source, name) if is_sheet(source, name) else _csv(source)


def is_sheet(source: BinaryIO, name: str) -> bool:
    """Whether ``source`` is a spreadsheet, by its first bytes or its name."""
    head = source.read(8)
    source.seek(0)
    return head.startswith((b"PK\x03\x04", _OLD_XLS)) or Path(name).suffix.lower() in _SPREADSHEETS


def _csv(source: BinaryIO) -> Iterator[Line]:
    text = TextIOWrapper(source, _encoding_of(source), errors="replace", newline="")
    try:
        first = text.readline(100_000)
        delimiter = max(DELIMITERS, key=first.count)
        text.seek(0)
        rows = iter(partial(text.readline, LONGEST_LINE), "")
        yield from (line for line in _taken_apart(rows, delimiter) if line.problem or any(map(str.strip, line.cells)))
    finally:
        text.detach()  # the stream is its giver's to close


def _taken_apart(rows: Iterator[str], delimiter: str) -> Iterator[Line]:
    """A quote that is never closed must not swallow the rows after it: its line is refused, the others are read again."""
    again: deque[str] = deque()
    while (line := again.popleft() if again else next(rows, None)) is not None:
        if '"' not in line:  # nearly all are; the reader takes three times as long
            yield Line(line.rstrip("\r\n").split(delimiter))
            continue
        used: list[str] = []
        try:
            yield Line(next(csv.reader(_record(line, again, rows, used), delimiter=delimiter, strict=True)))
        except csv.Error:
            yield Line([line.rstrip("\r\n")], "The quotes in this row don't match.")
            again.extendleft(reversed(used))


def _record(line: str, again: deque[str], rows: Iterator[str], used: list[str]) -> Iterator[str]:
    """The lines of one row, as many as the reader asks for; those behind the first are noted in ``used``."""
    yield line
    while (more := again.popleft() if again else next(rows, None)) is not None:
        used.append(more)
        yield more


def _encoding_of(source: BinaryIO) -> str:
    """By its first bytes, else by whether all of it is UTF-8. Leaves ``source`` at its beginning."""
    head = source.read(4)
    source.seek(0)
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) == 4 and 0 in head and head[:2] != b"\0\0":
        return "utf-16-le" if head[1] == 0 else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := source.read(1 << 20):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"  # what Excel on Windows writes as CSV
    finally:
        source.seek(0)
    return "utf-8"


def _sheet(source: BinaryIO, name: str) -> Iterator[Line]:
    """The rows of the first sheet. The whole of it is read into memory, so its size unpacked has a bound."""
    _refuse_large(source)
    try:
        sheet = python_calamine.load_workbook(source).get_sheet_by_index(0)
        for row in sheet.iter_rows():
            cells = [_text(cell) for cell in row]
            if any(map(str.strip, cells)):
                yield Line(cells)
    except (python_calamine.CalamineError, IndexError) as error:
        raise BadFile(f"{name or 'This file'} can't be read as a spreadsheet.") from error


def _refuse_large(source: BinaryIO) -> None:
    """What calamine unpacks has a bound: by the sizes that a zip declares, to which it holds every entry."""
    is_old, size = source.read(4) == _OLD_XLS, source.seek(0, SEEK_END)
    if not is_old:  # it is a zip, or nothing that can be read
        try:
            with zipfile.ZipFile(source) as packed:
                size = max(size, sum(entry.file_size for entry in packed.infolist()))
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise BadFile("This file can't be read as a spreadsheet.") from error  # calamine may, without a bound
    source.seek(0)
    if size > MOST_SHEET_BYTES:
        raise BadFile("This spreadsheet is too large. Save it as CSV, which has no such bound.")


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


def csv_line(row: Sequence[str]) -> str:
    """``row`` as a line of CSV, what a spreadsheet program could run guarded."""
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([guard(cell) for cell in row])
    return text.getvalue()
