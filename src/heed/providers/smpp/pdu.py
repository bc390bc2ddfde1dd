"""SMPP 3.4 protocol data units: bytes ↔ frozen dataclasses. Pure: it knows no socket and no clock.

Section numbers are those of the SMPP 3.4 specification, issue 1.2. Optional parameters (TLVs) are kept, also unknown
ones, in their order; a body's own are read wherever they stand at its end, for many carriers send more than the table of
that body allows.
"""

from __future__ import annotations

import dataclasses
import operator
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar  # a body's values: text, numbers, bytes

from heed.providers.smpp.fields import (
    Destination,
    Layout,
    Malformed,
    Unsuccessful,
    destinations,
    failures,
    octet,
    short,
    text,
)
from heed.providers.smpp.status import Status

HEADER = 16
MOST_BYTES = 70_000  # a PDU with the longest message_payload there can be, and room for its other fields
RESPONSE = 0x8000_0000
Tlvs = tuple[tuple[int, bytes], ...]
_HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")
_Class = TypeVar("_Class", bound="type[Body]")


class Tag:
    """Optional parameters that Heed reads or writes (section 5.3.2)."""

    DESTINATION_PORT = 0x020B
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427
    NETWORK_ERROR_CODE = 0x0423
    RECEIPTED_MESSAGE_ID = 0x001E
    SAR_REFERENCE = 0x020C
    SAR_TOTAL = 0x020E
    SAR_NUMBER = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    USER_MESSAGE_REFERENCE = 0x0204


@dataclass(frozen=True, slots=True)
class Body:
    """What follows the header. ``tlvs`` are (tag, value) in the order of the wire."""

    tlvs: Tlvs = field(default=(), kw_only=True)

    def tlv(self, tag: int) -> bytes | None:
        """The first value of ``tag``; the specification allows several of some."""
        return next((value for found, value in self.tlvs if found == tag), None)


class Command(NamedTuple):
    """How a kind of body is read and written."""

    id: int
    body: Callable[..., Any]  # the dataclass
    layout: Layout
    values: Callable[[Any], tuple[Any, ...]]


_BY_ID: dict[int, Command] = {}
_BY_CLASS: dict[type[Body], Command] = {}


def _command(id_: int) -> Callable[[_Class], _Class]:
    """Give a body its command_id (section 5.1.2.1)."""

    def note(body: _Class) -> _Class:
        fields = [one for one in dataclasses.fields(body) if "kind" in one.metadata]
        names = [one.name for one in fields]
        values = (
            operator.attrgetter(*names) if len(names) > 1 else lambda one: tuple(getattr(one, name) for name in names)
        )
        found = Command(id_, body, Layout([one.metadata["kind"] for one in fields]), values)
        _BY_ID[id_] = _BY_CLASS[body] = found
        return body

    return note


# The bodies, in the order of the specification's chapter 4


@dataclass(frozen=True, slots=True)
class Bind(Body):
    """A session's opening (4.1.1, 4.1.3, 4.1.5)."""

    system_id: str = text(16, Status.INVALID_SYSTEM_ID)
    password: str = text(64, Status.INVALID_PASSWORD)  # 9 by the specification; many carriers give longer ones
    system_type: str = text(13, Status.INVALID_SYSTEM_TYPE)
    interface_version: int = octet(0x34)
    ton: int = octet()
    npi: int = octet()
    address_range: str = text(41, Status.BIND_FAILED)


@dataclass(frozen=True, slots=True)
class BindResp(Body):
    """4.1.2, 4.1.4, 4.1.6."""

    system_id: str = text(16, Status.INVALID_SYSTEM_ID)


@_command(0x0000_0002)
@dataclass(frozen=True, slots=True)
class BindTransmitter(Bind):
    """4.1.1."""


@_command(0x8000_0002)
@dataclass(frozen=True, slots=True)
class BindTransmitterResp(BindResp):
    """4.1.2."""


@_command(0x0000_0001)
@dataclass(frozen=True, slots=True)
class BindReceiver(Bind):
    """4.1.3."""


@_command(0x8000_0001)
@dataclass(frozen=True, slots=True)
class BindReceiverResp(BindResp):
    """4.1.4."""


@_command(0x0000_0009)
@dataclass(frozen=True, slots=True)
class BindTransceiver(Bind):
    """4.1.5."""


@_command(0x8000_0009)
@dataclass(frozen=True, slots=True)
class BindTransceiverResp(BindResp):
    """4.1.6."""


@_command(0x0000_000B)
@dataclass(frozen=True, slots=True)
class Outbind(Body):
    """The SMSC asks to be bound to (4.1.7). It has no response."""

    system_id: str = text(16, Status.INVALID_SYSTEM_ID)
    password: str = text(64, Status.INVALID_PASSWORD)


@_command(0x0000_0006)
@dataclass(frozen=True, slots=True)
class Unbind(Body):
    """4.2.1."""


@_command(0x8000_0006)
@dataclass(frozen=True, slots=True)
class UnbindResp(Body):
    """4.2.2."""


@_command(0x8000_0000)
@dataclass(frozen=True, slots=True)
class GenericNack(Body):
    """The answer to what could not be read (4.3.1)."""


@dataclass(frozen=True, slots=True)
class ShortMessage(Body):
    """What submit_sm (4.4.1) and deliver_sm (4.6.1) have in common: everything."""

    service_type: str = text(6, Status.INVALID_SERVICE_TYPE)
    source_ton: int = octet()
    source_npi: int = octet()
    source: str = text(21, Status.INVALID_SOURCE_ADDRESS)
    destination_ton: int = octet()
    destination_npi: int = octet()
    destination: str = text(21, Status.INVALID_DESTINATION_ADDRESS)
    esm_class: int = octet()
    protocol_id: int = octet()
    priority: int = octet()
    scheduled_at: str = text(17, Status.INVALID_SCHEDULED_TIME)
    valid_until: str = text(17, Status.INVALID_EXPIRY_TIME)
    registered_delivery: int = octet()
    replace_if_present: int = octet()
    data_coding: int = octet()
    default_message: int = octet()
    short_message: bytes = short()

    @property
    def octets(self) -> bytes:
        """The message, wherever it stands: short_message, or message_payload in its place (5.3.2.32)."""
        return self.short_message or self.tlv(Tag.MESSAGE_PAYLOAD) or b""


@dataclass(frozen=True, slots=True)
class MessageResp(Body):
    """The SMSC's id of a message (4.4.2). Longer than the 65 octets allowed is read: it must be kept all the same."""

    message_id: str = text(256, Status.INVALID_MESSAGE_ID)


@_command(0x0000_0004)
@dataclass(frozen=True, slots=True)
class SubmitSm(ShortMessage):
    """4.4.1."""


@_command(0x8000_0004)
@dataclass(frozen=True, slots=True)
class SubmitSmResp(MessageResp):
    """4.4.2."""


@_command(0x0000_0021)
@dataclass(frozen=True, slots=True)
class SubmitMulti(Body):
    """One text to several destinations (4.5.1)."""

    service_type: str = text(6, Status.INVALID_SERVICE_TYPE)
    source_ton: int = octet()
    source_npi: int = octet()
    source: str = text(21, Status.INVALID_SOURCE_ADDRESS)
    destinations: tuple[Destination, ...] = destinations()
    esm_class: int = octet()
    protocol_id: int = octet()
    priority: int = octet()
    scheduled_at: str = text(17, Status.INVALID_SCHEDULED_TIME)
    valid_until: str = text(17, Status.INVALID_EXPIRY_TIME)
    registered_delivery: int = octet()
    replace_if_present: int = octet()
    data_coding: int = octet()
    default_message: int = octet()
    short_message: bytes = short()


@_command(0x8000_0021)
@dataclass(frozen=True, slots=True)
class SubmitMultiResp(Body):
    """4.5.2."""

    message_id: str = text(256, Status.INVALID_MESSAGE_ID)
    failures: tuple[Unsuccessful, ...] = failures()


@_command(0x0000_0005)
@dataclass(frozen=True, slots=True)
class DeliverSm(ShortMessage):
    """A text from a phone, or a receipt (4.6.1)."""


@_command(0x8000_0005)
@dataclass(frozen=True, slots=True)
class DeliverSmResp(MessageResp):
    """Its message_id is unused (4.6.2)."""


@_command(0x0000_0103)
@dataclass(frozen=True, slots=True)
class DataSm(Body):
    """A message whose text is always in message_payload (4.7.1)."""

    service_type: str = text(6, Status.INVALID_SERVICE_TYPE)
    source_ton: int = octet()
    source_npi: int = octet()
    source: str = text(65, Status.INVALID_SOURCE_ADDRESS)
    destination_ton: int = octet()
    destination_npi: int = octet()
    destination: str = text(65, Status.INVALID_DESTINATION_ADDRESS)
    esm_class: int = octet()
    registered_delivery: int = octet()
    data_coding: int = octet()

    @property
    def octets(self) -> bytes:
        return self.tlv(Tag.MESSAGE_PAYLOAD) or b""


@_command(0x8000_0103)
@dataclass(frozen=True, slots=True)
class DataSmResp(MessageResp):
    """4.7.2."""


@_command(0x0000_0003)
@dataclass(frozen=True, slots=True)
class QuerySm(Body):
    """4.8.1."""

    message_id: str = text(65, Status.INVALID_MESSAGE_ID)
    source_ton: int = octet()
    source_npi: int = octet()
    source: str = text(21, Status.INVALID_SOURCE_ADDRESS)


@_command(0x8000_0003)
@dataclass(frozen=True, slots=True)
class QuerySmResp(Body):
    """4.8.2."""

    message_id: str = text(65, Status.INVALID_MESSAGE_ID)
    final_at: str = text(17, Status.INVALID_EXPIRY_TIME)
    message_state: int = octet()
    error_code: int = octet()


@_command(0x0000_0008)
@dataclass(frozen=True, slots=True)
class CancelSm(Body):
    """4.9.1."""

    service_type: str = text(6, Status.INVALID_SERVICE_TYPE)
    message_id: str = text(65, Status.INVALID_MESSAGE_ID)
    source_ton: int = octet()
    source_npi: int = octet()
    source: str = text(21, Status.INVALID_SOURCE_ADDRESS)
    destination_ton: int = octet()
    destination_npi: int = octet()
    destination: str = text(21, Status.INVALID_DESTINATION_ADDRESS)


@_command(0x8000_0008)
@dataclass(frozen=True, slots=True)
class CancelSmResp(Body):
    """4.9.2."""


@_command(0x0000_0007)
@dataclass(frozen=True, slots=True)
class ReplaceSm(Body):
    """4.10.1."""

    message_id: str = text(65, Status.INVALID_MESSAGE_ID)
    source_ton: int = octet()
    source_npi: int = octet()
    source: str = text(21, Status.INVALID_SOURCE_ADDRESS)
    scheduled_at: str = text(17, Status.INVALID_SCHEDULED_TIME)
    valid_until: str = text(17, Status.INVALID_EXPIRY_TIME)
    registered_delivery: int = octet()
    default_message: int = octet()
    short_message: bytes = short()


@_command(0x8000_0007)
@dataclass(frozen=True, slots=True)
class ReplaceSmResp(Body):
    """4.10.2."""


@_command(0x0000_0015)
@dataclass(frozen=True, slots=True)
class EnquireLink(Body):
    """4.11.1."""


@_command(0x8000_0015)
@dataclass(frozen=True, slots=True)
class EnquireLinkResp(Body):
    """4.11.2."""


@_command(0x0000_0102)
@dataclass(frozen=True, slots=True)
class AlertNotification(Body):
    """A phone can be reached again (4.12.1). It has no response."""

    source_ton: int = octet()
    source_npi: int = octet()
    source: str = text(65, Status.INVALID_SOURCE_ADDRESS)
    esme_ton: int = octet()
    esme_npi: int = octet()
    esme: str = text(65, Status.INVALID_DESTINATION_ADDRESS)


# Bytes and back


class Pdu(NamedTuple):
    """One unit: its header's status and sequence number (section 3.2), and its body."""

    body: Body
    sequence: int
    status: int = 0


class BadPdu(Malformed):
    """A unit that can't be read. ``command`` and ``sequence`` are its header's, so that it can be answered."""

    def __init__(self, command: int, sequence: int, command_status: int, status: Status, words: str) -> None:
        super().__init__(status, words)
        self.command, self.sequence, self.command_status = command, sequence, command_status


def encode(body: Body, sequence: int, status: int = 0) -> bytes:
    """Raises ValueError for a value that its field can't hold."""
    command = _BY_CLASS[type(body)]
    out: list[bytes] = [b""]
    command.layout.write(command.values(body), out)
    for tag, value in body.tlvs:
        out += (_TLV.pack(tag, len(value)), value)
    raw = b"".join(out)
    return _HEADER.pack(HEADER + len(raw), command.id, status, sequence) + raw


def decode(raw: bytes) -> Pdu:
    """``raw`` is one unit with its header. Raises BadPdu.

    A response without a body is one whose fields are empty: refusals have none (4.4.2), nor have many acceptances.
    """
    length, id_, status, sequence = _HEADER.unpack_from(raw)
    command = _BY_ID.get(id_)
    if command is None:
        raise BadPdu(id_, sequence, status, Status.INVALID_COMMAND_ID, f"There is no command 0x{id_:08X}.")
    if length == HEADER and id_ & RESPONSE:
        return Pdu(command.body(), sequence, status)
    try:
        values, at = command.layout.read(raw, HEADER)
        tlvs = _tlvs(raw, at) if at < len(raw) else ()
    except Malformed as error:
        raise BadPdu(id_, sequence, status, error.status, str(error)) from None
    return Pdu(command.body(*values, tlvs=tlvs), sequence, status)


def response_to(command: int) -> Body | None:
    """An empty response to a request of this command_id; None where it has none."""
    found = _BY_ID.get(command | RESPONSE) if command else None
    body: Body | None = found.body() if found and not command & RESPONSE else None
    return body


def id_of(body: Body) -> int:
    """Its command_id."""
    return _BY_CLASS[type(body)].id


def body_of(command: int) -> Body | None:
    """An empty body of this command_id; None where there is none."""
    found = _BY_ID.get(command)
    body: Body | None = found.body() if found else None
    return body


def _tlvs(raw: bytes, at: int) -> Tlvs:
    """The optional parameters that begin at ``at`` (section 3.2.4.1)."""
    found = []
    while at < len(raw):
        if at + _TLV.size > len(raw):
            raise Malformed(Status.INVALID_OPTIONAL_PART, "Something stands after the last optional parameter.")
        tag, length = _TLV.unpack_from(raw, at)
        at += _TLV.size
        if at + length > len(raw):
            raise Malformed(Status.INVALID_PARAMETER_LENGTH, f"Optional parameter 0x{tag:04X} is longer than the unit.")
        found.append((tag, raw[at : at + length]))
        at += length
    return tuple(found)


class Frames:
    """Cuts a stream into units. A length that can't be is final: nobody knows where the next unit begins."""

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def is_within_a_unit(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The units that are whole now. Raises BadPdu for a hostile length."""
        buffer, at = self._buffer + data if self._buffer else data, 0
        try:
            while len(buffer) - at >= 4:
                length = int.from_bytes(buffer[at : at + 4], "big")
                if not HEADER <= length <= MOST_BYTES:
                    raise _bad_length(buffer, at, length)
                if len(buffer) - at < length:
                    return
                yield buffer[at : at + length]
                at += length
        finally:
            self._buffer = buffer[at:]


def _bad_length(buffer: bytes, at: int, length: int) -> BadPdu:
    words = f"A unit says that it has {length} octets."
    if len(buffer) - at < HEADER:
        return BadPdu(0, 0, 0, Status.INVALID_COMMAND_LENGTH, words)
    _, id_, status, sequence = _HEADER.unpack_from(buffer, at)
    return BadPdu(id_, sequence, status, Status.INVALID_COMMAND_LENGTH, words)
