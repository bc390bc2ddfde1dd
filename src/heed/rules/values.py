"""What crosses between the core and the providers, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One text to hand off, or part ``number`` of its ``count`` parts for a carrier that takes parts.

    ``reference`` is the message's, and goes wherever the carrier returns it; ``to`` is +E.164. A carrier that takes parts
    finds the alphabet in the ``whole`` text; ``serial`` tells its parts from those of the next one to the same phone.
    """

    reference: str
    sender: str
    to: str
    text: str
    number: int = 1
    count: int = 1
    whole: str = ""
    serial: int = 0


@dataclass(frozen=True, slots=True)
class HandedOff:
    """The carrier accepted it, under its own id. ``part_ids`` are given by one that splits a text and tells of each part."""

    provider_id: str = ""
    part_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a long text: its number, from 1, of how many. ``reference`` is the same in all of them."""

    reference: int
    total: int
    number: int

    @property
    def makes_sense(self) -> bool:
        """One that does not is a whole text, whatever stood beside it."""
        return 1 <= self.number <= self.total <= 255 and self.total > 1


@dataclass(frozen=True, slots=True)
class InboundText:
    """One text from a phone, as the carrier gave it. ``provider_id`` is empty where the carrier gives none.

    ``carrier_read`` is what the carrier took it for and has answered itself: "stop", "start", "help" or "". ``part`` says
    which part of a long text this is, where the carrier brings them one by one.
    """

    provider_id: str
    sender: str
    to: str
    text: str
    carrier_at: datetime | None = None
    carrier_read: str = ""
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A carrier's later word on a message: ``state`` is sent, delivered or undelivered.

    ``opted_out`` is its word that the recipient had opted out, with the state undelivered.
    """

    provider_id: str
    reference: str
    state: str
    code: str = ""
    words: str = ""
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """The carrier asks whether this hook is ours: visiting ``url``, which the provider has checked, says so."""

    url: str


@dataclass(frozen=True, slots=True)
class InventoryNumber:
    """A number that a connection sells, as +E.164."""

    phone_number: str
    country: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a carrier says of our credentials; ``words`` are its own, or the balance left."""

    is_well: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class CarrierOptOut:
    """Somebody whom the carrier keeps from our messages: ``phone_number`` is +E.164, ``sender`` "" means all of ours.

    ``at`` is since when, where the carrier says so.
    """

    phone_number: str
    sender: str = ""
    at: datetime | None = None
