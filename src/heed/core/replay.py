"""Rebuilding consent, the ledger's index, from the ledger; and finding out where the two differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.db import connection, transaction

from heed.core import consent, database, gate
from heed.core.consent import Person, Rows
from heed.core.models import LedgerEntry, Source
from heed.rules import consent as rules
from heed.rules.consent import NOTHING, Act, Row


@dataclass(frozen=True, slots=True)
class Difference:
    """A consent row that the ledger does not give: ``expected`` from a replay, ``found`` in the table."""

    account_id: int
    recipient: int
    sender_id: int
    expected: Row | None
    found: Row | None


# What ``consent.lock`` writes for a person who is new. A row that has been opted out and lifted again remembers its entry.
_UNTOUCHED = (NOTHING, 0)


def rows_from(entries: Iterable[LedgerEntry]) -> dict[int, tuple[Row, int]]:
    """One person's rows, and the entry that made each one's state, from their entries in id order."""
    rows: Rows = {}
    made_by: dict[int, int] = {}
    for entry in entries:
        changed = _changed_by(rows, entry)
        for key, row in changed.items():
            if rows.get(key, NOTHING).state is not row.state:
                made_by[key] = entry.id
        rows.update(changed)
    return {key: pair for key, row in rows.items() if (pair := (row, made_by.get(key, 0))) != _UNTOUCHED}


def only_recorded(account_id: int, recipient: int, up_to: int) -> dict[int, Row]:
    """The person's STARTs up to entry ``up_to`` that did not act (rule 5), each with the opt-out that outlasted it."""
    rows: Rows = {}
    found: dict[int, Row] = {}
    entries = LedgerEntry.objects.filter(account_id=account_id, recipient=recipient, id__lte=up_to).order_by("id")
    for entry in entries.iterator():
        if is_start(entry) and (row := rules.outlasting(rows, entry.sender_id, entry.effective_at)):
            found[entry.id] = row
        rows.update(_changed_by(rows, entry))
    return found


def is_start(entry: LedgerEntry) -> bool:
    """Whether the person asked to be back: what staff lift is no START."""
    return entry.act == Act.OPT_IN and not Source(entry.source).is_staff


def _changed_by(rows: Rows, entry: LedgerEntry) -> dict[int, Row]:
    match Act(entry.act):
        case Act.OPT_OUT:
            return rules.opt_out(rows, entry.sender_id, entry.effective_at, never=entry.never)
        case Act.OPT_IN if Source(entry.source).is_staff:
            return rules.lift(rows, entry.sender_id)
        case Act.OPT_IN:
            at = entry.effective_at
            return rules.start(rows, entry.sender_id, at, account_level=entry.account_level) or {}
        case Act.HOLD:
            return rules.hold(rows, entry.sender_id)
        case Act.RELEASE:
            return rules.release(rows, entry.sender_id)
        case Act.ERASE:
            return {}


def verify(chunk: int = 2000) -> Iterator[Difference]:
    """Every consent row that differs from a replay of the ledger. Reads page by page; a suspect is read again, locked."""
    for people in _people(chunk):
        expected, found = _expected(people), _found(people)
        for person in people:
            if expected[person] != found[person]:
                yield from _locked_differences(person)


def _locked_differences(person: Person) -> list[Difference]:
    """Of one person, read while nobody acts on them. The transaction has ended before the caller looks at any."""
    with transaction.atomic():
        consent.lock([person])
        return list(_differences(person, _expected([person])[person], _found([person])[person]))


def rebuild(chunk: int = 500) -> int:
    """Write every consent row anew from the ledger; how many differed. A chunk of people is one transaction."""
    mended = 0
    for people in _people(chunk):
        with transaction.atomic(durable=True):
            consent.lock(people)
            expected, found = _expected(people), _found(people)
            for person in people:
                if expected[person] != found[person]:
                    mended += sum(1 for _ in _differences(person, expected[person], found[person]))
                    _replace(person, expected[person])
                    gate.sweep(person[0], [person[1]])
    return mended


Standing = dict[int, tuple[Row, int]]


def _people(chunk: int) -> Iterator[list[Person]]:
    """Everyone in the ledger or in consent, in order, ``chunk`` at a time."""
    last: Person = (-1, -1)
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                """SELECT account_id, recipient FROM (
                    SELECT * FROM (SELECT DISTINCT account_id, recipient FROM core_ledgerentry
                        WHERE (account_id, recipient) > (%s, %s) ORDER BY account_id, recipient LIMIT %s) a
                    UNION
                    SELECT * FROM (SELECT DISTINCT account_id, recipient FROM core_consent
                        WHERE (account_id, recipient) > (%s, %s) ORDER BY account_id, recipient LIMIT %s) b) p
                ORDER BY account_id, recipient LIMIT %s""",
                [*last, chunk, *last, chunk, chunk],
            )
            people = [(row[0], row[1]) for row in cursor.fetchall()]
            if not people:
                return
            yield people
            last = people[-1]


def _expected(people: Sequence[Person]) -> dict[Person, Standing]:
    entries: dict[Person, list[LedgerEntry]] = {person: [] for person in people}
    for account_id, group in groupby(sorted(people), key=lambda person: person[0]):
        recipients = [recipient for _, recipient in group]
        for entry in LedgerEntry.objects.raw(
            f"""SELECT * FROM core_ledgerentry WHERE account_id = %s
            AND recipient {database.among_numbers()} ORDER BY id""",  # noqa: S608
            [account_id, database.numbers_value(recipients)],
        ):
            entries[account_id, entry.recipient].append(entry)
    return {person: rows_from(found) for person, found in entries.items()}


def _found(people: Sequence[Person]) -> dict[Person, Standing]:
    found: dict[Person, Standing] = {person: {} for person in people}
    with connection.cursor() as cursor:
        for account_id, group in groupby(sorted(people), key=lambda person: person[0]):
            cursor.execute(
                f"""SELECT recipient, sender_id, entry_id, {consent.ROW} FROM core_consent WHERE account_id = %s
                AND recipient {database.among_numbers()}""",  # noqa: S608
                [account_id, database.numbers_value([recipient for _, recipient in group])],
            )
            for recipient, sender_id, entry_id, *values in cursor.fetchall():
                if (pair := (consent.row_of(values), entry_id)) != _UNTOUCHED:
                    found[account_id, recipient][sender_id] = pair
    return found


def _differences(person: Person, expected: Standing, found: Standing) -> Iterator[Difference]:
    for sender_id in sorted(expected.keys() | found.keys()):
        one, other = expected.get(sender_id), found.get(sender_id)
        if one != other:
            yield Difference(*person, sender_id, one[0] if one else None, other[0] if other else None)


def _replace(person: Person, expected: Standing) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_consent WHERE account_id = %s AND recipient = %s", person)
    rows = [(*person, key, *consent.columns_of(row), entry_id) for key, (row, entry_id) in sorted(expected.items())]
    database.insert("core_consent", consent.ROW_COLUMNS, rows)
