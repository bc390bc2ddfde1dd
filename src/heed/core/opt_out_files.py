"""The opt-out list as a file: an import that only ever adds, and an export that imports back unchanged.

An import commits chunk by chunk, so a STOP that arrives meanwhile waits for one short chunk at most; run again, it goes
on where it ended, because what stands already is left alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any  # JSON of a job.

from django.db import connection, transaction

from heed.core import audit, consent, database, jobs, opt_out_list, tables, uploads
from heed.core.models import Account, Consent, Job, Sender, StoredFile
from heed.core.opt_out_list import Wanted
from heed.core.opt_out_rows import ACCOUNT, COLUMNS, EXPORT_COLUMNS, Given, Reader, Refused, Window, places_of
from heed.core.pace import Pace
from heed.core.tables import Line
from heed.rules import numbers, timing
from heed.rules.consent import ALL_SENDERS

__all__ = ["ACCOUNT", "COLUMNS", "EXPORT_COLUMNS", "Refused"]

IMPORT = "opt_outs.import"
WINDOW = 20_000  # rows that are sorted at a time: neighbours in the table are written together
CHUNK = 500
PAGE = 5000  # rows of an export that are read at a time

_CONFLICT = "This person texted START after this opt-out."


@dataclass(slots=True)
class Counts:
    """What an import did: rows read, and of them added, already out, resisted by a later START, and rejected."""

    read: int = 0
    added: int = 0
    already: int = 0
    conflicts: int = 0
    rejected: int = 0


def import_file(
    account: Account,
    path: Path,
    *,
    scope: str = ACCOUNT,
    country: str = "",
    actor: str,
    reject: Callable[[Sequence[str]], object] = lambda row: None,
    progress: Callable[[Counts], object] = lambda counts: None,
) -> Counts:
    """Add the opt-outs in ``path``; committed on return. Lifts none. Raises Refused before the first row.

    ``reject`` is given the header with ``reason`` added, then every row that was not applied, with its reason.
    ``scope`` is for rows that name none; national numbers are read in ``country``, else in the account's.
    """
    try:
        lines = tables.read(path)
        header = next(lines, None)
        if header is None:
            raise Refused(f"{path} is empty.")
        reader = Reader.of_header(account, header, scope, country or account.country, actor)
        reject([*reader.kept(header.cells), "reason"])
        counts = _import(reader, lines, reject, progress)
    except tables.BadFile as error:
        raise Refused(str(error)) from error
    with transaction.atomic(durable=True):
        audit.note(account.id, actor, "opt_outs.import", path.name, **asdict(counts))
    return counts


def _import(
    reader: Reader,
    lines: Iterator[Line],
    reject: Callable[[Sequence[str]], object],
    progress: Callable[[Counts], object],
) -> Counts:
    counts, pace = Counts(), Pace(CHUNK)
    while read := list(itertools.islice(lines, WINDOW)):
        window = reader.window(read)
        counts.read += len(read)
        counts.rejected += len(window.rejects)
        for row in window.rejects:
            reject(row)
        given = window.given
        while given:
            chunk, given = given[: pace.chunk], given[pace.chunk :]
            outcomes = pace.commit(partial(consent.record, [one.doing for one in chunk]))
            for one, outcome in zip(chunk, outcomes, strict=True):
                counts.added += outcome.changed
                counts.conflicts += outcome.conflict
                counts.already += not outcome.changed and not outcome.conflict
                if outcome.conflict:
                    reject([*reader.kept(one.line.cells), _CONFLICT])
        progress(counts)
    return counts


# In the background


@dataclass(frozen=True, slots=True)
class How:
    """How an uploaded file is read: where its numbers are, of which country, and what rows without a scope leave."""

    phone: int
    country: str
    has_header: bool
    scope: str = ACCOUNT


def places(file: StoredFile, how: How) -> dict[str, int]:
    """Which of its columns an import reads, and where they stand."""
    named = places_of(uploads.header(file)) if how.has_header else {}
    return {**{name: place for name, place in named.items() if place != how.phone}, "phone_number": how.phone}


def import_upload(account: Account, file: StoredFile, how: How, *, actor: str) -> Job:
    """Begin to import an upload, in the background. Raises Refused. Lifts none.

    A row without a time counts as of now: who texts START while the import waits for its turn stays.
    """
    if how.phone not in range(len(uploads.header(file))):
        raise Refused("Say which column holds the phone numbers.", field="phone")
    Reader(account, places(file, how), scope=how.scope, country=how.country, actor=actor)
    with transaction.atomic():
        audit.note(account.id, actor, IMPORT, file.name, scope=how.scope)
        lines = uploads.look(file).lines
        return jobs.start(account, IMPORT, file.id, actor=actor, upload=file, total=lines, how=asdict(how))


def run_import(job: Job, keep_on: jobs.KeepOn) -> None:
    """Do ``job`` from where it stands to its end, or until ``keep_on`` says no."""
    if job.upload is None:
        raise jobs.Failed("The file that was uploaded is gone.")
    how, pace = How(**job.setting["how"]), Pace(CHUNK)
    header = uploads.header(job.upload)
    try:
        reader = Reader(
            job.account, places(job.upload, how), scope=how.scope, country=how.country, actor=job.actor,
            undated=job.created_at,
        )  # fmt: skip
        for window, end in _windows(job, reader, job.upload, how):
            while job.rows < len(window.given):
                if not keep_on():
                    return jobs.put_down(job)
                chunk = window.given[job.rows : job.rows + pace.chunk]
                jobs.step(job, partial(_written, job, chunk, header), pace)
            chunks = jobs.reject(job, header, window.rejects)
            jobs.step(job, partial(_read, job, window, end, chunks))
    except (Refused, uploads.Refused) as error:
        raise jobs.Failed(str(error)) from error
    jobs.step(job, partial(jobs.finish, job))


def _windows(job: Job, reader: Reader, file: StoredFile, how: How) -> Iterator[tuple[Window, int]]:
    """The windows from where ``job`` stands, each with the line behind it."""
    lines, end = uploads.lines(file, job.line), job.line
    if end == 0 and how.has_header:
        next(lines, None)
        end = 1
    while read := list(itertools.islice(lines, WINDOW)):
        end += len(read)
        yield reader.window(read), end


def _written(job: Job, chunk: Sequence[Given], header: Sequence[str]) -> dict[str, Any]:
    """Write ``chunk`` inside the step's transaction, and with it what a later START resists to the rejects."""
    outcomes = consent.record([one.doing for one in chunk])
    conflicts = [[*one.line.cells, _CONFLICT] for one, came in zip(chunk, outcomes, strict=True) if came.conflict]
    added = sum(came.changed for came in outcomes)
    more = {"added": added, "conflicts": len(conflicts), "already": len(chunk) - added - len(conflicts)}
    moved = {"rows": job.rows + len(chunk), "counts": jobs.summed(job, **more)}
    moved |= {"done": job.counts.get("rows", 0) + job.rows + len(chunk)}
    return moved | (jobs.reject_within(job, header, conflicts) if conflicts else {})


def _read(job: Job, window: Window, end: int, chunks: int) -> dict[str, Any]:
    read = len(window.given) + len(window.rejects)
    counts = jobs.summed(job, rows=read, invalid=len(window.rejects))
    return {"line": end, "rows": 0, "reject_chunks": chunks, "counts": counts, "done": counts["rows"]}


# Out


def rows(account_id: int, wanted: Wanted | None = None) -> Iterator[tuple[str, ...]]:
    """Standing opt-outs of the account, as ``EXPORT_COLUMNS``: all in order of number, or those ``wanted``, newest first.

    A page at a time, no snapshot.
    """
    addresses: dict[int, str] = {ALL_SENDERS: ACCOUNT}
    for page in _wanted(account_id, wanted) if wanted and wanted.is_narrow else _all(account_id):
        if new := {row[1] for row in page} - addresses.keys():
            addresses |= Sender.objects.filter(account_id=account_id, id__in=new).values_list("id", "address")
        yield from (_exported(row, addresses) for row in page)


_Row = tuple[Any, ...]  # recipient, sender, since, note, source, never


def _all(account_id: int) -> Iterator[list[_Row]]:
    last = (-1, -1)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT c.recipient, c.sender_id, c.since, e.note, e.source, c.never
                FROM core_consent c LEFT JOIN core_ledgerentry e ON e.id = c.entry_id
                WHERE c.account_id = %s AND (c.recipient, c.sender_id) > (%s, %s) AND c.state = 'out'
                ORDER BY c.account_id, c.recipient, c.sender_id LIMIT %s""",
                [account_id, *last, PAGE],
            )
            found = cursor.fetchall()
        yield [(*row[:2], database.from_column(row[2]), *row[3:]) for row in found]
        if len(found) < PAGE:
            return
        last = found[-1][:2]


def _wanted(account_id: int, wanted: Wanted) -> Iterator[list[_Row]]:
    after, is_over = None, False
    while not is_over:
        found = opt_out_list.page(account_id, wanted, after, limit=PAGE)
        entries = _notes(account_id, found.rows)
        yield [
            (row.recipient, row.sender_id, row.since, *entries.get(row.entry_id, ("", "")), row.never)
            for row in found.rows
        ]
        after, is_over = found.after, found.after is None


def _notes(account_id: int, found: Sequence[Consent]) -> dict[int, tuple[str, str]]:
    ids = database.numbers_value([row.entry_id for row in found])
    which = f"account_id = %s AND id {database.among_numbers()}"
    told = database.run(f"SELECT id, note, source FROM core_ledgerentry WHERE {which}", [account_id, ids])  # noqa: S608
    return {id_: (note, source) for id_, note, source in told}


def _exported(row: _Row, addresses: dict[int, str]) -> tuple[str, ...]:
    recipient, sender_id, since, note, source, never = row
    scope = addresses.get(sender_id, str(sender_id))
    return (
        numbers.show(recipient),
        scope if re.fullmatch(r"\+\d+", scope) else tables.guard(scope),
        timing.show(since) if since else "",
        tables.guard(note or ""),
        source or "",
        "yes" if never else "",
    )


def export(account: Account, writer: tables.Writer) -> int:
    """Write the opt-out list of ``account`` with its header; how many opt-outs."""
    writer.writerow(EXPORT_COLUMNS)
    count = 0
    for row in rows(account.id):
        writer.writerow(row)
        count += 1
    return count
