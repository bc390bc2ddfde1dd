"""Uploads: a file of people, stored, looked into, and read row by row as a mapping of its columns says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any  # JSON that a row keeps.

from heed.core import files, refused, tables
from heed.core.models import Account, FilePurpose, StoredFile
from heed.core.tables import Line
from heed.rules import columns, numbers
from heed.rules.texts import clean

LOOKED_AT = 200  # rows
SHOWN = 5
MOST_CELL = 500  # characters of a value that is kept
PASTED = "pasted numbers"


class Refused(refused.Refused):
    """This file can't be used."""

    def __init__(self, words: str, *, field: str = "file") -> None:
        super().__init__(words, field=field)


@dataclass(frozen=True, slots=True)
class Column:
    """``key`` is the merge field that it fills."""

    place: int
    name: str
    key: str
    examples: list[str]


@dataclass(frozen=True, slots=True)
class Look:
    """What a file shows at first sight. ``phone`` is the place of the column of numbers, None if none is found."""

    has_header: bool
    phone: int | None
    country: str
    columns: list[Column]
    rows: list[list[str]]  # the first ones, without the header
    lines: int  # about how many rows the file has


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a file is read: which column holds the numbers, of which country, and which columns fill merge fields."""

    phone: int
    country: str
    has_header: bool
    fields: dict[int, str] = field(default_factory=dict)  # place → merge field

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"fields": {str(place): key for place, key in self.fields.items()}}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Mapping:
        return cls(**(value | {"fields": {int(place): key for place, key in value["fields"].items()}}))


def store(account: Account, name: str, parts: Iterable[bytes], *, actor: str) -> StoredFile:
    """Store a file that is being uploaded, and look into it. Raises Refused for what is no table."""
    ends = 0

    def counted() -> Iterator[bytes]:
        nonlocal ends
        for part in parts:
            ends += part.count(b"\n")
            yield part

    try:
        file = files.store(account, name, counted(), purpose=FilePurpose.UPLOAD, actor=actor)
    except files.Refused as error:
        raise Refused(str(error)) from error
    try:
        file.look = asdict(_look(account, file, ends))
    except Refused:
        files.delete(file)
        raise
    file.save(update_fields=["look"])
    return file


def store_pasted(
    account: Account, pasted: Sequence[str], *, country: str = "", actor: str
) -> tuple[StoredFile, Mapping]:
    """Pasted numbers as a file of one column, so that they take the way of every file; and how it is read."""
    rows = [re.sub(r'[\s,;|"]+', " ", clean(raw)).strip()[:MOST_CELL] for raw in pasted]
    text = "\ufeff" + "".join(f"{row}\r\n" for row in rows if row)
    file = store(account, PASTED, [text.encode()], actor=actor)
    return file, check(file, Mapping(0, country or account.country, has_header=False))


def find(account: Account, file_id: int) -> StoredFile | None:
    return files.find(account, file_id, FilePurpose.UPLOAD)


def look(file: StoredFile) -> Look:
    """What was seen when the file was stored."""
    value = dict(file.look or {})
    return Look(**(value | {"columns": [Column(**column) for column in value["columns"]]}))


def mapping_of(file: StoredFile) -> Mapping | None:
    """How the file would be read if nobody said otherwise: every other column a merge field. None without numbers."""
    seen = look(file)
    if seen.phone is None:
        return None
    fields = {one.place: one.key for one in seen.columns if one.place != seen.phone and one.key}
    return Mapping(seen.phone, seen.country, seen.has_header, fields)


def check(file: StoredFile, mapping: Mapping) -> Mapping:
    """``mapping`` if the file can be read so. Raises Refused."""
    places = {column.place for column in look(file).columns}
    if mapping.phone not in places:
        raise Refused("Say which column holds the phone numbers.", field="phone")
    if mapping.country not in numbers.REGIONS:
        raise Refused("Give the country as two letters, like GB or US.", field="country")
    fields = {place: columns.key(name) for place, name in mapping.fields.items() if columns.key(name)}
    if not places.issuperset(fields):
        raise Refused("The file has no such column.", field="fields")
    if len(set(fields.values())) < len(fields):
        raise Refused("Two columns can't fill the same merge field.", field="fields")
    return Mapping(mapping.phone, mapping.country, mapping.has_header, fields)


def lines(file: StoredFile, start: int = 0) -> Iterator[Line]:
    """The rows of ``file`` from ``start`` on, the header among them. Raises Refused for what can't be read."""
    try:
        yield from islice(tables.read(files.opened(file), file.name), start, None)
    except tables.BadFile as error:
        raise Refused(str(error)) from error


def header(file: StoredFile) -> list[str]:
    """The names of the columns, as rejects repeat them."""
    return [column.name for column in look(file).columns]


def _look(account: Account, file: StoredFile, ends: int) -> Look:
    every = lines(file)
    rows = [[clean(cell)[:MOST_CELL] for cell in line.cells] for line in islice(every, LOOKED_AT)]
    if not rows:
        raise Refused("There is no row in this file.")
    found = columns.find(rows, account.country)
    body = rows[1:] if found.has_header else rows
    width = min(max(map(len, rows)), columns.MOST_COLUMNS)
    seen: list[Column] = []
    taken: set[str] = set()
    for place in range(width):
        name = rows[0][place].strip() if found.has_header and place < len(rows[0]) else ""
        name = name or f"Column {place + 1}"
        key = columns.key(name) if columns.key(name) not in taken else ""
        taken.add(key)
        examples = [row[place] for row in body if place < len(row) and row[place].strip()][:3]
        seen.append(Column(place, name[:80], key, examples))
    if tables.is_sheet(files.opened(file), file.name):  # all of it has been read; its line ends are none
        ends = len(rows) + sum(1 for _ in every)
    shown = [row[:width] for row in body[:SHOWN]]
    return Look(found.has_header, found.phone, found.country, seen, shown, max(ends, len(rows)))
