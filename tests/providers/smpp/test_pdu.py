"""The codec: every body there and back, hostile bytes refused with the right status, and two other codecs that agree."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st
from smpplib import command as smpplib_command
from smpplib import consts, smpp

from heed.providers.smpp import pdu
from heed.providers.smpp.fields import Destination, Octet, Short, Text, Unsuccessful
from heed.providers.smpp.pdu import BadPdu, Body, DeliverSm, Frames, Pdu, SubmitSm, decode, encode
from heed.providers.smpp.status import Status

OCTET = st.integers(0, 255)
SEQUENCE = st.integers(1, 0x7FFFFFFF)
TLVS = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=3).map(tuple)
LATIN = st.characters(min_codepoint=1, max_codepoint=255)
ADDRESS = st.text(LATIN, max_size=20)


def of_field(kind) -> st.SearchStrategy:
    match kind:
        case Octet():
            return OCTET
        case Short():
            return st.binary(max_size=254)
        case Text():
            return st.text(LATIN, max_size=kind.most - 1)
    lists = st.text(LATIN, min_size=1, max_size=20).map(lambda name: Destination(list_name=name))
    one = st.builds(Destination, OCTET, OCTET, ADDRESS, st.just("")) | lists
    if type(kind).__name__ == "Failures":
        one = st.builds(Unsuccessful, OCTET, OCTET, ADDRESS, st.integers(0, 2**32 - 1))
    return st.lists(one, max_size=5).map(tuple)


def bodies(kind: type[Body]) -> st.SearchStrategy[Body]:
    fields = [one for one in dataclasses.fields(kind) if "kind" in one.metadata]
    return st.builds(kind, tlvs=TLVS, **{one.name: of_field(one.metadata["kind"]) for one in fields})


KINDS = sorted(pdu._BY_CLASS, key=lambda kind: kind.__name__)


def test_every_command_of_the_specification_is_there():
    assert len(KINDS) == 27
    assert sorted(id_ for id_ in pdu._BY_ID if id_ < pdu.RESPONSE) == [
        *range(1, 10), 0x0B, 0x15, 0x21, 0x102, 0x103
    ]  # fmt: skip


@given(st.sampled_from(KINDS).flatmap(bodies), SEQUENCE, st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(body, sequence, status):
    raw = encode(body, sequence, status)
    assert decode(raw) == Pdu(body, sequence, status)
    assert encode(*decode(raw)) == raw


@given(st.sampled_from(KINDS).flatmap(bodies), st.integers(0), st.integers(0), OCTET)
def test_cut_or_changed_bytes_are_read_or_refused(body, cut, at, octet):
    raw = bytearray(encode(body, 7))
    raw = raw[: pdu.HEADER + cut % (len(raw) - pdu.HEADER + 1)]
    raw[at % len(raw)] = octet
    with contextlib.suppress(BadPdu):
        decode(bytes(raw))


@given(st.lists(st.sampled_from(KINDS).flatmap(bodies), max_size=4), st.data())
def test_a_stream_is_cut_into_units_wherever_its_packets_end(many, data):
    units = [encode(body, 1) for body in many]
    stream, frames, found = b"".join(units), Frames(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += frames.feed(stream[:size])
        stream = stream[size:]
    assert found == units


SUBMIT = encode(SubmitSm(source="447700900001", destination="447700900501", short_message=b"hello"), 9)


def changed(at: int, to: bytes, length: int = 0) -> bytes:
    raw = bytearray(SUBMIT)
    raw[at : at + len(to)] = to
    return bytes(raw) + b"\0" * length


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (changed(4, b"\x00\x00\x0f\x00"), Status.INVALID_COMMAND_ID),
        (SUBMIT[:20], Status.INVALID_COMMAND_LENGTH),
        (SUBMIT[:-1], Status.INVALID_MESSAGE_LENGTH),
        (changed(len(SUBMIT) - 6, b"\xff"), Status.INVALID_MESSAGE_LENGTH),
        (SUBMIT + b"\x04\x24", Status.INVALID_OPTIONAL_PART),
        (SUBMIT + b"\x04\x24\xff\xff\x00", Status.INVALID_PARAMETER_LENGTH),
        (changed(16, b"longer service type"), Status.INVALID_SERVICE_TYPE),
        (SUBMIT.replace(b"447700900001\0", b"4" * 30 + b"\0"), Status.INVALID_SOURCE_ADDRESS),
        (SUBMIT.replace(b"447700900501\0", b"4" * 30 + b"\0"), Status.INVALID_DESTINATION_ADDRESS),
        (SUBMIT.replace(b"\0", b"\1"), Status.INVALID_COMMAND_ID),
    ],
)
def test_what_is_wrong_has_its_status(raw, status):
    with pytest.raises(BadPdu) as error:
        decode(raw)
    assert error.value.status == status
    assert error.value.sequence in (9, 0x01010109)


@pytest.mark.parametrize("length", [0, 15, pdu.MOST_BYTES + 1, 0xFFFFFFFF])
def test_a_hostile_length_ends_the_stream(length):
    with pytest.raises(BadPdu) as error:
        list(Frames().feed(length.to_bytes(4, "big") + SUBMIT[4:]))
    assert (error.value.status, error.value.sequence) == (Status.INVALID_COMMAND_LENGTH, 9)


def test_a_refusal_without_a_body_is_read():
    raw = (16).to_bytes(4, "big") + (0x80000004).to_bytes(4, "big") + (0x58).to_bytes(4, "big") + (3).to_bytes(4, "big")
    assert decode(raw) == Pdu(pdu.SubmitSmResp(), 3, 0x58)


@pytest.mark.parametrize(
    "body",
    [SubmitSm(source="1" * 21), SubmitSm(source="1\0"), SubmitSm(short_message=b"1" * 255), SubmitSm(source_ton=256)],
)
def test_what_a_field_cannot_hold_is_never_written(body):
    with pytest.raises(ValueError, match=r"fit|octets|Not"):
        encode(body, 1)


# Two codecs that we did not write. They read texts as ASCII.

ASCII = st.characters(min_codepoint=33, max_codepoint=126)
PLAIN = {
    "service_type": st.text(ASCII, max_size=5),
    "source": st.text(ASCII, max_size=20),
    "destination": st.text(ASCII, max_size=20),
    "scheduled_at": st.just(""),
    "valid_until": st.just(""),
    "short_message": st.binary(max_size=254),
} | dict.fromkeys(
    "source_ton source_npi destination_ton destination_npi esm_class protocol_id priority registered_delivery "
    "replace_if_present data_coding default_message".split(),
    OCTET,
)
THEIR_NAMES = {
    "source_ton": "source_addr_ton",
    "source_npi": "source_addr_npi",
    "source": "source_addr",
    "destination_ton": "dest_addr_ton",
    "destination_npi": "dest_addr_npi",
    "destination": "destination_addr",
    "priority": "priority_flag",
    "scheduled_at": "schedule_delivery_time",
    "valid_until": "validity_period",
    "replace_if_present": "replace_if_present_flag",
    "default_message": "sm_default_msg_id",
}
KNOWN_TLVS = st.lists(
    st.tuples(st.sampled_from([0x0424, 0x001E, 0x020C]), st.binary(min_size=1, max_size=40)), max_size=2
).map(tuple)


@given(st.sampled_from([SubmitSm, DeliverSm]).flatmap(lambda kind: st.builds(kind, tlvs=KNOWN_TLVS, **PLAIN)), SEQUENCE)
def test_smpp34_agrees(body, sequence):
    theirs = {THEIR_NAMES.get(name, name): getattr(body, name) for name in PLAIN}
    source, destination = theirs.pop("source_addr"), theirs.pop("destination_addr")
    kind = getattr(smpp34, type(body).__name__)
    tlvs = [smpp34.Tlv(*one) for one in body.tlvs]
    raw = kind(source, destination, **theirs, tlvs=tlvs, sequence_number=sequence).encode()
    assert raw == encode(body, sequence)
    assert decode(raw) == Pdu(body, sequence)
    read = smpp34.decode(raw)
    assert (read.source_addr, read.short_message, read.sequence_number) == (body.source, body.short_message, sequence)


@given(st.sampled_from([SubmitSm, DeliverSm]).flatmap(lambda kind: st.builds(kind, **PLAIN)), SEQUENCE)
def test_smpplib_agrees(body, sequence):
    name = {SubmitSm: "submit_sm", DeliverSm: "deliver_sm"}[type(body)]
    theirs = {THEIR_NAMES.get(field, field): getattr(body, field) for field in PLAIN}
    made = smpp.make_pdu(name, client=_Numbers(sequence), **theirs)
    assert made.generate() == encode(body, sequence)
    read = smpp.parse_pdu(encode(body, sequence), client=_Numbers(sequence), allow_unknown_opt_params=True)
    assert (read.short_message or b"") == body.short_message
    assert (read.source_addr or b"") == body.source.encode()
    assert read.data_coding == body.data_coding


@given(st.text(ASCII, max_size=15), st.text(ASCII, max_size=8), OCTET, SEQUENCE)
def test_smpplib_agrees_on_binds(system_id, password, ton, sequence):
    for ours, name in ((pdu.BindTransceiver, "bind_transceiver"), (pdu.BindReceiver, "bind_receiver")):
        body = ours(system_id=system_id, password=password, ton=ton)
        fields = {"system_id": system_id, "password": password, "addr_ton": ton}
        made = smpp.make_pdu(
            name, client=_Numbers(sequence), **fields, system_type="", addr_npi=0, address_range="",
            interface_version=consts.SMPP_VERSION_34,
        )  # fmt: skip
        assert made.generate() == encode(body, sequence)


@given(st.text(ASCII, max_size=64), SEQUENCE)
def test_smpplib_agrees_on_answers(message_id, sequence):
    raw = encode(pdu.SubmitSmResp(message_id), sequence)
    assert (smpp.parse_pdu(raw, client=_Numbers(sequence)).message_id or b"") == message_id.encode()
    raw = encode(pdu.EnquireLink(), sequence)
    assert smpplib_command.EnquireLink("enquire_link", client=_Numbers(sequence)).generate() == raw


class _Numbers:
    """What smpplib asks for a sequence number."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence

    def next_sequence(self) -> int:
        return self.sequence
