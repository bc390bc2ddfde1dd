"""Texts as SMPP carries them: alphabets (3GPP TS 23.038), parts and their headers (3GPP TS 23.040, 9.2.3.24). Pure.

The parts of a text are those that ``rules.segments`` counts: what people were shown is what leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from heed.providers.smpp.pdu import Tag, Tlvs
from heed.rules.segments import GSM_7, divide, encoding_of
from heed.rules.values import Part

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {"\f": 10, "^": 20, "{": 40, "}": 41, "\\": 47, "[": 60, "~": 61, "]": 62, "|": 64, "€": 101}
ESCAPE = "\x1b"
UDHI = 0x40  # of esm_class: a header stands before the text (SMPP 3.4, 5.2.12)
DEFAULT_CODING, UCS_2_CODING = 0, 8


class Alphabet(StrEnum):
    """What a carrier takes data_coding 0 for. The specification leaves it to each SMSC (SMPP 3.4, 5.2.19)."""

    GSM_7 = "gsm7"
    PACKED = "gsm7_packed"
    LATIN_1 = "latin1"


class Headers(StrEnum):
    """How the parts of a long text say that they belong together.

    A header with a reference of 16 bits is only read: it leaves room for less text than was counted.
    """

    UDH = "udh"
    SAR = "sar"
    PAYLOAD = "payload"  # the whole text in one message_payload: the carrier splits


@dataclass(frozen=True, slots=True)
class Piece:
    """What goes into one submit_sm."""

    data_coding: int
    octets: bytes
    esm_class: int = 0
    tlvs: Tlvs = ()


# Out


def pieces(text: str, alphabet: Alphabet, headers: Headers, reference: int) -> list[Piece]:
    """``text`` as the parts to submit. ``reference`` tells this text's parts from another's to the same phone."""
    coding = coding_of(text, alphabet)
    found = divided(text, headers)
    return [
        piece(one, coding, alphabet, headers, Part(reference, len(found), number))
        for number, one in enumerate(found, 1)
    ]


def divided(text: str, headers: Headers) -> list[str]:
    return [text] if headers is Headers.PAYLOAD else divide(text)[1]


def coding_of(text: str, alphabet: Alphabet) -> int:
    """The data_coding of every part of ``text``. Greek capitals and the euro are in GSM 03.38, and not in Latin-1."""
    if encoding_of(text) == GSM_7 and (alphabet is not Alphabet.LATIN_1 or _fits_latin_1(text)):
        return DEFAULT_CODING
    return UCS_2_CODING


def piece(text: str, coding: int, alphabet: Alphabet, headers: Headers, part: Part) -> Piece:
    """One part as it is submitted."""
    if part.total > 1:
        return _part(text, coding, alphabet, headers, part)
    octets = _octets(text, coding, alphabet)
    if len(octets) > (140 if coding or alphabet is Alphabet.PACKED else 160):
        return Piece(coding, b"", 0, ((Tag.MESSAGE_PAYLOAD, octets),))
    return Piece(coding, octets)


def _part(text: str, coding: int, alphabet: Alphabet, headers: Headers, part: Part) -> Piece:
    if headers is Headers.SAR:
        reference = (part.reference & 0xFFFF).to_bytes(2, "big")
        sar = (
            (Tag.SAR_REFERENCE, reference),
            (Tag.SAR_TOTAL, bytes([part.total])),
            (Tag.SAR_NUMBER, bytes([part.number])),
        )
        return Piece(coding, _octets(text, coding, alphabet), 0, sar)
    udh = bytes([5, 0, 3, part.reference & 0xFF, part.total, part.number])
    return Piece(coding, udh + _octets(text, coding, alphabet, len(udh)), UDHI)


def _octets(text: str, coding: int, alphabet: Alphabet, after: int = 0) -> bytes:
    """``text`` as octets, behind a header of ``after`` octets."""
    if coding == UCS_2_CODING:
        return text.encode("utf-16-be", "surrogatepass")
    if alphabet is Alphabet.LATIN_1:
        return text.encode("latin-1")
    septets = gsm_7(text)
    return pack(septets, fill_bits(after)) if alphabet is Alphabet.PACKED else septets


def _fits_latin_1(text: str) -> bool:
    return text.isascii() or all(ord(char) < 256 for char in text)


# In


def decode(octets: bytes, data_coding: int, alphabet: Alphabet = Alphabet.GSM_7, fill: int = 0) -> str:
    """The text of ``octets``. Never raises: what can't be read becomes U+FFFD, binary data is read as Latin-1.

    Lone surrogates stay, for their other half may stand in the next part.
    """
    match _coding(data_coding):
        case "default":
            return _default(octets, alphabet, fill)
        case "ucs2":
            order = "utf-16-le" if octets[:2] == b"\xff\xfe" else "utf-16-be"
            return octets[: len(octets) & ~1].decode(order, "surrogatepass").removeprefix("\ufeff")
        case codec:
            return octets.decode(codec, "replace")


_CODECS = {1: "latin-1", 2: "latin-1", 3: "latin-1", 4: "latin-1", 5: "shift_jis", 6: "iso8859-5", 7: "iso8859-8"}
_CODECS |= {8: "ucs2", 10: "iso2022_jp", 13: "euc_jp", 14: "euc_kr"}
_ALPHABETS = {0: "default", 1: "latin-1", 2: "ucs2", 3: "default"}


def _coding(data_coding: int) -> str:
    """SMPP 3.4, 5.2.19; from 0x10 on the coding groups of 3GPP TS 23.038, chapter 4."""
    if data_coding < 0x10:
        return _CODECS.get(data_coding, "default")
    if data_coding >= 0xF0:
        return "latin-1" if data_coding & 4 else "default"
    if data_coding >= 0xE0:
        return "ucs2"
    return _ALPHABETS[data_coding >> 2 & 3] if data_coding < 0xC0 else "default"


def _default(octets: bytes, alphabet: Alphabet, fill: int) -> str:
    if alphabet is Alphabet.LATIN_1:
        return octets.decode("latin-1")
    return from_gsm_7(unpack(octets, fill) if alphabet is Alphabet.PACKED else octets)


def part_of(esm_class: int, octets: bytes, tlvs: Tlvs = ()) -> tuple[Part | None, bytes, int]:
    """Which part of which text this is (None: a whole one), its octets without the header, and the fill bits after it."""
    if esm_class & UDHI and octets and octets[0] < len(octets):
        size = octets[0] + 1
        return _part_in(octets[1:size]), octets[size:], fill_bits(size)
    return _part_by_tlv(dict(reversed(tlvs))) if tlvs else None, octets, 0


def header_elements(esm_class: int, octets: bytes) -> set[int]:
    """The kinds of element in the user data header (3GPP TS 23.040, 9.2.3.24), if there is one."""
    found, at = set(), 1
    while esm_class & UDHI and octets and at + 1 < min(octets[0] + 1, len(octets)):
        found.add(octets[at])
        at += 2 + octets[at + 1]
    return found


def _part_in(header: bytes) -> Part | None:
    """The concatenation element of a user data header: reference of 8 bits (0x00) or 16 bits (0x08)."""
    at = 0
    while at + 2 <= len(header):
        kind, size = header[at], header[at + 1]
        element, at = header[at + 2 : at + 2 + size], at + 2 + size
        if (kind, len(element)) in ((0, 3), (8, 4)):
            return _whole(Part(int.from_bytes(element[:-2], "big"), element[-2], element[-1]))
    return None


def _part_by_tlv(tlvs: dict[int, bytes]) -> Part | None:
    values = [tlvs.get(tag) for tag in (Tag.SAR_REFERENCE, Tag.SAR_TOTAL, Tag.SAR_NUMBER)]
    if not all(values):
        return None
    reference, total, number = (int.from_bytes(value or b"", "big") for value in values)
    return _whole(Part(reference & 0xFFFF, total, number))


def _whole(part: Part) -> Part | None:
    """``part`` unless it makes no sense; then the text is taken as it is."""
    return part if part.makes_sense else None


# GSM 03.38


class _Septets(dict[int, str]):
    def __missing__(self, key: int) -> str:
        raise ValueError(f"{chr(key)!r} is not in the GSM 7 bit alphabet.")


_TO_SEPTETS = _Septets({ord(char): chr(code) for code, char in enumerate(BASIC) if char != ESCAPE})
_TO_SEPTETS |= {ord(char): ESCAPE + chr(code) for char, code in EXTENSION.items()}
_FROM_SEPTETS = dict(enumerate(BASIC)) | dict.fromkeys(range(128, 256), "�")
_FROM_EXTENSION = {chr(code): char for char, code in EXTENSION.items()}
_ESCAPED = re.compile("\x1b(.?)", re.DOTALL)


def gsm_7(text: str) -> bytes:
    """One septet in each octet. Raises ValueError for a character outside the alphabet and its extension."""
    return text.translate(_TO_SEPTETS).encode("latin-1")


def from_gsm_7(septets: bytes) -> str:
    raw = septets.decode("latin-1")
    if ESCAPE not in raw:
        return raw.translate(_FROM_SEPTETS)
    plain = [piece.translate(_FROM_SEPTETS) for piece in _ESCAPED.split(raw)]
    plain[1::2] = [_extended(char) for char in _ESCAPED.findall(raw)]
    return "".join(plain)


def _extended(char: str) -> str:
    """An unknown extension shows the basic character; a second escape, or the end, a space (TS 23.038, 6.2.1.1)."""
    if char in ("", ESCAPE):
        return " "
    return _FROM_EXTENSION.get(char) or char.translate(_FROM_SEPTETS)


def fill_bits(header: int) -> int:
    """How many bits stand between a header of so many octets and the first septet."""
    return -header * 8 % 7


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Eight septets in seven octets. Seven spare bits would read as “@”, so they hold a carriage return (6.1.2.3.1)."""
    bits = 0
    if (len(septets) * 7 + fill) % 8 == 1:
        septets += b"\r"
    for septet in reversed(septets):
        bits = bits << 7 | septet
    return (bits << fill).to_bytes(-(-(len(septets) * 7 + fill) // 8), "little")


def unpack(octets: bytes, fill: int = 0) -> bytes:
    bits, count = int.from_bytes(octets, "little") >> fill, (len(octets) * 8 - fill) // 7
    septets = bytes(bits >> 7 * at & 0x7F for at in range(max(0, count)))
    fills_up = septets and (len(octets) * 8 - fill) % 7 == 0
    return septets[:-1] if fills_up and septets[-1] in (0, 13) else septets
