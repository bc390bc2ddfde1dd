"""Receipts: a carrier's later word on a message moves it forward, never back.

It finds the message by our reference first, then by the carrier's own id: the newest on the same connection within seven
days, because carriers count from zero again. A receipt may overtake the answer to its hand-off, so one without a message
is parked: ``handed_off`` takes what waits for it, the worker looks for the rest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any  # Rows of a cursor.

from django.conf import settings
from django.db import transaction

from heed.core import consent, database, events, outcomes, senders
from heed.core.consent import Cause, Doing, Verb
from heed.core.events import Happened
from heed.core.models import Connection, Message, MessagePart, ParkedReceipt, Source
from heed.core.outcomes import Came
from heed.rules import codes
from heed.rules.states import MessageState, after_receipt
from heed.rules.texts import clean
from heed.rules.values import Receipt

COUNTS_FOR = timedelta(days=7)  # how long a carrier's id names a message, and a receipt is kept for one
LOOK_AGAIN = timedelta(seconds=3)  # twice as long each time
LOOK_AT_MOST_EVERY = timedelta(hours=1)
MOVABLE = (MessageState.SENT, MessageState.UNCONFIRMED)


@dataclass(frozen=True, slots=True)
class Said:
    """A receipt, and the connection that it came on."""

    connection_id: int
    receipt: Receipt

    @property
    def key(self) -> tuple[int, str]:
        return self.connection_id, self.receipt.provider_id


def reference(message_id: int) -> str:
    """What a carrier is given to name the message by."""
    return codes.public_id(settings.ID_KEY, "tid", message_id)


def apply(link: Connection, batch: Sequence[Receipt]) -> None:
    """Move the messages of ``batch`` forward, and park what has none yet; committed durably on return. Idempotent."""
    apply_all([(link, receipt) for receipt in batch])


def apply_all(batch: Sequence[tuple[Connection, Receipt]]) -> list[None]:
    """The same, of several connections; one result for each, as ``inbound.receive_all`` has."""
    said = [Said(link.id, _cleaned(receipt)) for link, receipt in batch]

    def verb() -> None:
        with transaction.atomic(durable=True):
            now = database.now()
            _park(_settle(said, now), now)

    database.retried(verb)
    return [None] * len(batch)


def _cleaned(receipt: Receipt) -> Receipt:
    return replace(
        receipt,
        provider_id=clean(receipt.provider_id)[:128],
        reference=clean(receipt.reference)[:64],
        code=clean(receipt.code)[:40],
        words=clean(receipt.words)[:300],
    )


# Finding the message


def _settle(batch: Sequence[Said], now: datetime) -> list[Said]:
    """Move the messages that ``batch`` is about; returns what has none yet. Inside the caller's transaction."""
    found = _find(batch, now)
    known = [(said, *found[at]) for at, said in enumerate(batch) if at in found]
    _opt_out([(said, message_id) for said, message_id, _ in known if said.receipt.opted_out], now)
    states = _lock({message_id for _, message_id, _ in known})
    early = {id_ for id_, row in states.items() if row.state == MessageState.SENDING}
    _move([one for one in known if one[1] not in early], states, now)
    return [said for at, said in enumerate(batch) if at not in found or found[at][0] in early]


def _find(batch: Sequence[Said], now: datetime) -> dict[int, tuple[int, int]]:
    """The message of each receipt, and the number of its part or 0, by place in the batch."""
    since = now - COUNTS_FOR
    referred = _by_reference(batch)
    wanted: dict[int, set[str]] = defaultdict(set)
    for said in batch:
        if said.receipt.provider_id:
            wanted[said.connection_id].add(said.receipt.provider_id)
    of_parts, of_messages = _by_id(_PARTS, wanted, since), _by_id(_MESSAGES, wanted, since)
    found: dict[int, tuple[int, int]] = {}
    for at, said in enumerate(batch):
        part = of_parts.get(said.key)
        if at in referred:
            is_its = part is not None and part[0] == referred[at]
            found[at] = part if is_its and part else (referred[at], 0)
        elif match := part or of_messages.get(said.key):
            found[at] = match
    return found


def _by_reference(batch: Sequence[Said]) -> dict[int, int]:
    ids: dict[int, int] = {}
    for at, said in enumerate(batch):
        if (id_ := codes.row_id(settings.ID_KEY, "tid", said.receipt.reference)) is not None:
            ids[at] = id_
    if not ids:
        return {}
    rows = database.run(
        f"SELECT id, connection_id FROM core_message WHERE id {database.among_numbers()}",  # noqa: S608
        [database.numbers_value(sorted(set(ids.values())))],
    )
    known = {(id_, connection_id) for id_, connection_id in rows}
    return {at: id_ for at, id_ in ids.items() if (id_, batch[at].connection_id) in known}


# Numbers of the newest row last, so that it is the one kept.
_MESSAGES = """SELECT provider_id, id, 0 FROM core_message
    WHERE connection_id = %s AND provider_id <> '' AND provider_id {among} AND claimed_at > %s ORDER BY id"""
_PARTS = """SELECT p.provider_id, p.message_id, p.number FROM core_messagepart p
    JOIN core_message m ON m.id = p.message_id
    WHERE p.connection_id = %s AND p.provider_id {among} AND m.claimed_at > %s ORDER BY p.message_id"""


def _by_id(statement: str, wanted: dict[int, set[str]], since: datetime) -> dict[tuple[int, str], tuple[int, int]]:
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for connection_id, ids in wanted.items():
        values = [connection_id, database.words_value(sorted(ids)), database.to_column(since)]
        for provider_id, message_id, number in database.run(statement.format(among=database.among_words()), values):
            found[connection_id, provider_id] = message_id, number
    return found


# Moving it


@dataclass(slots=True)
class _Row:
    state: MessageState
    account_id: int | None
    recipient: int
    campaign_id: int | None
    sender_id: int
    purpose: str
    settled_at: datetime | None


def _lock(ids: set[int]) -> dict[int, _Row]:
    """The rows of ``ids``, locked in order."""
    time = database.from_column
    rows = database.run(
        f"""SELECT id, state, account_id, recipient, campaign_id, sender_id, purpose, settled_at FROM core_message
        WHERE id {database.among_numbers()} ORDER BY id {database.for_update()}""",  # noqa: S608
        [database.numbers_value(sorted(ids))],
    )
    return {
        id_: _Row(MessageState(state), account_id, recipient, campaign_id, sender_id, purpose, time(settled_at))
        for id_, state, account_id, recipient, campaign_id, sender_id, purpose, settled_at in rows
    }


def _move(known: Sequence[tuple[Said, int, int]], rows: dict[int, _Row], now: datetime) -> None:
    of_parts = _parts({message_id for _, message_id, _ in known})
    moved: dict[int, tuple[MessageState, Receipt]] = {}
    changed_parts: dict[tuple[int, int], str] = {}
    for said, message_id, number in known:
        receipt, parts = said.receipt, of_parts.get(message_id, {})
        if number and parts.get(number) == "sent" and receipt.state != "sent":
            parts[number] = changed_parts[message_id, number] = receipt.state
        state = rows[message_id].state if message_id not in moved else moved[message_id][0]
        after = after_receipt(state, _of_all(parts, receipt.state) if parts else receipt.state)
        if after is not state:
            moved[message_id] = after, receipt
    for (message_id, number), said_state in changed_parts.items():
        MessagePart.objects.filter(message_id=message_id, number=number).update(state=said_state)
    _write(moved, now)
    _count({id_: (rows[id_], after, receipt) for id_, (after, receipt) in moved.items()}, now)
    events.tell(
        [Happened(rows[id_].account_id, after.value, rows[id_].recipient, id_) for id_, (after, _) in moved.items()],
        now,
    )


def _parts(ids: set[int]) -> dict[int, dict[int, str]]:
    """The states of the parts of each message that has any."""
    found: dict[int, dict[int, str]] = defaultdict(dict)
    rows = database.run(
        f"SELECT message_id, number, state FROM core_messagepart WHERE message_id {database.among_numbers()}",  # noqa: S608
        [database.numbers_value(sorted(ids))],
    )
    for message_id, number, state in rows:
        found[message_id][number] = state
    return found


def _of_all(parts: dict[int, str], said: str) -> str:
    """What is true of a text once this was said of one of its parts: delivered when all are, undelivered when any is."""
    if "undelivered" in parts.values():
        return "undelivered"
    return said if all(state == "delivered" for state in parts.values()) else "sent"


def _write(moved: dict[int, tuple[MessageState, Receipt]], now: datetime) -> None:
    together: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for id_, (after, receipt) in moved.items():
        together[after.value, receipt.code, receipt.words].append(id_)
    for (state, code, words), ids in sorted(together.items()):
        database.run(
            f"""UPDATE core_message SET state = %s, code = %s, words = %s, receipt_at = %s
            WHERE id {database.among_numbers()}""",  # noqa: S608
            [state, code, words, database.to_column(now), database.numbers_value(sorted(ids))],
        )


def _count(moved: dict[int, tuple[_Row, MessageState, Receipt]], now: datetime) -> None:
    """Delivered and undelivered are counted beside sent, which they were first."""
    counted: Counter[Came] = Counter()
    for row, after, receipt in moved.values():
        whose = outcomes.of(row.account_id, row.campaign_id, row.sender_id, row.purpose)
        if whose is None:
            continue
        if row.state is MessageState.UNCONFIRMED:
            outcomes.note({Came(whose, MessageState.UNCONFIRMED): -1}, row.settled_at or now)
            counted[Came(whose, MessageState.SENT)] += 1
        if after is not MessageState.SENT:
            counted[Came(whose, after, _reason(after, receipt))] += 1
    outcomes.note(counted, now)


def _reason(after: MessageState, receipt: Receipt) -> str:
    return outcomes.reason_of(receipt.code, receipt.words) if after is MessageState.UNDELIVERED else ""


# The carrier's word that somebody left


def _opt_out(said: Sequence[tuple[Said, int]], now: datetime) -> None:
    """Opt out whom the carrier says has left, as a STOP to the sender would; the message becomes suppressed."""
    words = {message_id: one.receipt.words or one.receipt.code for one, message_id in said}
    if not words:
        return
    messages = list(Message.objects.select_related("sender").filter(id__in=words, state__in=MOVABLE).order_by("id"))
    theirs = [one for one in messages if one.account_id is not None]
    doings = [opting_out(one, words[one.id]) for one in theirs]
    entries = {
        one.id: outcome.entry_id for one, outcome in zip(theirs, consent.record(doings) if doings else (), strict=True)
    }
    for message in messages:
        suppress(message, entries.get(message.id), words[message.id], now)


def opting_out(message: Message, words: str) -> Doing:
    """The act that a carrier's word on ``message`` is."""
    assert message.account_id is not None  # noqa: S101  # the caller has looked
    cause = Cause(Source.PROVIDER, note=words, through_id=message.sender_id)
    return Doing(Verb.OPT_OUT, message.account_id, message.recipient, senders.scope_of(message.sender), cause)


def suppress(message: Message, entry_id: int | None, words: str, now: datetime) -> None:
    """Mark ``message`` as stopped by its carrier, if it is still one that may be. Inside the act's transaction."""
    rows = Message.objects.filter(id=message.id, claim=message.claim, state=message.state)
    if not rows.update(state=MessageState.SUPPRESSED, reason="carrier", entry_id=entry_id, words=words, settled_at=now):
        return
    events.tell([Happened(message.account_id, "suppressed", message.recipient, message.id)], now)
    if whose := outcomes.of(message.account_id, message.campaign_id, message.sender_id, message.purpose):
        if message.state in MOVABLE:  # it was counted as that already
            outcomes.note({Came(whose, message.state): -1}, message.settled_at or now)
        outcomes.note([Came(whose, MessageState.SUPPRESSED, "carrier")], now)


# Those that came too early


def _park(left: Iterable[Said], now: datetime) -> None:
    moment, soon = database.to_column(now), database.to_column(now + LOOK_AGAIN)
    names = ("provider_id", "reference", "state", "code", "words", "opted_out")
    rows = [
        (said.connection_id, *(getattr(said.receipt, name) for name in names), moment, soon)
        for said in sorted(left, key=lambda said: (*said.key, said.receipt.reference, said.receipt.state))
        if said.receipt.provider_id or said.receipt.reference
    ]
    database.insert(
        "core_parkedreceipt",
        ("connection_id", *names, "received_at", "look_at"),
        rows,
        "ON CONFLICT (connection_id, provider_id, reference, state) DO NOTHING",
    )


def take_parked(message_ids: Sequence[int], provider_ids: Iterable[str], now: datetime) -> None:
    """Apply what was parked for messages just handed off, inside that transaction. An opt-out is left to the worker:
    people are locked before messages."""
    if not database.run("SELECT 1 FROM core_parkedreceipt LIMIT 1"):
        return
    wanted = database.words_value(sorted({one for one in provider_ids if one}))
    references = database.words_value([reference(id_) for id_ in message_ids])
    rows = database.run(
        f"""DELETE FROM core_parkedreceipt WHERE opted_out = %s
        AND (provider_id {database.among_words()} OR reference {database.among_words()})
        RETURNING connection_id, provider_id, reference, state, code, words""",  # noqa: S608
        [False, wanted, references],
    )
    _park(_settle([_said(row) for row in rows], now), now)


def _said(row: Sequence[Any]) -> Said:
    return Said(row[0], Receipt(*row[1:]))


def match_parked(limit: int = 500) -> int:
    """Look once more for the messages of parked receipts; how many had one. Those of more than seven days are dropped."""
    if not ParkedReceipt.objects.filter(look_at__lte=database.now()).exists():
        return 0

    def verb() -> int:
        with transaction.atomic(durable=True):
            now = database.now()
            due = ParkedReceipt.objects.select_for_update(skip_locked=True).filter(look_at__lte=now)
            rows = {
                row.id: (row, Said(row.connection_id, _receipt(row))) for row in due.order_by("look_at", "id")[:limit]
            }
            left = {id(said) for said in _settle([said for _, said in rows.values()], now)}
            waiting = [row for row, said in rows.values() if id(said) in left and row.received_at > now - COUNTS_FOR]
            ParkedReceipt.objects.filter(id__in=rows.keys() - {row.id for row in waiting}).delete()
            for row in waiting:
                row.look_at = now + min(max(now - row.received_at, LOOK_AGAIN), LOOK_AT_MOST_EVERY)
            ParkedReceipt.objects.bulk_update(waiting, ["look_at"])
            return len(rows) - len(left)

    return database.retried(verb)


def _receipt(row: ParkedReceipt) -> Receipt:
    return Receipt(row.provider_id, row.reference, row.state, row.code, row.words, row.opted_out)


def keep_parts(message_id: int, connection_id: int, first: int, provider_ids: Sequence[str]) -> None:
    """Remember the ids of parts from ``first`` on, inside the caller's transaction."""
    MessagePart.objects.bulk_create(
        [
            MessagePart(message_id=message_id, number=number, connection_id=connection_id, provider_id=provider_id)
            for number, provider_id in enumerate(provider_ids, first)
        ],
        ignore_conflicts=True,
    )
