"""The people whom a file names: windows of its rows, each sorted by recipient, with what can't be used and why.

A window read again is the same window, so a job that was killed in the middle of one goes on behind its last commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from operator import itemgetter

from heed.core import jobs, uploads
from heed.core.models import Job, StoredFile
from heed.core.pace import Pace
from heed.core.tables import Line
from heed.core.uploads import MOST_CELL, Mapping
from heed.rules import numbers
from heed.rules.numbers import BadNumber
from heed.rules.texts import clean

# Each commit touches the pages of its people's neighbours: half the window costs nearly twice the time.
WINDOW = 200_000

Named = tuple[int, dict[str, str]]  # a recipient, and the values of their merge fields


Write = Callable[[], dict[str, int]]


@dataclass(slots=True)
class Window:
    """Lines ``start`` to ``end`` of a file, as people in order of recipient, and rejected rows with their reasons."""

    start: int
    end: int = 0
    keys: Sequence[str] = ()
    people: list[tuple[int, Sequence[str]]] = field(default_factory=list)  # recipients, and the values of ``keys``
    rejects: list[list[str]] = field(default_factory=list)

    def named(self, start: int, count: int) -> list[Named]:
        keys = self.keys
        return [
            (recipient, dict(zip(keys, values, strict=True)))
            for recipient, values in self.people[start : start + count]
        ]


def work_through(
    job: Job,
    keep_on: jobs.KeepOn,
    source: Iterator[Window],
    header: Sequence[str],
    pace: Pace,
    prepare: Callable[[Sequence[Named]], Write],
) -> bool:
    """Give ``prepare`` the people of ``source``, as many at a time as ``pace`` allows; whether the end was reached.

    What it returns is called in a transaction, and returns what to add to the job's counts, which has rows and invalid
    besides: what needs no lock is done before. ``source`` begins at ``job.line``, ``header`` heads the rejects.
    """
    try:
        for window in source:
            chunks = jobs.reject(job, header, window.rejects)
            while job.rows < len(window.people):
                if not keep_on():
                    jobs.put_down(job)
                    return False
                chunk = window.named(job.rows, pace.chunk)
                jobs.step(job, partial(_written, job, prepare(chunk), len(chunk)), pace)
            jobs.step(job, partial(_read, job, window, chunks))
            window.people.clear()  # while the next one is read there is no room for two
    except uploads.Refused as error:
        raise jobs.Failed(str(error)) from error
    return True


def of_upload(job: Job, refuse: Callable[[int], str] | None = None) -> tuple[Iterator[Window], list[str]]:
    """The windows of the job's upload from where the job stands, and its header. ``refuse`` is as for ``windows``."""
    if job.upload is None:
        raise jobs.Failed("The file that was uploaded is gone.")
    mapping = Mapping.from_json(job.setting["mapping"])
    return windows(job.upload, mapping, job.line, refuse), uploads.header(job.upload)


def _written(job: Job, write: Write, count: int) -> dict[str, object]:
    counts = jobs.summed(job, **write())
    return {"rows": job.rows + count, "counts": counts, "done": job.counts.get("rows", 0) + job.rows + count}


def _read(job: Job, window: Window, chunks: int) -> dict[str, object]:
    counts = jobs.summed(job, rows=len(window.people) + len(window.rejects), invalid=len(window.rejects))
    return {"line": window.end, "rows": 0, "reject_chunks": chunks, "counts": counts, "done": counts["rows"]}


class Unusable(ValueError):
    """This row can't be used."""


def windows(
    file: StoredFile, mapping: Mapping, start: int, refuse: Callable[[int], str] | None = None
) -> Iterator[Window]:
    """The windows of ``file`` from line ``start`` on. ``refuse`` says why a number can't be used, or ""."""
    lines = uploads.lines(file, start)
    reader = _Reader(mapping, refuse)
    begin = at = start
    if start == 0 and mapping.has_header:
        next(lines, None)
        at = 1
    while (window := reader.window(begin, at, lines)).end > at:
        yield window
        begin = at = window.end


class _Reader:
    def __init__(self, mapping: Mapping, refuse: Callable[[int], str] | None) -> None:
        self.phone, self.country, self.refuse = mapping.phone, mapping.country, refuse
        self.places = sorted(mapping.fields)
        self.keys = [mapping.fields[place] for place in self.places]

    def window(self, begin: int, at: int, lines: Iterator[Line]) -> Window:
        window = Window(begin, at, self.keys)
        add, reject = window.people.append, window.rejects.append
        for cells, problem in islice(lines, WINDOW):
            window.end += 1
            try:
                add((self._recipient(cells, problem), self._values(cells)))
            except (BadNumber, Unusable) as error:
                reject([*cells, str(error)])
        window.people.sort(key=itemgetter(0))  # stable: the first of a person's rows stays the first
        return window

    def _recipient(self, cells: list[str], problem: str) -> int:
        if problem:
            raise Unusable(problem)
        recipient = numbers.parse_cell(cells[self.phone] if self.phone < len(cells) else "", self.country)
        if self.refuse and (reason := self.refuse(recipient)):
            raise Unusable(reason)
        return recipient

    def _values(self, cells: list[str]) -> Sequence[str]:
        width = len(cells)
        values = tuple([cells[place].strip() if place < width else "" for place in self.places])
        together = "".join(values)
        if together.isprintable() and len(together) <= MOST_CELL:  # nearly always, and found out for all at once
            return values
        return tuple(clean(value)[:MOST_CELL] for value in values)
