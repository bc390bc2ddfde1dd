"""The states of messages and campaigns, in words. Which may follow which stands in the conditions of the verbs."""

from __future__ import annotations

from enum import StrEnum


class MessageState(StrEnum):
    WAITING = "waiting"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"  # it may have been sent, so it is never sent again by itself


# Where a receipt moves a message: forward, never back.
_AFTER_RECEIPT = {
    "sent": {MessageState.UNCONFIRMED: MessageState.SENT},
    "delivered": {
        MessageState.UNCONFIRMED: MessageState.DELIVERED,
        MessageState.SENT: MessageState.DELIVERED,
    },
    "undelivered": {
        MessageState.UNCONFIRMED: MessageState.UNDELIVERED,
        MessageState.SENT: MessageState.UNDELIVERED,
    },
}


def after_receipt(state: MessageState, said: str) -> MessageState:
    """The state of a message in ``state`` once the carrier has ``said`` this of it. What is not a move stays."""
    return _AFTER_RECEIPT.get(said, {}).get(state, state)


class CampaignState(StrEnum):
    DRAFT = "draft"  # being written; nobody has been read yet
    BUILDING = "building"  # its people are being read and counted
    READY = "ready"  # counted: it may be started
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
