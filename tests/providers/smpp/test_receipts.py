"""Receipts as carriers write them."""

from __future__ import annotations

import pytest

from heed.providers.smpp import receipts
from heed.providers.smpp.pdu import DataSm, DeliverSm, Tag
from heed.providers.smpp.receipts import Ids
from heed.rules.values import Receipt

APPENDIX_B = "id:0123456789 sub:001 dlvrd:001 submit date:2611241200 done date:2611241201 stat:{} err:{} text:STOP"


@pytest.mark.parametrize(
    ("text", "id_", "state", "code"),
    [
        (APPENDIX_B.format("DELIVRD", "000"), "0123456789", "delivered", ""),
        (APPENDIX_B.format("EXPIRED", "027"), "0123456789", "undelivered", "027"),
        (APPENDIX_B.format("UNDELIV", "1"), "0123456789", "undelivered", "1"),
        (APPENDIX_B.format("DELETED", ""), "0123456789", "undelivered", ""),
        (APPENDIX_B.format("REJECTD", "00A"), "0123456789", "undelivered", "00A"),
        (APPENDIX_B.format("ACCEPTD", "0"), "0123456789", "sent", ""),
        (APPENDIX_B.format("ENROUTE", "000"), "0123456789", "sent", ""),
        (APPENDIX_B.format("UNKNOWN", "000"), "0123456789", "sent", ""),
        (APPENDIX_B.format("BLURB", "000"), "0123456789", "sent", ""),
        ("id:7f-3.a stat:DELIVERED", "7f-3.a", "delivered", ""),
        ("ID: 12 SUB: 001 DLVRD: 000 STAT: Undelivered ERR: 5", "12", "undelivered", "5"),
        ("id:9 sub:1 dlvrd:1 submit date:20261124120000 done date:20261124 stat:DELIVRD err:000", "9", "delivered", ""),
        ("id:9 stat:UNDELIV err:12 Text:id:44 stat:DELIVRD err:0", "9", "undelivered", "12"),
    ],
)
def test_texts_after_appendix_b(text, id_, state, code):
    body = DeliverSm(esm_class=4, short_message=text.encode())
    assert receipts.is_receipt(body)
    assert receipts.read(body) == Receipt(id_, "", state, code)


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (1, "sent"),
        (2, "delivered"),
        (3, "undelivered"),
        (5, "undelivered"),
        (6, "sent"),
        (7, "sent"),
        (8, "undelivered"),
        (99, "sent"),
    ],
)
def test_optional_parameters_count_before_the_text(number, state):
    tlvs = (
        (Tag.RECEIPTED_MESSAGE_ID, b"77\0"),
        (Tag.MESSAGE_STATE, bytes([number])),
        (Tag.NETWORK_ERROR_CODE, b"\3\0\x1b"),
    )
    for body in (
        DeliverSm(short_message=b"id:1 stat:ACCEPTD", tlvs=tlvs),
        DataSm(esm_class=4, tlvs=tlvs),
    ):
        assert receipts.is_receipt(body)
        assert receipts.read(body) == Receipt("77", "", state, "27")


@pytest.mark.parametrize("text", ["", "hello", "id: sub:001 stat:DELIVRD", "stat:DELIVRD err:000"])
def test_a_receipt_of_nothing_is_none(text):
    assert receipts.read(DeliverSm(esm_class=4, short_message=text.encode())) is None


def test_a_text_from_a_phone_is_no_receipt():
    assert not receipts.is_receipt(DeliverSm(short_message=APPENDIX_B.format("DELIVRD", "000").encode()))
    assert not receipts.is_receipt(DeliverSm(esm_class=0x40, short_message=b"STOP"))


@pytest.mark.parametrize(
    ("ids", "accepted", "receipted"),
    [
        (Ids.SAME, "00aF", "00aF"),
        (Ids.HEX_THEN_DECIMAL, "0000AF", "175"),
        (Ids.DECIMAL_THEN_HEX, "175", "00af"),
        (Ids.DECIMAL, "0000000175", "175"),
        (Ids.HEX, "af", "00AF"),
        (Ids.HEX, "no number", "no number"),
    ],
)
def test_ids_in_other_digits_are_the_same(ids, accepted, receipted):
    assert receipts.accepted_id(accepted, ids) == receipts.receipted_id(receipted, ids)


def test_a_receipt_in_ucs_2_is_read():
    text = APPENDIX_B.format("DELIVRD", "000").encode("utf-16-be")
    assert receipts.read(DeliverSm(esm_class=4, data_coding=8, short_message=text)) == Receipt(
        "0123456789", "", "delivered", ""
    )
