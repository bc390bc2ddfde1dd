"""What ESMEs submit: many messages of many programs by one commit, each of which passes the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from heed.core import database, handoff, outbound, parts, queued, senders, smpp_words
from heed.core.models import Callback, Esme, Message, Sender, SubmittedPart
from heed.core.outbound import Draft, Letter
from heed.core.parts import Key, Piece
from heed.rules.states import MessageState
from heed.rules.texts import clean
from heed.rules.values import Part

DOOR = "smpp"
NO_SENDER, FICTION, OPTED_OUT = "sender", "fiction", "opted_out"


@dataclass(frozen=True, slots=True)
class Submission:
    """One message as its ESME wants it sent. ``receipts`` is a value of CallbackKinds, or "" for none."""

    esme: Esme
    source: str
    recipient: int
    address: str
    text: str
    receipts: str = ""
    due_at: datetime | None = None
    expires_at: datetime | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a submission: the message_id that it is answered with, and why the ESME is refused, or ""."""

    message_id: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A message to queue. A text of several parts has them, and the last's place in the batch like any other's."""

    at: int
    one: Submission
    letter: Letter
    pieces: Sequence[Piece] = ()

    @property
    def receipts(self) -> str:
        return parts.wanted(self.pieces) if self.pieces else self.one.receipts

    @property
    def is_told(self) -> bool:
        """Whether a refusal is told by a receipt: where the answer says nothing, or said yes to another part."""
        return not self.one.esme.refusal or any(piece.row_id for piece in self.pieces)


def submit(batch: Sequence[Submission]) -> list[Taken]:
    """Store ``batch``; committed durably on return. One result for each, in order.

    Somebody whom the gate refuses has a message all the same, which is ``suppressed``. A part is kept until all are there.
    """
    found = _senders(batch)

    def verb() -> list[Taken]:
        with transaction.atomic(durable=True):
            return _submit(batch, found)

    return database.retried(verb)


def _senders(batch: Sequence[Submission]) -> dict[tuple[int, str], Sender | None]:
    wanted = {(one.esme.account_id, one.source): one.esme.account for one in batch}
    return {key: senders.find(account, key[1]) for key, account in wanted.items()}


def _submit(batch: Sequence[Submission], found: dict[tuple[int, str], Sender | None]) -> list[Taken]:
    """Inside a transaction. Texts come together in the order of the batch, so that a reference may be used again in it."""
    results = [Taken()] * len(batch)
    ready: list[_Ready] = []
    new: dict[int, tuple[Key, Piece]] = {}
    waiting = parts.waiting({key for one in batch if (key := _key(one))})
    for at, one in enumerate(batch):
        sender, key = found[one.esme.account_id, one.source], _key(one)
        if sender is None or not handoff.may_be_handed(sender.connection.kind, one.address):
            results[at] = Taken(refusal=FICTION if sender else NO_SENDER)
        elif key is None or one.part is None:
            ready.append(_Ready(at, one, _letter(sender, one, one.text)))
        else:
            new[at] = key, Piece(one.part.number, one.text, one.receipts)
            if pieces := parts.add(waiting, *new[at]):
                ready.append(_Ready(at, one, _letter(sender, one, clean(parts.joined(pieces))), pieces))
    _queue(ready, results)
    parts.store(list(new.values()), database.now())
    for at, (_, piece) in new.items():
        results[at] = Taken(smpp_words.part_id(piece.row_id), OPTED_OUT if piece.is_refused else "")
    return results


def _key(one: Submission) -> Key | None:
    part = one.part
    return Key(one.esme.id, one.source, one.recipient, part.reference, part.total) if part else None


def _letter(sender: Sender, one: Submission, text: str) -> Letter:
    draft = Draft(one.recipient, one.address, text)
    return Letter(sender, draft, f"esme {one.esme.system_id}", one.due_at, one.expires_at)


def _queue(ready: Sequence[_Ready], results: list[Taken]) -> None:
    """Queue what is ready. Who is refused in the answer gets no receipt; who is told by a receipt gets that."""

    def before(ids: Sequence[int]) -> None:
        _call_back([(id_, one) for id_, one in zip(ids, ready, strict=True) if one.is_told])

    written = outbound.queue_together([one.letter for one in ready], door=DOOR, before=before)
    passed = [(row, one) for row, one in zip(written, ready, strict=True) if row.state != MessageState.SUPPRESSED]
    _call_back([(row.id, one) for row, one in passed if not one.is_told])
    for row, one in zip(written, ready, strict=True):
        is_refused = row.state == MessageState.SUPPRESSED
        parts.join(one.pieces, row.id, is_refused=is_refused and bool(one.one.esme.refusal))
        results[one.at] = Taken(smpp_words.message_id(row.id), OPTED_OUT if is_refused else "")


def _call_back(told: Sequence[tuple[int, _Ready]]) -> None:
    Callback.objects.bulk_create(
        [
            Callback(message_id=id_, endpoint_id=ready.one.esme.endpoint_id, url="", kinds=ready.receipts)
            for id_, ready in told
            if ready.receipts
        ]
    )


def find(esme: Esme, raw: str) -> Message | None:
    """The message of the ESME's account that ``raw`` names, itself or one of its parts."""
    row_id = smpp_words.row_of(raw)
    if row_id is None and (part := smpp_words.part_of(raw)):
        row_id = (
            SubmittedPart.objects.filter(id=part, esme__account=esme.account)
            .values_list("message_id", flat=True)
            .first()
        )
    return Message.objects.filter(account_id=esme.account_id, id=row_id).first() if row_id else None


def cancel(esme: Esme, raw: str) -> bool:
    """Whether the message that ``raw`` names was still waiting or queued; it is cancelled now."""
    found = find(esme, raw)
    return found is not None and queued.cancel(esme.account_id, found.id)
