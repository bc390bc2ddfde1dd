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


class CampaignState(StrEnum):
    DRAFT = "draft"  # being written; nobody has been read yet
    BUILDING = "building"  # its people are being read and counted
    READY = "ready"  # counted: it may be started
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
