"""From a submit_sm to a message: whom it is for, what it says, when it leaves. Pure but for the clock it is given."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from heed.core import outbound, parts
from heed.core.models import CallbackKinds, Esme
from heed.core.submissions import Submission
from heed.providers.smpp import texts
from heed.providers.smpp.pdu import DataSm, SubmitSm
from heed.providers.smpp.status import Status
from heed.providers.smpp.texts import Alphabet
from heed.rules import numbers
from heed.rules.values import Part
from heed.workers.front import times

INTERNATIONAL, NATIONAL, ALPHANUMERIC = 1, 2, 5  # type of number (SMPP 3.4, 5.2.5)
MESSAGE_TYPE = 0x3C  # of esm_class: anything there is an acknowledgement of a phone's, not a message (5.2.12)
PARTS_ELEMENTS = {0x00, 0x08}  # of a user data header: this is one part of several
LATEST = timedelta(days=7)
IA5 = 1  # data_coding (5.2.19)
ESCAPE = b"\x1b"  # of the GSM 7 bit alphabet
RECEIPTS = {1: CallbackKinds.FINAL, 2: CallbackKinds.FAILURES, 3: CallbackKinds.FINAL}  # registered_delivery (5.2.17)


class Unfit(Exception):
    """This can't be sent. ``status`` says so to the ESME."""

    def __init__(self, status: Status, words: str) -> None:
        super().__init__(words)
        self.status = status


def read(esme: Esme, body: SubmitSm | DataSm, now: datetime) -> Submission:
    """The message that ``body`` submits. Raises Unfit."""
    if body.esm_class & MESSAGE_TYPE:
        raise Unfit(Status.INVALID_ESM_CLASS, "It is an acknowledgement, not a message.")
    due_at, expires_at = _times(body, now) if isinstance(body, SubmitSm) else (None, None)
    recipient = _recipient(body, esme.account.country)
    text, part = _text(body, Alphabet(esme.alphabet))
    receipts = RECEIPTS.get(body.registered_delivery & 3, "")
    return Submission(esme, _source(body), recipient, numbers.show(recipient), text, receipts, due_at, expires_at, part)


def _source(body: SubmitSm | DataSm) -> str:
    if not body.source.strip():
        raise Unfit(Status.INVALID_SOURCE_ADDRESS, "It has no source.")
    return _international(body.source_ton, body.source)


def _recipient(body: SubmitSm | DataSm, country: str) -> int:
    """Of an unknown type, digits are first read as they are dialled at home, then as they are from abroad."""
    raw = body.destination
    try:
        return numbers.parse(_international(body.destination_ton, raw), country)
    except numbers.BadNumber as error:
        if body.destination_ton != NATIONAL and raw.isascii() and raw.isdigit():
            with contextlib.suppress(numbers.BadNumber):
                return numbers.parse(f"+{raw}")
        raise Unfit(Status.INVALID_DESTINATION_ADDRESS, f"Its destination: {error}") from error


def _international(ton: int, address: str) -> str:
    """Digits of a number that is said to be international are one, whatever else they could be."""
    return f"+{address}" if ton == INTERNATIONAL and address.isascii() and address.isdigit() else address


def _text(body: SubmitSm | DataSm, alphabet: Alphabet) -> tuple[str, Part | None]:
    """What it says, and which part of which text that is, None for a whole one."""
    if _is_binary(body.data_coding):
        raise Unfit(Status.SUBMIT_FAILED, "It is binary: Heed sends texts alone.")
    if texts.header_elements(body.esm_class, body.octets) - PARTS_ELEMENTS:
        raise Unfit(Status.SUBMIT_FAILED, "Its header asks for more than a text.")
    part, octets, fill = texts.part_of(body.esm_class, body.octets, body.tlvs)
    coding = _coding(body.data_coding, octets)
    text = texts.decode(octets, coding, alphabet, fill)
    if part is not None:
        if octets.endswith(ESCAPE) and texts.decode(ESCAPE, coding, alphabet) == " ":
            text = text[:-1] + parts.HALF  # what it escapes begins the next part: some programs cut between the two
        if part.total > outbound.MOST_PARTS or not text:
            raise Unfit(Status.INVALID_MESSAGE_LENGTH, f"It is one of {part.total} parts, with {len(text)} characters.")
        return text, part
    try:
        return outbound.check_text(text), None
    except outbound.Refused as error:
        raise Unfit(Status.INVALID_MESSAGE_LENGTH, str(error)) from error


def _coding(data_coding: int, octets: bytes) -> int:
    """npm's smpp says IA5 (1) and means the GSM 7 bit alphabet, in which alone there are such characters."""
    is_gsm_7 = data_coding == IA5 and any(octet < 0x20 and octet not in b"\t\n\r" for octet in octets)
    return texts.DEFAULT_CODING if is_gsm_7 else data_coding


def _is_binary(data_coding: int) -> bool:
    """Octets of 8 bits that are no text (SMPP 3.4, 5.2.19; 3GPP TS 23.038, chapter 4)."""
    if data_coding < 0x10:
        return data_coding in (2, 4)
    return data_coding & 0xF4 == 0xF4 or (data_coding < 0x80 and data_coding >> 2 & 3 == 1)


def _times(body: SubmitSm, now: datetime) -> tuple[datetime | None, datetime | None]:
    try:
        due_at = times.read(body.scheduled_at, now)
    except ValueError as error:
        raise Unfit(Status.INVALID_SCHEDULED_TIME, str(error)) from error
    if due_at is not None and due_at > now + LATEST:
        raise Unfit(Status.INVALID_SCHEDULED_TIME, "It is to leave in more than seven days.")
    try:
        expires_at = times.read(body.valid_until, max(now, due_at or now))
    except ValueError as error:
        raise Unfit(Status.INVALID_EXPIRY_TIME, str(error)) from error
    if expires_at is not None and expires_at <= max(now, due_at or now):
        raise Unfit(Status.INVALID_EXPIRY_TIME, "It has expired.")
    return due_at, expires_at
