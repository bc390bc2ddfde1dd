"""Acts on a person: an opt-out, a START, a lift, a hold. Ledger, consent, sweep and event in one transaction.

``record`` is the one way to write consent. Before it reads anything it locks one row for each person, so that for one
recipient id order in the ledger is commit order, and a replay by id is exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any  # Rows of a cursor.

from django.db import transaction
from django.db.models import Max

from heed.core import database, events, gate
from heed.core.events import Happened
from heed.core.models import Consent, LedgerEntry, Source
from heed.rules import consent as rules
from heed.rules import packs
from heed.rules.consent import ALL_SENDERS, NOTHING, Act, Row, State
from heed.rules.texts import clean

CHUNK = 50  # acts in one transaction of act_all: SQLite's one writer is held for a few milliseconds

Person = tuple[int, int]  # account id, recipient
Rows = dict[int, Row]


class Verb(StrEnum):
    OPT_OUT = "opt_out"
    IMPORT = (
        "import"  # an opt-out that changes nothing where all of it stands, and that a later START of the person resists
    )
    START = "start"
    LIFT = "lift"
    HOLD = "hold"
    RELEASE = "release"


_ACT = {
    Verb.OPT_OUT: Act.OPT_OUT,
    Verb.IMPORT: Act.OPT_OUT,
    Verb.START: Act.OPT_IN,
    Verb.LIFT: Act.OPT_IN,
    Verb.HOLD: Act.HOLD,
    Verb.RELEASE: Act.RELEASE,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Where an act came from: the evidence and who did it. ``through_id`` is the sender that it was received on."""

    source: Source
    actor: str = ""
    note: str = ""
    rule: str = ""
    word: str = ""
    through_id: int = 0
    inbound_id: int | None = None
    evidence: str = ""
    carrier_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Doing:
    """One act on one person. ``sender_id`` 0 is all senders of the account; ``at`` is the time that it counts as of."""

    verb: Verb
    account_id: int
    recipient: int
    sender_id: int
    cause: Cause
    at: datetime | None = None
    account_level: bool = False
    never: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """``changed`` is whether a row's state changed, ``conflict`` an import that a later START resists (not applied)."""

    changed: bool
    entry_id: int | None = None
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """An act that is an entry: the senders whose rows' state it turned, and whether it changed anything that counts."""

    doing: Doing
    turned: set[int]
    is_change: bool


def opt_out(
    account_id: int, sender_id: int, recipient: int, cause: Cause, *, at: datetime | None = None, never: bool = False
) -> Outcome:
    """Opt ``recipient`` out of one sender, or of the account (0), now or as of ``at``. Committed on return."""
    return act(Doing(Verb.OPT_OUT, account_id, recipient, sender_id, cause, at, never=never))


def lift(account_id: int, sender_id: int, recipient: int, cause: Cause) -> Outcome:
    """Staff lift the opt-out named and no other. Committed on return."""
    return act(Doing(Verb.LIFT, account_id, recipient, sender_id, cause))


def needs_reason(account_id: int, sender_id: int, recipient: int) -> bool:
    """Whether the person asked for the standing opt-out themselves, first or later, so that lifting it needs a reason."""
    return sender_id in asked_themselves(account_id, recipient)


def asked_themselves(account_id: int, recipient: int) -> set[int]:
    """What the person has left of their own accord, first or later: the senders (0: all) with such a standing opt-out."""
    standing = Consent.objects.filter(account_id=account_id, recipient=recipient, state=State.OUT)
    theirs = LedgerEntry.objects.filter(
        account_id=account_id,
        recipient=recipient,
        act=Act.OPT_OUT,
        source__in=[source for source in Source if source.is_the_person],
    )
    last = dict(theirs.order_by().values_list("sender_id").annotate(Max("id")))
    return {
        sender_id
        for sender_id, since in standing.values_list("sender_id", "entry_id")
        if last.get(sender_id, -1) >= since
    }


def act(doing: Doing) -> Outcome:
    """Do one act and commit it."""
    return act_all([doing])[0]


def act_all(doings: Sequence[Doing]) -> list[Outcome]:
    """Do acts on many people, some at a time in order of recipients; all committed on return. Outcomes in order."""
    order = sorted(range(len(doings)), key=lambda at: doings[at].recipient)
    outcomes: dict[int, Outcome] = {}
    for chunk in (order[at : at + CHUNK] for at in range(0, len(order), CHUNK)):
        outcomes |= zip(chunk, _act([doings[at] for at in chunk]), strict=True)
    return [outcomes[at] for at in range(len(doings))]


def _act(doings: Sequence[Doing]) -> list[Outcome]:
    def verb() -> list[Outcome]:
        with transaction.atomic(durable=True):
            return record(doings)

    return database.retried(verb)


def lock(people: Iterable[Person]) -> None:
    """Lock one row for each of ``people``, in order. SQLite's write transaction has locked everything."""
    if database.is_postgresql():
        database.insert(
            "core_consent",
            ("account_id", "recipient", "sender_id", "state", "held", "never", "entry_id"),
            [(*person, ALL_SENDERS, State.NONE.value, 0, False, 0) for person in sorted(set(people))],
            "ON CONFLICT (account_id, recipient, sender_id) DO UPDATE SET held = core_consent.held",
        )


def record(doings: Sequence[Doing]) -> list[Outcome]:
    """Do ``doings`` in order, inside the caller's transaction: lock, decide, write entries and rows, sweep, tell."""
    lock((doing.account_id, doing.recipient) for doing in doings)
    return record_locked(doings, database.now())


def record_locked(doings: Sequence[Doing], now: datetime, before: Sequence[Happened] = ()) -> list[Outcome]:
    """The same, for a caller that has locked the people; ``now`` is when it got the acts, ``before`` what is told first."""
    if not doings:
        events.tell(before, now)
        return []
    people = {(doing.account_id, doing.recipient) for doing in doings}
    states = read(people)
    stood = {person: dict(rows) for person, rows in states.items()}
    made: list[Made] = []
    outcomes: list[Outcome | int] = []
    for doing in doings:
        rows = states[doing.account_id, doing.recipient]
        if doing.verb is Verb.IMPORT:
            if rules.import_conflicts(rows, doing.sender_id, doing.at or now):
                outcomes.append(Outcome(changed=False, conflict=True))
                continue
            standing = rows.get(doing.sender_id, NOTHING)
            stands = standing.state is State.OUT and has_left(rows, doing.sender_id)
            if stands and standing.never >= doing.never:
                outcomes.append(Outcome(changed=False))
                continue
        changed = _decide(rows, doing, doing.at or now)
        turned = {key for key, row in changed.items() if rows.get(key, NOTHING).state is not row.state}
        is_change = bool(turned) or any(rows.get(key, NOTHING).never != row.never for key, row in changed.items())
        rows.update(changed)
        outcomes.append(len(made))
        made.append(Made(doing, turned, is_change))
    ids = _write_entries([one.doing for one in made], now)
    _write_rows(states, stood, made, ids)
    events.tell([*before, *_happened(made, ids)], now)
    _sweep(made, now)
    return [Outcome(made[one].is_change, ids[one]) if isinstance(one, int) else one for one in outcomes]


def read(people: Iterable[Person]) -> dict[Person, Rows]:
    """The consent rows of ``people``, by sender; everyone asked for is there."""
    found: dict[Person, Rows] = {person: {} for person in people}
    by_account: dict[int, list[int]] = defaultdict(list)
    for account_id, recipient in found:
        by_account[account_id].append(recipient)
    for account_id, recipients in by_account.items():
        rows = database.run(
            f"""SELECT recipient, sender_id, {ROW} FROM core_consent WHERE account_id = %s
            AND recipient {database.among_numbers()}""",  # noqa: S608
            [account_id, database.numbers_value(sorted(recipients))],
        )
        for recipient, sender_id, *values in rows:
            row = row_of(values)
            if row != NOTHING:
                found[account_id, recipient][sender_id] = row
    return found


ROW = "state, held, since, last_out_at, started_at, never"
_ENTRY_COLUMNS = (
    "account_id recipient sender_id act source never account_level through_id inbound_id evidence rule word policy "
    "actor note carrier_at received_at effective_at"
).split()
ROW_COLUMNS = ("account_id", "recipient", "sender_id", *ROW.split(", "), "entry_id")


def row_of(values: Sequence[Any]) -> Row:
    state, held, since, last_out_at, started_at, never = values
    time = database.from_column
    return Row(State(state), held, time(since), time(last_out_at), time(started_at), bool(never))


def _decide(rows: Rows, doing: Doing, at: datetime) -> dict[int, Row]:
    match doing.verb:
        case Verb.OPT_OUT | Verb.IMPORT:
            return rules.opt_out(rows, doing.sender_id, at, never=doing.never)
        case Verb.START:
            return rules.start(rows, doing.sender_id, at, account_level=doing.account_level) or {}
        case Verb.LIFT:
            return rules.lift(rows, doing.sender_id)
        case Verb.HOLD:
            return rules.hold(rows, doing.sender_id)
        case Verb.RELEASE:
            return rules.release(rows, doing.sender_id)


def _write_entries(doings: Sequence[Doing], now: datetime) -> list[int]:
    column, moment = database.to_column, database.to_column(now)
    rows = [
        (
            doing.account_id, doing.recipient, doing.sender_id, _ACT[doing.verb].value, doing.cause.source.value,
            doing.never, doing.account_level, doing.cause.through_id, doing.cause.inbound_id, doing.cause.evidence,
            doing.cause.rule, doing.cause.word[:80], packs.VERSION, doing.cause.actor[:120], clean(doing.cause.note)[:500],
            column(doing.cause.carrier_at), moment, column(doing.at or now),
        )
        for doing in doings
    ]  # fmt: skip
    return sorted(row[0] for row in database.insert("core_ledgerentry", _ENTRY_COLUMNS, rows, "RETURNING id"))


def _write_rows(
    states: dict[Person, Rows],
    stood: dict[Person, Rows],
    made: Sequence[Made],
    ids: Sequence[int],
) -> None:
    """Upsert what changed, in the one order of locks. ``entry_id`` moves only with the state, there and back included."""
    entries: dict[tuple[int, int, int], int] = {}
    for one, entry_id in zip(made, ids, strict=True):
        for sender_id in one.turned:
            entries[one.doing.account_id, one.doing.recipient, sender_id] = entry_id
    rows = [
        (*person, sender_id, *columns_of(row), entries.get((*person, sender_id), 0))
        for person, rows in sorted(states.items())
        for sender_id, row in sorted(rows.items())
        if stood[person].get(sender_id) != row or (*person, sender_id) in entries
    ]
    database.insert(
        "core_consent",
        ROW_COLUMNS,
        rows,
        "ON CONFLICT (account_id, recipient, sender_id) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in ROW.split(", "))
        + ", entry_id = CASE WHEN excluded.entry_id = 0 THEN core_consent.entry_id ELSE excluded.entry_id END",
    )


def columns_of(row: Row) -> tuple[Any, ...]:
    column = database.to_column
    return (row.state.value, row.held, column(row.since), column(row.last_out_at), column(row.started_at), row.never)


def _sweep(made: Sequence[Made], now: datetime) -> None:
    blocking = sorted(
        {
            (d.account_id, d.recipient)
            for d in (one.doing for one in made)
            if d.verb in (Verb.OPT_OUT, Verb.IMPORT, Verb.HOLD)
        }
    )
    for account_id, people in groupby(blocking, key=lambda person: person[0]):
        gate.sweep(account_id, [recipient for _, recipient in people], now)


def _happened(made: Sequence[Made], ids: Sequence[int]) -> list[Happened]:
    return [
        Happened(
            account_id=one.doing.account_id,
            kind=_ACT[one.doing.verb].value,
            recipient=one.doing.recipient,
            inbound_id=one.doing.cause.inbound_id,
            entry_id=entry_id,
        )
        for one, entry_id in zip(made, ids, strict=True)
        if one.is_change
    ]


def has_left(rows: Rows, sender_id: int) -> bool:
    """Whether someone with these rows has left what an opt-out from ``sender_id`` would make them leave.

    Who has left the account, and come back to one sender of it, has not.
    """
    if sender_id == ALL_SENDERS and any(row.state is State.IN for row in rows.values()):
        return False
    block = rules.may_send(rows, sender_id)
    return block is not None and block.reason == "opted_out"


def standing_of(account_id: int, recipient: int) -> Rows:
    """How one person stands towards the account and its senders, for showing. The gate does not ask here."""
    return read([(account_id, recipient)])[account_id, recipient]
