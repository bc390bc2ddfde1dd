"""The kinds of field that SMPP bodies are made of (SMPP 3.4, section 3.1), and how each is read and written.

Runs of single octets are read by one ``struct`` call: a submit_sm has seventeen fields, and a carrier's link thousands of
them a second.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple  # a field's default: text, number, bytes or a tuple

from heed.providers.smpp.status import Status


class Malformed(Exception):
    """A body that can't be read. ``status`` says to the sender what is wrong with it."""

    def __init__(self, status: Status, words: str) -> None:
        super().__init__(words)
        self.status = status


class Destination(NamedTuple):
    """One destination of a submit_multi: an address, or a list's name (section 4.5.1.1)."""

    ton: int = 0
    npi: int = 0
    address: str = ""
    list_name: str = ""


class Unsuccessful(NamedTuple):
    """One destination that a submit_multi did not reach, and why (section 4.5.2.1)."""

    ton: int
    npi: int
    address: str
    status: int


@dataclass(frozen=True, slots=True)
class Text:
    """A C-octet string of at most ``most`` octets with its NUL. Latin-1, so that nothing is lost; ``status`` blames it."""

    most: int
    status: Status
    default: Any = ""

    def read(self, raw: bytes, at: int, values: list[Any]) -> int:
        end = raw.find(0, at)
        if end < 0:
            raise Malformed(Status.INVALID_COMMAND_LENGTH, "A text has no end.")
        if end - at >= self.most:
            raise Malformed(self.status, f"A text has {end - at} characters; at most {self.most - 1} fit.")
        values.append(raw[at:end].decode("latin-1"))
        return end + 1

    def write(self, value: Any, out: list[bytes]) -> None:
        given = value.encode("latin-1") + b"\0"
        if len(given) > self.most or given.find(0) != len(given) - 1:
            raise ValueError(f"{value!r} does not fit into {self.most - 1} characters.")
        out.append(given)


@dataclass(frozen=True, slots=True)
class Octet:
    """An integer of one octet."""

    default: Any = 0


@dataclass(frozen=True, slots=True)
class Short:
    """Up to 254 octets after their count: short_message (section 5.2.22). 255 is read too: some senders count so."""

    default: Any = b""

    def read(self, raw: bytes, at: int, values: list[Any]) -> int:
        if at >= len(raw):
            raise Malformed(Status.INVALID_COMMAND_LENGTH, "The body ends before sm_length.")
        end = at + 1 + raw[at]
        if end > len(raw):
            raise Malformed(Status.INVALID_MESSAGE_LENGTH, "sm_length is more than there is.")
        values.append(raw[at + 1 : end])
        return end

    def write(self, value: Any, out: list[bytes]) -> None:
        if len(value) > 254:
            raise ValueError("A short_message has at most 254 octets; more goes into message_payload.")
        out += (_OCTETS[len(value)], value)


@dataclass(frozen=True, slots=True)
class Destinations:
    """The destinations of a submit_multi after their count."""

    default: Any = ()

    def read(self, raw: bytes, at: int, values: list[Any]) -> int:
        count, at = _octet(raw, at)
        found: list[Any] = []
        for _ in range(count):
            flag, at = _octet(raw, at)
            if flag == 1:
                ton, at = _octet(raw, at)
                npi, at = _octet(raw, at)
                at = ADDRESS.read(raw, at, found)
                found[-1] = Destination(ton, npi, found[-1])
            elif flag == 2:
                at = _LIST_NAME.read(raw, at, found)
                found[-1] = Destination(list_name=found[-1])
            else:
                raise Malformed(Status.INVALID_DESTINATION_FLAG, f"dest_flag {flag} is neither 1 nor 2.")
        values.append(tuple(found))
        return at

    def write(self, value: Any, out: list[bytes]) -> None:
        out.append(bytes([len(value)]))
        for one in value:
            if one.list_name:
                out.append(b"\2")
                _LIST_NAME.write(one.list_name, out)
            else:
                out.append(bytes([1, one.ton, one.npi]))
                ADDRESS.write(one.address, out)


@dataclass(frozen=True, slots=True)
class Failures:
    """The destinations that a submit_multi did not reach, after their count."""

    default: Any = ()

    def read(self, raw: bytes, at: int, values: list[Any]) -> int:
        count, at = _octet(raw, at)
        found: list[Any] = []
        for _ in range(count):
            ton, at = _octet(raw, at)
            npi, at = _octet(raw, at)
            at = ADDRESS.read(raw, at, found)
            if at + 4 > len(raw):
                raise Malformed(Status.INVALID_COMMAND_LENGTH, "The body ends within unsuccess_sme.")
            found[-1] = Unsuccessful(ton, npi, found[-1], int.from_bytes(raw[at : at + 4], "big"))
            at += 4
        values.append(tuple(found))
        return at

    def write(self, value: Any, out: list[bytes]) -> None:
        out.append(bytes([len(value)]))
        for one in value:
            out.append(bytes([one.ton, one.npi]))
            ADDRESS.write(one.address, out)
            out.append(one.status.to_bytes(4, "big"))


Kind = Text | Octet | Short | Destinations | Failures
_OCTETS = [bytes([value]) for value in range(256)]
ADDRESS = Text(21, Status.INVALID_DESTINATION_ADDRESS)
_LIST_NAME = Text(21, Status.INVALID_LIST_NAME)


def _octet(raw: bytes, at: int) -> tuple[int, int]:
    if at >= len(raw):
        raise Malformed(Status.INVALID_COMMAND_LENGTH, "The body ends early.")
    return raw[at], at + 1


class Run:
    """Octets that stand next to each other, as one ``struct``."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._struct = struct.Struct(f"{count}B")

    def read(self, raw: bytes, at: int, values: list[Any]) -> int:
        try:
            values += self._struct.unpack_from(raw, at)
        except struct.error:
            raise Malformed(Status.INVALID_COMMAND_LENGTH, "The body ends early.") from None
        return at + self.count

    def write(self, value: Sequence[int], out: list[bytes]) -> None:
        try:
            out.append(bytes(value))
        except ValueError:
            raise ValueError(f"Not octets: {value!r}.") from None


class Layout:
    """The fields of one kind of body, in the order of the wire."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._steps: list[Text | Short | Destinations | Failures | Run] = []
        self._slices: list[slice | int] = []
        at = 0
        while at < len(kinds):
            end = at
            while end < len(kinds) and isinstance(kinds[end], Octet):
                end += 1
            kind = kinds[at]
            if isinstance(kind, Octet):
                self._steps.append(Run(end - at))
                self._slices.append(slice(at, end))
                at = end
            else:
                self._steps.append(kind)
                self._slices.append(at)
                at += 1
        self._pairs = tuple(zip(self._steps, self._slices, strict=True))

    def read(self, raw: bytes, at: int) -> tuple[list[Any], int]:
        """The values of the fields that begin at ``at``, and where they end."""
        values: list[Any] = []
        for step in self._steps:
            at = step.read(raw, at, values)
        return values, at

    def write(self, values: Sequence[Any], out: list[bytes]) -> None:
        for step, which in self._pairs:
            step.write(values[which], out)


# As a dataclass declares them: ``source: str = text(21, …)``.


def text(most: int, status: Status) -> Any:
    return _field(Text(most, status))


def octet(default: int = 0) -> Any:
    return _field(Octet(default))


def short() -> Any:
    return _field(Short())


def destinations() -> Any:
    return _field(Destinations())


def failures() -> Any:
    return _field(Failures())


def _field(kind: Kind) -> Any:
    return dataclasses.field(default=kind.default, metadata={"kind": kind})
