"""Alphabets and parts: what the counter shows is what leaves, and what arrives is whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib import gsm

from heed.providers.smpp import texts
from heed.providers.smpp.pdu import Tag
from heed.providers.smpp.texts import Alphabet, Headers, decode, part_of, pieces
from heed.rules import segments
from heed.rules.values import Part

GSM = "".join(char for char in texts.BASIC if char != texts.ESCAPE) + "".join(texts.EXTENSION)
ANY = st.text(st.sampled_from(GSM), max_size=700) | st.text(st.characters(exclude_categories=["Cs"]), max_size=250)


def joined(found: list[texts.Piece], alphabet: Alphabet) -> str:
    """As a phone puts parts together."""
    whole = []
    for number, piece in enumerate(found, 1):
        part, octets, fill = part_of(
            piece.esm_class, piece.octets or dict(piece.tlvs).get(Tag.MESSAGE_PAYLOAD, b""), piece.tlvs
        )
        assert part == (Part(0x2B, len(found), number) if len(found) > 1 else None)
        whole.append(decode(octets, piece.data_coding, alphabet, fill))
    return "".join(whole)


@given(ANY, st.sampled_from(Alphabet), st.sampled_from(Headers))
def test_parts_are_those_that_were_counted_and_read_back(text, alphabet, headers):
    found = pieces(text, alphabet, headers, 0x2B)
    if headers is not Headers.PAYLOAD:
        assert len(found) == segments.count(text).parts
    assert joined(found, alphabet) == text
    assert all(len(piece.octets) <= most(piece, alphabet) for piece in found)


def most(piece: texts.Piece, alphabet: Alphabet) -> int:
    """How many octets fit: 140, in which unpacked septets fit eight to seven octets, behind the header if there is one."""
    if piece.data_coding or alphabet is Alphabet.PACKED:
        return 140
    return 6 + 153 if piece.esm_class & texts.UDHI else 160


@given(ANY)
def test_no_character_is_split(text):
    encoding, found = segments.divide(text)
    assert "".join(found) == text
    assert (encoding, len(found)) == (segments.count(text).encoding, segments.count(text).parts)


@given(st.text(st.sampled_from(GSM.replace("\f", "").replace("§", "")), max_size=160))  # it has no form feed, and no §
def test_smpplib_writes_the_same_septets(text):
    assert texts.gsm_7(text) == gsm.gsm_encode(text)


@pytest.mark.parametrize(
    ("text", "octets"),
    [("hellohello", "e8329bfd4697d9ec37"), ("1234567", "31d98c56b3dd1a"), ("12345678", "31d98c56b3dd70"), ("@", "00")],
)
def test_known_packed_texts(text, octets):
    assert texts.pack(texts.gsm_7(text)).hex() == octets
    assert decode(bytes.fromhex(octets), 0, Alphabet.PACKED) == text


def test_the_header_keeps_eight_bits_of_the_reference():
    [first, *_] = pieces("x" * 200, Alphabet.GSM_7, Headers.UDH, 0x1234)
    assert first.octets[:6].hex() == "050003340201"


def test_a_reference_of_16_bits_is_read():
    part, octets, _ = part_of(texts.UDHI, bytes.fromhex("06080412340201") + b"STOP")
    assert (part, octets) == (Part(0x1234, 2, 1), b"STOP")


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (0, b"\x1b\x65\x00", "€@"),
        (0, b"a\x1b", "a "),
        (0, b"\x1bA\x1b\x1b", "A "),
        (1, b"STOP", "STOP"),
        (3, b"arr\xeat", "arrêt"),
        (4, b"STOP", "STOP"),
        (6, "СТОП".encode("iso8859-5"), "СТОП"),
        (8, "退订".encode("utf-16-be"), "退订"),
        (8, "\ufeff退订".encode("utf-16-be"), "退订"),
        (8, b"\xff\xfe" + "退订".encode("utf-16-le"), "退订"),
        (8, b"\x00S\x00T\x00", "ST"),
        (8, b"\xd8\x3d", "\ud83d"),
        (0x18, "退".encode("utf-16-be"), "退"),
        (0x10, b"STOP", "STOP"),
        (0xF0, b"STOP", "STOP"),
        (0xF4, b"STOP", "STOP"),
        (0xE0, b"\x00S", "S"),
        (0x0F, b"STOP", "STOP"),
        (0, b"\xff", "\ufffd"),
        (14, "중지".encode("euc_kr") + b"\xff", "중지\ufffd"),
    ],
)
def test_codings_of_what_arrives(coding, octets, text):
    assert decode(octets, coding) == text


@given(st.integers(0, 255), st.binary(max_size=200), st.sampled_from(Alphabet), st.integers(0, 255))
def test_nothing_that_arrives_raises(coding, octets, alphabet, esm_class):
    part, rest, fill = part_of(esm_class, octets, ((Tag.SAR_TOTAL, octets[:1]), (Tag.SAR_NUMBER, octets[1:2])))
    assert isinstance(decode(rest, coding, alphabet, fill), str)
    assert part is None or 1 <= part.number <= part.total


@pytest.mark.parametrize(
    "header",
    ["", "ff000301", "050003010201", "0500030100", "050003010003", "05000301020300"],
)
def test_a_header_that_makes_no_sense_leaves_a_whole_text(header):
    part, octets, _ = part_of(texts.UDHI, bytes.fromhex(header) + b"STOP")
    assert part is None or part == Part(1, 2, 1)
    assert octets.endswith(b"TOP")


def test_other_elements_stand_beside_the_one_we_want():
    part, octets, _ = part_of(texts.UDHI, bytes.fromhex("0b0504158200000003070302") + b"STOP")
    assert (part, octets) == (Part(7, 3, 2), b"STOP")
