"""A conversation: what a person texted to the account, and what was sent to them, turn by turn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from heed.console import recipients, words
from heed.console.messages import lines as message_lines
from heed.core.models import Account, Inbound, Message, Review

AROUND = 10  # turns before a text in question, and as many after


@dataclass(frozen=True, slots=True)
class Turn:
    """One text of a conversation. ``kind`` is "got" from the person and "wrote" to them."""

    at: datetime
    kind: str
    text: str
    number: str
    badge: words.Badge | None = None
    why: str = ""
    is_asked: bool = False


def latest(account: Account, recipient: int, before: datetime | None, limit: int) -> tuple[list[Turn], datetime | None]:
    """The last turns, oldest first, and before which moment the older ones stand; None if there are none."""
    person = {"account": account, "recipient": recipient}
    got = Inbound.objects.filter(**person, **({"received_at__lt": before} if before else {}))
    sent = Message.objects.filter(**person, **({"created_at__lt": before} if before else {})).select_related("sender")
    turns = [
        *_texts(got.order_by("-id")[: limit + 1]),
        *_messages(account, sent.order_by("-id")[: limit + 1]),
    ]
    turns.sort(key=lambda turn: turn.at)
    if len(turns) <= limit:
        return turns, None
    cut = turns[-limit].at  # everything of one instant stays on one page
    return [turn for turn in turns if turn.at >= cut], cut


def around(account: Account, this: Review) -> list[Turn]:
    """The last texts between the account and the person before the one in question, itself, and the next ones."""
    asked, person = this.inbound, {"account": account, "recipient": this.recipient}
    sent = Message.objects.filter(**person).select_related("sender")
    got = Inbound.objects.filter(**person)
    before = [
        *_texts(got.filter(id__lt=asked.id).order_by("-id")[:AROUND]),
        *_messages(account, sent.filter(created_at__lt=asked.received_at).order_by("-id")[:AROUND]),
    ]
    after = [
        *_texts(got.filter(id__gt=asked.id).order_by("id")[:AROUND]),
        *_messages(account, sent.filter(created_at__gte=asked.received_at).order_by("id")[:AROUND]),
    ]
    before.sort(key=lambda turn: turn.at)
    after.sort(key=lambda turn: turn.at)
    this_one = Turn(asked.received_at, "got", asked.text, recipients.pretty(asked.to_address), is_asked=True)
    return [*before[-AROUND:], this_one, *after[:AROUND]]


def _texts(rows: Iterable[Inbound]) -> list[Turn]:
    return [
        Turn(row.received_at, "got", row.text, recipients.pretty(row.to_address), words.verdict(row.verdict))
        for row in rows
    ]


def _messages(account: Account, rows: Iterable[Message]) -> list[Turn]:
    return [
        Turn(
            line.message.created_at,
            "wrote",
            line.message.text,
            recipients.pretty(line.message.sender.address),
            line.badge,
            line.why,
        )
        for line in message_lines(account, rows)
    ]
