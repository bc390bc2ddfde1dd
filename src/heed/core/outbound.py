"""Messages on their way out: check, queue, answer, move what is due, cancel. The row is the queue entry."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any  # JSON that we keep for others

from django.db import transaction

from heed.core import accounts, database, events, gate, outcomes, refused, senders
from heed.core.events import Happened
from heed.core.models import (
    Account,
    IdempotencyKey,
    Keyword,
    Mention,
    Message,
    Purpose,
    Sender,
    SenderKind,
)
from heed.core.outcomes import Came
from heed.rules import merging, packs, segments
from heed.rules.merging import Template
from heed.rules.states import MessageState
from heed.rules.texts import clean
from heed.rules.wording import Ways

ANSWER_WITHIN = timedelta(minutes=packs.ANSWER_WITHIN_MINUTES)
SEND_PRIORITY, CAMPAIGN_PRIORITY, ANSWER_PRIORITY = 5, 6, 0
CAMPAIGN_DOOR = "campaign"
MOST_PARTS = 10
ANSWERS_LAST = timedelta(hours=24)  # how long a token is known


class Refused(refused.Refused):
    """This message can't be sent."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One message to queue. ``address`` is the form that the carrier is given (+E.164).

    A campaign's has an ``id`` that was reserved for it, and a ``code`` with ``words`` if it can't be sent.
    """

    recipient: int
    address: str
    text: str
    correlation_id: str = ""
    id: int = 0
    code: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A draft with its own sender, time and end, to be queued together with others'."""

    sender: Sender
    draft: Draft
    actor: str
    due_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """``state`` is queued, waiting, or suppressed when the recipient is blocked already."""

    id: int
    recipient: int
    state: str
    reason: str


def check_text(text: str) -> str:
    """``text`` as it can be sent. Raises Refused for an empty one, or one of more than ten parts."""
    text = clean(text).replace("\r\n", "\n").strip()
    if not text:
        raise Refused("Write a message.", code="empty", field="message_body")
    if (parts := segments.count(text).parts) > MOST_PARTS:
        raise Refused(
            f"This message has {parts} parts; at most {MOST_PARTS} can be sent.", code="too_long", field="message_body"
        )
    return text


def check_template(raw: str) -> str:
    """``raw``, perhaps with merge fields, as it can be kept; "" is a text that is not written yet.

    Its length is that without the fields' values. Raises Refused for one that is too long whatever they are.
    """
    text = clean(raw).replace("\r\n", "\n").strip()
    if text:
        check_text(Template.of(text).fill({merging.OPT_OUT_LINK: "https://"})[0] or "-")
    return text


def ways_out(account: Account, sender: Sender) -> Ways:
    """The ways out that a message of ``account`` from ``sender`` may name."""
    shared = senders.shared_number()
    words = Keyword.objects.filter(sender=sender, removed_at=None).order_by("id").values_list("word", flat=True)
    return Ways(
        number=sender.address if sender.takes_replies else "",
        words=tuple(words),
        free_keyword=accounts.free_keyword(account),
        shared_number=shared.address if shared else "",
        link=accounts.opt_out_link(account),
        stop_line=packs.policy(sender.country, database.now().date()).exit_line,
    )


_COLUMNS = (
    "account_id sender_id pool_id connection_id recipient address text parts purpose inbound_id state reason code words "
    "priority due_at expires_at claim tries correlation_id provider_id door actor created_at name"
).split()


def queue(
    sender: Sender,
    drafts: Sequence[Draft],
    *,
    door: str,
    actor: str,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    name: str = "",
    also: Callable[[Sequence[int]], None] = lambda ids: None,
) -> list[Queued]:
    """Store ``drafts`` for sending from ``sender``, in their order; committed on return.

    Every one is kept, also for people who are opted out: the gate marks those ``suppressed`` at once where it can, and
    asks again when the message is claimed. Raises Refused if the sender can't send; texts come from ``check_text``, and
    ``name`` is what a program calls this send. ``also`` is done with their ids, in their transaction.
    """
    _check_in_use(sender)
    batch = _prepared(sender, drafts, door, actor, due_at, expires_at, name)

    def verb() -> list[Queued]:
        with transaction.atomic(durable=True):
            queued = _queue(batch)
            also([one.id for one in queued])
            return queued

    return database.retried(verb)


def queue_together(
    letters: Sequence[Letter],
    *,
    door: str,
    before: Callable[[Sequence[int]], None] = lambda ids: None,
) -> list[Queued]:
    """``queue`` for messages of several senders, inside the caller's transaction.

    ``before`` is given their ids before the gate is asked.
    """
    for one in letters:
        _check_in_use(one.sender)
    return _queue(_together(letters, door), before) if letters else []


def queue_once(
    token: str,
    sender: Sender,
    drafts: Sequence[Draft],
    *,
    door: str,
    actor: str,
    request_hash: str = "",
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    name: str = "",
    answer: Callable[[Sequence[int]], Any] = list,
) -> Any:
    """Store ``drafts`` the first time that ``token`` comes within a day. Returns what ``answer`` made of their ids then.

    The token commits together with the messages, so a crash neither doubles nor loses them, and a twin that comes
    meanwhile waits for it. Raises Refused (code ``idempotency``) when the token came with another ``request_hash``.
    """
    account_id = _check_in_use(sender)
    batch = _prepared(sender, drafts, door, actor, due_at, expires_at, name)

    def verb() -> Any:
        with transaction.atomic(durable=True):
            now = database.now()
            key = {"account_id": account_id, "key": _key(door, token)}
            IdempotencyKey.objects.filter(**key, created_at__lte=now - ANSWERS_LAST).delete()
            made, is_new = IdempotencyKey.objects.get_or_create(
                **key, defaults={"request_hash": request_hash, "status": 0, "answer": {}, "created_at": now}
            )
            if is_new:
                made.answer = answer([one.id for one in _queue(batch)])
                made.save(update_fields=["answer"])
            return _answer_of(made, request_hash)

    return database.retried(verb)


def answer_given(account: Account, door: str, token: str, *, request_hash: str = "") -> Any | None:
    """The answer that ``token`` got within a day, if it came before. Raises Refused when it came with another request."""
    since = database.now() - ANSWERS_LAST
    made = IdempotencyKey.objects.filter(account=account, key=_key(door, token), created_at__gt=since).first()
    return None if made is None else _answer_of(made, request_hash)


def _answer_of(made: IdempotencyKey, request_hash: str) -> Any:
    if made.request_hash != request_hash:
        raise Refused("This Idempotency-Key came with another request.", code="idempotency")
    return made.answer


def _key(door: str, token: str) -> str:
    return f"{door} {token}"[:200]


def _check_in_use(sender: Sender) -> int:
    if sender.account_id is None or sender.closed_at is not None or sender.kind == SenderKind.POOL:
        raise Refused("This sender is not in use.", code="sender_closed", field="from")
    return sender.account_id


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows ready to be written, and whom they name shared numbers to: nothing is worked out while others wait to write."""

    recipients: list[int]
    states: list[MessageState]
    rows: list[tuple[Any, ...]]
    mentions: list[tuple[Any, ...]]


def _prepared(
    sender: Sender,
    drafts: Sequence[Draft],
    door: str,
    actor: str,
    due_at: datetime | None,
    expires_at: datetime | None,
    name: str,
) -> _Batch:
    letters = [Letter(sender, draft, actor, due_at, expires_at) for draft in drafts]
    return _together(letters, door, name)


def _together(letters: Sequence[Letter], door: str, name: str = "") -> _Batch:
    now = database.now()
    drafts: dict[Sender, list[Draft]] = defaultdict(list)
    states, rows = [], []
    for one in letters:
        is_early = one.due_at is not None and one.due_at > now
        states.append(MessageState.WAITING if is_early else MessageState.QUEUED)
        rows.append(_row(one.sender, one.draft, states[-1], door, one.actor, now, one.due_at, one.expires_at, name))
        drafts[one.sender].append(one.draft)
    mentions = sorted({row for sender, given in drafts.items() for row in _mentions(sender, given, now)})
    return _Batch([one.draft.recipient for one in letters], states, rows, mentions)


def _queue(batch: _Batch, before: Callable[[Sequence[int]], None] = lambda ids: None) -> list[Queued]:
    ids = sorted(row[0] for row in database.insert("core_message", _COLUMNS, batch.rows, "RETURNING id"))
    _note_mentions(batch.mentions)
    before(ids)
    due = [id_ for id_, state in zip(ids, batch.states, strict=True) if state is MessageState.QUEUED]
    ours, blocked = set(ids), dict[int, str]()
    if due and gate.look_again(due):
        found = Message.objects.filter(id__gte=ids[0], id__lte=ids[-1], state=MessageState.SUPPRESSED)
        blocked = {id_: reason for id_, reason in found.values_list("id", "reason") if id_ in ours}
    return [
        Queued(id_, recipient, "suppressed" if id_ in blocked else state.value, blocked.get(id_, ""))
        for id_, recipient, state in zip(ids, batch.recipients, batch.states, strict=True)
    ]


def queue_campaign(
    campaign_id: int, sender: Sender, drafts: Sequence[Draft], *, actor: str, expires_at: datetime | None
) -> None:
    """Queue a campaign's next texts, inside the caller's transaction, under ids that ``reserve_ids`` gave.

    One with a ``code`` is kept as failed. Whom this campaign has a message for already gets no other.
    """
    now = database.now()
    rows = [
        (
            *_row(sender, draft, _state_of(draft), CAMPAIGN_DOOR, actor, now, None, expires_at),
            draft.id,
            campaign_id,
            database.to_column(now) if draft.code else None,
        )
        for draft in drafts
    ]
    once = "ON CONFLICT (campaign_id, recipient) WHERE campaign_id IS NOT NULL DO NOTHING"
    database.insert("core_message", [*_COLUMNS, "id", "campaign_id", "settled_at"], rows, once)
    events.tell([Happened(sender.account_id, "failed", one.recipient, one.id) for one in drafts if one.code], now)
    if whose := outcomes.of(sender.account_id, campaign_id, sender.id, Purpose.MESSAGE):
        outcomes.note([Came(whose, MessageState.FAILED, draft.code) for draft in drafts if draft.code], now)
    sendable = [draft for draft in drafts if not draft.code]
    _note_mentions(_mentions(sender, sendable, now))
    gate.look_again([draft.id for draft in sendable])


def _state_of(draft: Draft) -> MessageState:
    return MessageState.FAILED if draft.code else MessageState.QUEUED


def _row(
    sender: Sender,
    draft: Draft,
    state: MessageState,
    door: str,
    actor: str,
    now: datetime,
    due_at: datetime | None,
    expires_at: datetime | None,
    name: str = "",
) -> tuple[Any, ...]:
    column = database.to_column
    return (
        sender.account_id, sender.id, sender.pool_id, sender.connection_id, draft.recipient, draft.address, draft.text,
        segments.parts(draft.text), Purpose.MESSAGE.value, None, state.value, "", draft.code, draft.words,
        CAMPAIGN_PRIORITY if door == CAMPAIGN_DOOR else SEND_PRIORITY,
        column(due_at) if state is MessageState.WAITING else None, column(expires_at), 0, 0, draft.correlation_id, "",
        door, actor, column(now), name,
    )  # fmt: skip


def answer(
    inbound_id: int, sender: Sender, recipient: int, address: str, text: str, received_at: datetime, purpose: Purpose
) -> None:
    """Queue the one automatic answer to an inbound text, inside its transaction. Dropped if not handed off in time.

    A text that already has its answer gets no second one: the table refuses it.
    """
    row = (
        sender.account_id, sender.id, sender.pool_id, sender.connection_id, recipient, address, clean(text),
        segments.count(text).parts, purpose.value, inbound_id, MessageState.QUEUED.value, "", "", "",
        ANSWER_PRIORITY, None, database.to_column(received_at + ANSWER_WITHIN), 0, 0, "", "", "answer", "",
        database.to_column(received_at), "",
    )  # fmt: skip
    database.insert("core_message", _COLUMNS, [row], "ON CONFLICT (inbound_id) DO NOTHING")


def _mentions(sender: Sender, drafts: Sequence[Draft], now: datetime) -> list[tuple[Any, ...]]:
    """Which shared numbers this account names to whom, in the one order of locks."""
    naming: dict[str, list[int]] = {}
    shared = list(Sender.objects.filter(kind=SenderKind.SHARED).values_list("id", "key"))
    for text in {draft.text for draft in drafts}:
        digits = re.sub(r"[^0-9]", "", text)
        found = [id_ for id_, key in shared if key[-9:] in digits]
        if found:
            naming[text] = found
    named = {(id_, draft.recipient, sender.account_id) for draft in drafts for id_ in naming.get(draft.text, ())}
    return [(*one, database.to_column(now)) for one in sorted(named)]


def _note_mentions(mentions: list[tuple[Any, ...]]) -> None:
    """Remember who was named which shared number: a bare STOP there then leaves the account."""
    database.insert(
        Mention._meta.db_table,
        ("sender_id", "recipient", "account_id", "last_at"),
        mentions,
        "ON CONFLICT (sender_id, recipient, account_id) DO UPDATE SET last_at = excluded.last_at",
    )
