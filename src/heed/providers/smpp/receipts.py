"""Delivery receipts in the forms that carriers give them: by TLV, or as a text after appendix B of SMPP 3.4. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

from heed.providers.smpp.pdu import DataSm, DeliverSm, Tag
from heed.providers.smpp.texts import Alphabet, decode, part_of
from heed.rules.values import Receipt

_RECEIPT, _INTERMEDIATE = 0x04, 0x20  # of esm_class (5.2.12)
_MESSAGE_TYPE = 0x3C
_BY_NUMBER = {  # message_state (5.2.28)
    1: "sent",  # ENROUTE
    2: "delivered",
    3: "undelivered",  # EXPIRED
    4: "undelivered",  # DELETED
    5: "undelivered",  # UNDELIVERABLE
    6: "sent",  # ACCEPTED: by the phone's owner in another way, or by the next network
    7: "sent",  # UNKNOWN
    8: "undelivered",  # REJECTED
}
_BY_WORD = {  # the first letters of appendix B's words; some carriers write them out
    "ENROUTE": 1,
    "DELIV": 2,
    "DELIVRD": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "ACCEPTD": 6,
    "ACCEPTE": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
    "REJECTE": 8,
    "DELIVER": 2,
}
_ID = re.compile(r"\bid\s*:\s*([^\s:]+)(?!\S*:)", re.IGNORECASE)
_STATE = re.compile(r"\bstat(?:us)?\s*:\s*([A-Za-z]+)(?!\S*:)", re.IGNORECASE)
_ERROR = re.compile(r"\berr(?:or)?\s*:\s*([0-9A-Za-z]+)(?!\S*:)", re.IGNORECASE)


class Ids(StrEnum):
    """In which digits a carrier writes the same id in submit_sm_resp and in a receipt."""

    SAME = "same"
    HEX_THEN_DECIMAL = "hex_decimal"
    DECIMAL_THEN_HEX = "decimal_hex"
    DECIMAL = "decimal"  # with leading zeros in one of the two
    HEX = "hex"  # in capitals, or with leading zeros, in one of the two


_BASES = {Ids.HEX_THEN_DECIMAL: (16, 10), Ids.DECIMAL_THEN_HEX: (10, 16), Ids.DECIMAL: (10, 10), Ids.HEX: (16, 16)}


def accepted_id(message_id: str, ids: Ids) -> str:
    """The id of a submit_sm_resp as it is kept, to be found by its receipt."""
    return _common(message_id, _BASES[ids][0]) if ids in _BASES else message_id


def receipted_id(message_id: str, ids: Ids) -> str:
    """The id of a receipt in the same form."""
    return _common(message_id, _BASES[ids][1]) if ids in _BASES else message_id


def _common(message_id: str, base: int) -> str:
    try:
        return str(int(message_id, base))
    except ValueError:
        return message_id


def is_receipt(body: DeliverSm | DataSm) -> bool:
    """By its message type, or because it names the message that it is about."""
    return body.esm_class & _MESSAGE_TYPE in (_RECEIPT, _INTERMEDIATE) or (
        body.tlv(Tag.RECEIPTED_MESSAGE_ID) is not None and body.tlv(Tag.MESSAGE_STATE) is not None
    )


def read(body: DeliverSm | DataSm, ids: Ids = Ids.SAME) -> Receipt | None:
    """The receipt in ``body``; None where it names no message. TLVs count before the text."""
    text = decode(part_of(body.esm_class, body.octets, body.tlvs)[1], body.data_coding, Alphabet.GSM_7)
    head = re.split(r"\btext\s*:", text, maxsplit=1, flags=re.IGNORECASE)[0]  # what follows is the phone's message
    named = (body.tlv(Tag.RECEIPTED_MESSAGE_ID) or b"").split(b"\0")[0].decode("latin-1") or _found(_ID, head)
    if not named:
        return None
    state = body.tlv(Tag.MESSAGE_STATE)
    word = _found(_STATE, head).upper()
    number = state[-1] if state else _BY_WORD.get(word[:7], 7)
    code = _found(_ERROR, head) or _network_code(body.tlv(Tag.NETWORK_ERROR_CODE))
    return Receipt(receipted_id(named, ids), "", _BY_NUMBER.get(number, "sent"), code.strip("0") and code)


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _network_code(value: bytes | None) -> str:
    """The last two of its three octets are the network's number (5.3.2.31)."""
    return str(int.from_bytes(value[1:3], "big")) if value and len(value) >= 3 else ""
