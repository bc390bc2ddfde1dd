"""What an ESME is told, as the deliver_sm that tell it: a receipt after appendix B of SMPP 3.4, or a phone's text. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any  # JSON that the core wrote

from heed.core.smpp_words import DELIVERED, WORDS
from heed.providers.smpp import texts
from heed.providers.smpp.pdu import DeliverSm, Tag
from heed.providers.smpp.texts import Alphabet, Headers

RECEIPT = 0x04  # of esm_class (5.2.12)
INTERNATIONAL, UNKNOWN, ALPHANUMERIC = (1, 1), (0, 1), (5, 0)  # type of number and numbering plan


def units(told: dict[str, Any], alphabet: Alphabet) -> list[DeliverSm]:
    """The units that say ``told``; several for a receipt of several parts, or a long text."""
    return _receipts(told) if "ids" in told else _text(told, alphabet)


def _receipts(told: dict[str, Any]) -> list[DeliverSm]:
    return [
        DeliverSm(
            **_addresses(told),
            esm_class=RECEIPT,
            short_message=_appendix_b(told, id_).encode("ascii", "replace"),
            tlvs=(
                (Tag.RECEIPTED_MESSAGE_ID, id_.encode() + b"\0"),
                (Tag.MESSAGE_STATE, bytes([told["state"]])),
            ),
        )
        for id_ in told["ids"]
    ]


def _appendix_b(told: dict[str, Any], id_: str) -> str:
    delivered = f"{told['state'] == DELIVERED:03d}"
    error = told["code"].zfill(3) if told["code"].isdigit() and len(told["code"]) <= 3 else "000"
    return (
        f"id:{id_} sub:001 dlvrd:{delivered} submit date:{_minute(told['submitted_at'])} "
        f"done date:{_minute(told['done_at'])} stat:{WORDS[told['state']]} err:{error} text:{told['text']}"
    )


def _minute(raw: str) -> str:
    return datetime.fromisoformat(raw).strftime("%y%m%d%H%M")


def _text(told: dict[str, Any], alphabet: Alphabet) -> list[DeliverSm]:
    pieces = texts.pieces(told["text"], alphabet, Headers.UDH, told["reference"])
    return [
        DeliverSm(
            **_addresses(told),
            esm_class=piece.esm_class,
            data_coding=piece.data_coding,
            short_message=piece.octets,
            tlvs=piece.tlvs,
        )
        for piece in pieces
    ]


def _addresses(told: dict[str, Any]) -> dict[str, Any]:
    source, destination = _address(told["from"]), _address(told["to"])
    names = ("source_ton", "source_npi", "source", "destination_ton", "destination_npi", "destination")
    return dict(zip(names, (*source, *destination), strict=True))


def _address(shown: str) -> tuple[int, int, str]:
    if shown.startswith("+"):
        return *INTERNATIONAL, shown[1:21]
    return *(UNKNOWN if shown.isdigit() else ALPHANUMERIC), shown.encode("latin-1", "replace").decode("latin-1")[:20]
