"""What an ESME is told: how messages are named to it, and in which state of SMPP each of ours is."""

from __future__ import annotations

import json

from django.conf import settings

from heed.core.cloud_events import Sources
from heed.core.models import Event, Message, SubmittedPart
from heed.rules import numbers
from heed.rules.codes import public_id, row_id
from heed.rules.states import MessageState

# message_state (SMPP 3.4, 5.2.28), and its word in the text of a receipt (appendix B).
ENROUTE, DELIVERED, EXPIRED, DELETED, UNDELIVERABLE, UNKNOWN, REJECTED = 1, 2, 3, 4, 5, 7, 8
WORDS = {
    ENROUTE: "ENROUTE",
    DELIVERED: "DELIVRD",
    EXPIRED: "EXPIRED",
    DELETED: "DELETED",
    UNDELIVERABLE: "UNDELIV",
    UNKNOWN: "UNKNOWN",
    REJECTED: "REJECTD",
}
STATES = {
    MessageState.DELIVERED: DELIVERED,
    MessageState.EXPIRED: EXPIRED,
    MessageState.CANCELLED: DELETED,
    MessageState.UNDELIVERED: UNDELIVERABLE,
    MessageState.FAILED: UNDELIVERABLE,
    MessageState.UNCONFIRMED: UNKNOWN,
    MessageState.SUPPRESSED: REJECTED,
}


def message_id(row: int) -> str:
    """The message_id of a message: the digits of its id in the API."""
    return public_id(settings.ID_KEY, "tid", row).partition("_")[2]


def row_of(raw: str) -> int | None:
    """The message that ``raw`` names, or None."""
    return row_id(settings.ID_KEY, "tid", f"tid_{raw.strip().lower()}")


def part_id(row: int) -> str:
    """The message_id of one part of a text."""
    return public_id(settings.ID_KEY, "prt", row).partition("_")[2]


def part_of(raw: str) -> int | None:
    """The part that ``raw`` names, or None."""
    return row_id(settings.ID_KEY, "prt", f"prt_{raw.strip().lower()}")


def state_of(state: str) -> int:
    return STATES.get(MessageState(state), ENROUTE)


def body(event: Event, sources: Sources) -> str:
    """What ``event`` is to an ESME, as JSON; "" when what it is about is gone."""
    if event.kind == "inbound":
        text = sources.texts.get(event.inbound_id or 0)
        if text is None:
            return ""
        sender = sources.senders.get(text.sender_id or 0)
        told: dict[str, object] = {
            "from": numbers.show(event.recipient) if event.recipient else text.from_address,
            "to": sender.address if sender else text.to_address,
            "text": text.text,
            "reference": event.id & 0xFF,
        }
    else:
        message = sources.messages.get(event.message_id or 0)
        if message is None:
            return ""
        told = _receipt(event, message)
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _receipt(event: Event, message: Message) -> dict[str, object]:
    return {
        "ids": _ids(event, message),
        "from": message.address,
        "to": message.sender.address,
        "state": state_of(event.kind),
        "code": message.code,
        "submitted_at": message.created_at.isoformat(),
        "done_at": event.at.isoformat(),
        "text": message.text[:20],
    }


def _ids(event: Event, message: Message) -> list[str]:
    """What the message was called in the answers: its id, or one for each part that is to have this receipt."""
    rows = list(SubmittedPart.objects.filter(message_id=message.id).order_by("number"))
    wanted = ("final",) if event.kind == "delivered" else ("final", "failures")
    return [part_id(row.id) for row in rows if row.receipts in wanted] if rows else [message_id(message.id)]
