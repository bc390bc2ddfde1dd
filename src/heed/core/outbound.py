"""Messages on their way out: queue, hand off, fail, put back, settle. The row is the queue entry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from heed.core import accounts, consent, database, events, gate, senders
from heed.core.consent import Cause, Doing, Verb
from heed.core.events import Happened
from heed.core.models import (
    Account,
    Connection,
    IdempotencyKey,
    Keyword,
    Lease,
    Mention,
    Message,
    Purpose,
    Sender,
    SenderKind,
    Source,
)
from heed.rules import backoff, numbers, segments
from heed.rules.consent import ALL_SENDERS
from heed.rules.states import MessageState
from heed.rules.texts import clean
from heed.rules.wording import Ways

ANSWER_WITHIN = timedelta(minutes=5)  # 47 CFR 64.1200(a)(12)
LEASE_LASTS = timedelta(seconds=15)
KEPT_TRYING = timedelta(days=3)
SEND_PRIORITY, ANSWER_PRIORITY = 5, 0
MOST_PARTS = 10


class Refused(ValueError):
    """This message can't be sent."""

    def __init__(self, words: str, *, code: str = "invalid", field: str = "") -> None:
        super().__init__(words)
        self.code, self.field = code, field


@dataclass(frozen=True, slots=True)
class Draft:
    """One message to queue. ``address`` is the form that the carrier is given (+E.164)."""

    recipient: int
    address: str
    text: str
    correlation_id: str = ""


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


def ways_out(account: Account, sender: Sender) -> Ways:
    """The ways out that a message of ``account`` from ``sender`` may name."""
    shared = Sender.objects.filter(kind=SenderKind.SHARED, closed_at=None).order_by("id").first()
    words = Keyword.objects.filter(sender=sender, removed_at=None).order_by("id").values_list("word", flat=True)
    return Ways(
        number=sender.address if sender.takes_replies else "",
        words=tuple(words),
        free_keyword=accounts.free_keyword(account),
        shared_number=shared.address if shared else "",
        link=accounts.opt_out_link(account),
    )


_COLUMNS = (
    "account_id sender_id pool_id connection_id recipient address text parts purpose inbound_id state reason code words "
    "priority due_at expires_at claim tries correlation_id provider_id door actor created_at"
).split()


def queue(
    sender: Sender,
    drafts: Sequence[Draft],
    *,
    door: str,
    actor: str,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> list[Queued]:
    """Store ``drafts`` for sending from ``sender``, in their order; committed on return.

    Every one is kept, also for people who are opted out: the gate marks those ``suppressed`` at once where it can, and
    asks again when the message is claimed. Raises Refused if the sender can't send; texts come from ``check_text``.
    """
    _check_in_use(sender)

    def verb() -> list[Queued]:
        with transaction.atomic(durable=True):
            return _queue(sender, drafts, door, actor, due_at, expires_at)

    return database.retried(verb)


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
) -> list[int]:
    """Store ``drafts`` the first time that ``token`` comes within a day; their ids either way.

    The token commits together with the messages, so a crash neither doubles nor loses them. Raises Refused (code
    ``idempotency``) when the token came with another ``request_hash``.
    """
    account_id = _check_in_use(sender)

    def verb() -> list[int]:
        with transaction.atomic(durable=True):
            made, is_new = IdempotencyKey.objects.get_or_create(
                account_id=account_id,
                key=f"{door} {token}"[:200],
                defaults={"request_hash": request_hash, "status": 0, "answer": {}, "created_at": database.now()},
            )
            if is_new:
                made.answer = {"ids": [one.id for one in _queue(sender, drafts, door, actor, due_at, expires_at)]}
                made.save(update_fields=["answer"])
            elif made.request_hash != request_hash:
                raise Refused("This Idempotency-Key came with another request.", code="idempotency")
            ids: list[int] = made.answer["ids"]
            return ids

    return database.retried(verb)


def _check_in_use(sender: Sender) -> int:
    if sender.account_id is None or sender.closed_at is not None:
        raise Refused("This sender is not in use.", code="sender_closed", field="from")
    return sender.account_id


def _queue(
    sender: Sender, drafts: Sequence[Draft], door: str, actor: str, due_at: datetime | None, expires_at: datetime | None
) -> list[Queued]:
    now = database.now()
    column, moment = database.to_column, database.to_column(now)
    is_later = due_at is not None and due_at > now
    state = MessageState.WAITING if is_later else MessageState.QUEUED
    parts = {text: segments.count(text).parts for text in {draft.text for draft in drafts}}
    rows = [
        (
            sender.account_id, sender.id, sender.pool_id, sender.connection_id, draft.recipient, draft.address, draft.text,
            parts[draft.text], Purpose.MESSAGE.value, None, state.value, "", "", "", SEND_PRIORITY,
            column(due_at) if is_later else None, column(expires_at), 0, 0, draft.correlation_id, "", door, actor, moment,
        )
        for draft in drafts
    ]  # fmt: skip
    ids = sorted(row[0] for row in database.insert("core_message", _COLUMNS, rows, "RETURNING id"))
    _note_mentions(sender, drafts, now)
    blocked: dict[int, str] = {}
    if not is_later and gate.look_again(ids):
        found = Message.objects.filter(account=sender.account, id__gte=ids[0], id__lte=ids[-1])
        blocked = dict(found.filter(state=MessageState.SUPPRESSED).values_list("id", "reason"))
    return [
        Queued(id_, draft.recipient, "suppressed" if id_ in blocked else state.value, blocked.get(id_, ""))
        for id_, draft in zip(ids, drafts, strict=True)
    ]


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
        database.to_column(received_at),
    )  # fmt: skip
    database.insert("core_message", _COLUMNS, [row], "ON CONFLICT (inbound_id) DO NOTHING")


def _note_mentions(sender: Sender, drafts: Sequence[Draft], now: datetime) -> None:
    """Remember which shared numbers this account named to whom: a bare STOP there then leaves the account."""
    naming: dict[str, list[int]] = {}
    shared = list(Sender.objects.filter(kind=SenderKind.SHARED).values_list("id", "key"))
    for text in {draft.text for draft in drafts}:
        digits = re.sub(r"[^0-9]", "", text)
        found = [id_ for id_, key in shared if key[-9:] in digits]
        if found:
            naming[text] = found
    rows = sorted({(id_, draft.recipient, sender.account_id) for draft in drafts for id_ in naming.get(draft.text, ())})
    database.insert(
        Mention._meta.db_table,
        ("sender_id", "recipient", "account_id", "last_at"),
        [(*row, database.to_column(now)) for row in rows],
        "ON CONFLICT (sender_id, recipient, account_id) DO UPDATE SET last_at = excluded.last_at",
    )


# Hand-off: what the dispatcher reports. All by claim token, so that nobody else's message is touched.


@dataclass(frozen=True, slots=True)
class Sent:
    message_id: int
    provider_id: str


def handed_off(sent: Sequence[Sent], token: int) -> None:
    """The carrier accepted these. Also settles one that was taken for unconfirmed in the meantime."""
    if not sent:
        return

    database.retried(lambda: _handed_off(sorted(sent, key=lambda one: one.message_id), token))


def _handed_off(sent: Sequence[Sent], token: int) -> None:
    mark = "UPDATE core_message SET state = 'sent', provider_id = {}, settled_at = %s {} claim = %s {}"
    still_ours = "AND state IN ('sending', 'unconfirmed')"
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        moment = database.to_column(database.now())
        if database.is_postgresql():  # One statement for all: five times as fast there as one for each.
            database.look_up_one_by_one()
            given = (
                "FROM unnest(%s::bigint[], %s::text[]) AS given(id, provider_id) WHERE core_message.id = given.id AND"
            )
            ids, provider_ids = [one.message_id for one in sent], [one.provider_id for one in sent]
            cursor.execute(mark.format("given.provider_id", given, still_ours), [moment, ids, provider_ids, token])
        else:
            rows = [(one.provider_id, moment, one.message_id, token) for one in sent]
            cursor.executemany(mark.format("%s", "WHERE id = %s AND", still_ours), rows)


def failed(message_id: int, token: int, *, code: str, words: str) -> None:
    """The carrier will never take it."""
    _settle(message_id, token, MessageState.FAILED, code=code[:40], words=words[:300])


def unconfirmed(message_id: int, token: int, *, words: str) -> None:
    """It may have been sent. A receipt or a person settles it; it is never sent again by itself."""
    _settle(message_id, token, MessageState.UNCONFIRMED, words=words[:300])


def _settle(message_id: int, token: int, state: MessageState, **values: str) -> None:
    with transaction.atomic(durable=True):
        now = database.now()
        mine = Message.objects.filter(id=message_id, claim=token, state=MessageState.SENDING)
        if mine.update(state=state, settled_at=now, **values):
            account_id, recipient = Message.objects.values_list("account_id", "recipient").get(id=message_id)
            events.tell([Happened(account_id, state.value, recipient, message_id)], now)


def wait(message_id: int, token: int, *, seconds: float | None = None, words: str = "") -> None:
    """Surely not sent: try again in ``seconds``, or after a delay that doubles. An answer goes back at once or expires."""
    with transaction.atomic(durable=True):
        now = database.now()
        message = (
            Message.objects.select_for_update().filter(id=message_id, claim=token, state=MessageState.SENDING).first()
        )
        if message is None:
            return
        limit = message.expires_at or message.created_at + KEPT_TRYING
        due_at = now + timedelta(seconds=backoff.delay_s(message.tries) if seconds is None else seconds)
        if due_at >= limit:
            Message.objects.filter(id=message_id).update(
                state=MessageState.EXPIRED, claim=0, settled_at=now, words=words[:300]
            )
            events.tell([Happened(message.account_id, "expired", message.recipient, message_id)], now)
        else:
            Message.objects.filter(id=message_id).update(
                state=MessageState.WAITING, claim=0, due_at=due_at, words=words[:300]
            )


def carrier_says_opted_out(message_id: int, token: int, *, words: str) -> None:
    """The carrier's own word: the message is suppressed, and the person opted out as by a STOP to its sender."""

    def verb() -> None:
        with transaction.atomic(durable=True):
            message = (
                Message.objects.select_related("sender")
                .filter(id=message_id, claim=token, state=MessageState.SENDING)
                .first()
            )
            if message is None:
                return
            entry_id = None
            if message.account_id is not None:
                sender = message.sender
                scope = ALL_SENDERS if sender.account_level_opt_out else senders.consent_id(sender)
                cause = Cause(Source.PROVIDER, note=words[:500], through_id=sender.id)
                doing = Doing(Verb.OPT_OUT, message.account_id, message.recipient, scope, cause)
                entry_id = consent.record([doing])[0].entry_id
            now = database.now()
            Message.objects.filter(id=message_id, claim=token, state=MessageState.SENDING).update(
                state=MessageState.SUPPRESSED, reason="carrier", entry_id=entry_id, words=words[:300], settled_at=now
            )
            events.tell([Happened(message.account_id, "suppressed", message.recipient, message_id)], now)

    database.retried(verb)


def put_back(message_ids: Iterable[int], token: int) -> int:
    """Return to the queue what this process claimed and has not begun to hand off; how many. By claim token alone."""
    with transaction.atomic(durable=True):
        mine = Message.objects.filter(id__in=sorted(message_ids), claim=token, state=MessageState.SENDING)
        return mine.update(state=MessageState.QUEUED, claim=0, tries=F("tries") - 1)


# Leases, and what the worker does for the queue


def take_lease(name: str) -> int:
    """The id of a new lease: this process's claim token."""
    return Lease.objects.create(name=name, expires_at=database.now() + LEASE_LASTS).id


def renew_lease(token: int) -> bool:
    """Whether the lease was still ours to renew. A process that can't renew must stop claiming."""
    now = database.now()
    return bool(Lease.objects.filter(id=token, expires_at__gt=now).update(expires_at=now + LEASE_LASTS))


def end_lease(token: int) -> None:
    """Give the lease up: what it still holds becomes unconfirmed at the worker's next look."""
    Lease.objects.filter(id=token).update(expires_at=database.now())


def settle_stale(limit: int = 1000) -> int:
    """Mark as unconfirmed the messages whose process's lease has expired; how many."""

    def verb() -> int:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            now = database.now()
            moment = database.to_column(now)
            cursor.execute(
                f"""UPDATE core_message SET state = 'unconfirmed', settled_at = %s,
                    words = 'The process that was sending it ended.'
                WHERE id IN (SELECT m.id FROM core_message m LEFT JOIN core_lease l ON l.id = m.claim
                    WHERE m.state = 'sending' AND (l.id IS NULL OR l.expires_at <= %s)
                    ORDER BY m.id LIMIT %s {database.for_update("FOR UPDATE OF m SKIP LOCKED")})
                AND state = 'sending' RETURNING id, account_id, recipient""",  # noqa: S608
                [moment, moment, limit],
            )
            rows = cursor.fetchall()
            events.tell([Happened(row[1], "unconfirmed", row[2], row[0]) for row in sorted(rows)], now)
            return len(rows)

    return database.retried(verb) if Message.objects.filter(state=MessageState.SENDING).exists() else 0


def move_due(limit: int = 500) -> int:
    """Move waiting messages that are due into the queue; how many."""
    now = database.now()
    due = Message.objects.filter(state=MessageState.WAITING, due_at__lte=now)
    if not due.exists():
        return 0
    with transaction.atomic(durable=True):
        ids = list(due.select_for_update(skip_locked=True).order_by("due_at").values_list("id", flat=True)[:limit])
        moved = Message.objects.filter(id__in=ids, state=MessageState.WAITING)
        return moved.update(state=MessageState.QUEUED, due_at=None)


def cancel(account_id: int, message_id: int) -> bool:
    """Whether the message was still waiting or queued; it is cancelled now."""
    pending = Message.objects.filter(
        account_id=account_id, id=message_id, state__in=[MessageState.WAITING, MessageState.QUEUED]
    )
    return bool(pending.update(state=MessageState.CANCELLED, settled_at=database.now()))


def stop_connection(connection_id: int, message_id: int, token: int, *, words: str) -> None:
    """The carrier refuses our credentials or set-up: nothing more is claimed for it until staff start it again.

    The message was surely not sent; it waits with the others.
    """
    with transaction.atomic(durable=True):
        now = database.now()
        Connection.objects.filter(id=connection_id, stopped_at=None).update(stopped_at=now, stopped_reason=words[:300])
        Message.objects.filter(id=message_id, claim=token, state=MessageState.SENDING).update(
            state=MessageState.QUEUED, claim=0, words=words[:300]
        )


def start_connection(connection_id: int) -> None:
    Connection.objects.filter(id=connection_id).update(stopped_at=None, stopped_reason="")


def may_be_handed(kind: str, address: str) -> bool:
    """Whether a connection of ``kind`` may be given ``address``: numbers reserved for fiction are the sandbox's alone."""
    return kind == "sandbox" or not numbers.is_fictional(int(address.lstrip("+")))
