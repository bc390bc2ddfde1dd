"""The opt-out list as a file: an import that only ever adds, and an export that imports back unchanged.

An import commits chunk by chunk, so a STOP that arrives meanwhile waits for one short chunk at most; run again, it goes
on where it ended, because what stands already is left alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from heed.core import audit, consent, database, refused, senders, tables
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Account, Sender, Source
from heed.core.pace import Pace
from heed.core.tables import Line
from heed.rules import numbers, timing
from heed.rules.consent import ALL_SENDERS
from heed.rules.texts import clean

ACCOUNT = "account"  # the scope that is all senders
COLUMNS = ("phone_number", "scope", "opted_out_at", "note")
EXPORT_COLUMNS = (*COLUMNS, "source", "never_contact")
WINDOW = 20_000  # rows that are sorted at a time: neighbours in the table are written together
CHUNK = 500

_NAMES = {"phone": "phone_number", "phonenumber": "phone_number", "number": "phone_number", "mobile": "phone_number"}
_ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}
_CONFLICT = "This person texted START after this opt-out."


class Refused(refused.Refused):
    """This file can't be imported."""


class Rejected(ValueError):
    """This row can't be imported."""


@dataclass(slots=True)
class Counts:
    """What an import did: rows read, and of them added, already out, resisted by a later START, and rejected."""

    read: int = 0
    added: int = 0
    already: int = 0
    conflicts: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Given:
    """A row that can be imported, and the line that it came from."""

    doing: Doing
    line: Line


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
        reader = _Reader(account, header, scope, country or account.country, actor)
        reject([*reader.kept(header.cells), "reason"])
        counts = _import(reader, lines, reject, progress)
    except tables.BadFile as error:
        raise Refused(str(error)) from error
    with transaction.atomic(durable=True):
        audit.note(account.id, actor, "opt_outs.import", path.name, **asdict(counts))
    return counts


def _import(
    reader: _Reader,
    lines: Iterator[Line],
    reject: Callable[[Sequence[str]], object],
    progress: Callable[[Counts], object],
) -> Counts:
    counts, pace = Counts(), Pace(CHUNK)
    while window := list(itertools.islice(lines, WINDOW)):
        reader.now = database.now()
        counts.read += len(window)
        given: list[Given] = []
        for line in window:
            try:
                given.append(Given(reader.read(line), line))
            except Rejected as error:
                counts.rejected += 1
                reject([*reader.kept(line.cells), str(error)])
        given.sort(key=lambda one: one.doing.recipient)
        while given:
            chunk, given = given[: pace.chunk], given[pace.chunk :]
            doings = [one.doing for one in chunk]
            for one, outcome in zip(chunk, pace.commit(partial(consent.record, doings)), strict=True):
                counts.added += outcome.changed
                counts.conflicts += outcome.conflict
                counts.already += not outcome.changed and not outcome.conflict
                if outcome.conflict:
                    reject([*reader.kept(one.line.cells), _CONFLICT])
        progress(counts)
    return counts


class _Reader:
    """From a line of the file to an act, by the columns that the header names."""

    def __init__(self, account: Account, header: Line, scope: str, country: str, actor: str) -> None:
        self.account, self.country, self.actor = account, country.strip().upper(), actor
        if self.country not in numbers.REGIONS:
            raise Refused("Give the country as two letters, like GB or US.")
        names = [_column(cell) for cell in header.cells]
        self.places = {name: names.index(name) for name in EXPORT_COLUMNS if name in names}
        if "phone_number" not in self.places:
            raise Refused(f"The first row must name the columns: {', '.join(COLUMNS)} (only phone_number is needed).")
        self.before = [place for place, name in enumerate(names) if name == "reason"]  # of an earlier try
        self.zone = ZoneInfo(account.time_zone)
        self.senders = {one.key: senders.consent_id(one) for one in Sender.objects.filter(account=account)}
        self.now = database.now()
        try:
            self.scope = self._sender(scope)
        except Rejected as error:
            raise Refused(str(error)) from error

    def kept(self, cells: Sequence[str]) -> list[str]:
        return [cell for place, cell in enumerate(cells) if place not in self.before]

    def read(self, line: Line) -> Doing:
        """What ``line`` asks for. Raises Rejected."""
        if line.problem:
            raise Rejected(line.problem)
        phone, scope, at, note, source, never = (self._cell(line, name) for name in EXPORT_COLUMNS)
        return Doing(
            Verb.IMPORT,
            self.account.id,
            self._recipient(phone, is_ours=source in Source.values),
            self._sender(scope) if scope else self.scope,
            Cause(Source.IMPORT, actor=self.actor, note=tables.unguard(clean(note))),
            self._at(at),
            never=self._never(never),
        )

    def _never(self, raw: str) -> bool:
        if raw.casefold() not in _ANSWERS:
            raise Rejected("never_contact is yes or no.")
        return _ANSWERS[raw.casefold()]

    def _cell(self, line: Line, name: str) -> str:
        place = self.places.get(name, len(line.cells))
        return line.cells[place].strip() if place < len(line.cells) else ""

    def _recipient(self, raw: str, *, is_ours: bool) -> int:
        try:
            return numbers.parse_cell(raw, self.country)
        except numbers.BadNumber as error:
            # An export holds numbers that no metadata knew when their STOP came: what Heed wrote, it reads back.
            number = numbers.originator(raw) if is_ours and raw.startswith("+") else None
            if number is None:
                raise Rejected(str(error)) from error
            return number

    def _sender(self, raw: str) -> int:
        text = tables.unguard(raw.strip())
        if text.casefold() == ACCOUNT:
            return ALL_SENDERS
        found = self.senders.get(text.casefold())
        if found is None:
            with suppress(numbers.BadNumber):
                found = self.senders.get(numbers.show(numbers.parse(text, self.country)))
        if found is None:
            raise Rejected(
                f"The account has no sender “{clean(text)[:40]}”. The scope is “account” or one of its senders."
            )
        return found

    def _at(self, raw: str) -> datetime | None:
        if not raw:
            return None
        try:
            at = datetime.fromisoformat(raw)
            at = (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(ZoneInfo("UTC"))
        except (ValueError, OverflowError) as error:
            raise Rejected("Write the time as 2026-03-31 or 2026-03-31T09:30:00Z.") from error
        if at > self.now:
            raise Rejected("This opt-out is dated in the future.")
        return at


def _column(cell: str) -> str:
    name = re.sub(r"[\s_-]+", "_", cell.strip().strip("\ufeff").casefold())
    return _NAMES.get(name, name)


def rows(account_id: int, page: int = 5000) -> Iterator[tuple[str, ...]]:
    """Every standing opt-out of the account, as ``EXPORT_COLUMNS``, in order of number. A page at a time, no snapshot."""
    addresses: dict[int, str] = {ALL_SENDERS: ACCOUNT}
    last = (-1, -1)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT c.recipient, c.sender_id, c.since, e.note, e.source, c.never
                FROM core_consent c LEFT JOIN core_ledgerentry e ON e.id = c.entry_id
                WHERE c.account_id = %s AND (c.recipient, c.sender_id) > (%s, %s) AND c.state = 'out'
                ORDER BY c.account_id, c.recipient, c.sender_id LIMIT %s""",
                [account_id, *last, page],
            )
            found = cursor.fetchall()
        if new := {row[1] for row in found} - addresses.keys():
            addresses |= Sender.objects.filter(account_id=account_id, id__in=new).values_list("id", "address")
        for recipient, sender_id, since, note, source, never in found:
            at = database.from_column(since)
            scope = addresses.get(sender_id, str(sender_id))
            yield (
                numbers.show(recipient),
                scope if re.fullmatch(r"\+\d+", scope) else tables.guard(scope),
                timing.show(at) if at else "",
                tables.guard(note or ""),
                source or "",
                "yes" if never else "",
            )
        if len(found) < page:
            return
        last = found[-1][:2]


def export(account: Account, writer: tables.Writer) -> int:
    """Write the opt-out list of ``account`` with its header; how many opt-outs."""
    writer.writerow(EXPORT_COLUMNS)
    count = 0
    for row in rows(account.id):
        writer.writerow(row)
        count += 1
    return count
