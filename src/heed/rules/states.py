"""The states of messages and campaigns, in words, and which may follow which."""

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
    UNCONFIRMED = "unconfirmed"


_M = MessageState
FOLLOWS: dict[MessageState, frozenset[MessageState]] = {
    _M.WAITING: frozenset({_M.QUEUED, _M.SUPPRESSED, _M.EXPIRED, _M.CANCELLED}),
    _M.QUEUED: frozenset({_M.SENDING, _M.SUPPRESSED, _M.EXPIRED, _M.CANCELLED, _M.WAITING}),
    _M.SENDING: frozenset(
        {_M.SENT, _M.SUPPRESSED, _M.FAILED, _M.UNCONFIRMED, _M.WAITING, _M.QUEUED, _M.DELIVERED, _M.UNDELIVERED}
    ),
    _M.SENT: frozenset({_M.DELIVERED, _M.UNDELIVERED}),
    # Only a receipt, or a person, settles what may have been sent; it is never sent again by itself.
    _M.UNCONFIRMED: frozenset({_M.SENT, _M.DELIVERED, _M.UNDELIVERED, _M.FAILED}),
    _M.UNDELIVERED: frozenset({_M.DELIVERED}),
    _M.DELIVERED: frozenset(),
    _M.SUPPRESSED: frozenset(),
    _M.FAILED: frozenset(),
    _M.EXPIRED: frozenset(),
    _M.CANCELLED: frozenset(),
}
FINAL = frozenset(state for state, after in FOLLOWS.items() if not after)


def may_follow(before: MessageState, after: MessageState) -> bool:
    return after in FOLLOWS[before]


class CampaignState(StrEnum):
    DRAFT = "draft"  # being written; nobody has been read yet
    BUILDING = "building"  # its people are being read and counted
    READY = "ready"  # counted: it may be started
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


_C = CampaignState
CAMPAIGN_FOLLOWS: dict[CampaignState, frozenset[CampaignState]] = {
    _C.DRAFT: frozenset({_C.BUILDING}),
    _C.BUILDING: frozenset({_C.BUILDING, _C.READY, _C.DRAFT}),
    _C.READY: frozenset({_C.BUILDING, _C.SCHEDULED, _C.RUNNING}),
    _C.SCHEDULED: frozenset({_C.RUNNING, _C.PAUSED, _C.READY, _C.CANCELLED}),
    _C.RUNNING: frozenset({_C.PAUSED, _C.FINISHED, _C.CANCELLED}),
    _C.PAUSED: frozenset({_C.RUNNING, _C.CANCELLED}),
    _C.FINISHED: frozenset(),
    _C.CANCELLED: frozenset(),
}
