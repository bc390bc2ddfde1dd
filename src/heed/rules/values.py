"""What crosses between the core and the providers, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One text to hand off. ``reference`` goes wherever the carrier returns it; ``to`` is +E.164."""

    reference: str
    sender: str
    to: str
    text: str


@dataclass(frozen=True, slots=True)
class HandedOff:
    """The carrier accepted it, under its own id."""

    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a long text: its number, from 1, of how many. ``reference`` is the same in all of them."""

    reference: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class InboundText:
    """One text from a phone, as the carrier gave it. ``provider_id`` is empty where the carrier gives none."""

    provider_id: str
    sender: str
    to: str
    text: str
    carrier_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A carrier's later word on a message: ``state`` is sent, delivered, undelivered or failed."""

    provider_id: str
    reference: str
    state: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class InventoryNumber:
    """A number that a connection sells, as +E.164."""

    phone_number: str
    country: str
