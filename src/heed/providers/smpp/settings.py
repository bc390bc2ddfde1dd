"""What an SMPP connection is asked for, and how it reads: the habits of one carrier's SMSC."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from heed.providers.base import Field, Misconfigured
from heed.providers.smpp import pdu
from heed.providers.smpp.receipts import Ids
from heed.providers.smpp.session import ROLES, Address
from heed.providers.smpp.texts import Alphabet, Headers

AUTO = "auto"
PAIR = "transmitter+receiver"
YES_OR_NO = ("yes", "no")
MOST_BINDS, WIDEST_WINDOW = 50, 2000

FIELDS = (
    Field("host", "Host"),
    Field("port", "Port", default="2775"),
    Field("system_id", "System id", help="who we are at the carrier"),
    Field("password", "Password", is_secret=True, is_required=False),
    Field("system_type", "System type", is_required=False, help="only if the carrier names one"),
    Field(
        "bind",
        "Bind",
        default="transceiver",
        choices=("transceiver", PAIR),
        help="one for both directions, or one each",
    ),
    Field("binds", "Binds", default="1", help="how many at a time; the carrier says how many it allows"),
    Field("window", "Window", default="10", help="messages that may wait for their answer on each bind"),
    Field("rate", "Messages a second", is_required=False, help="what the carrier allows; empty: as fast as it answers"),
    Field("tls", "TLS", default="no", choices=YES_OR_NO, help="with a certificate that is verified"),
    Field("ca_file", "File of the carrier's own CA", is_required=False, help="if its certificate is no public one"),
    Field("enquire_link_s", "Seconds of silence before enquire_link", default="30"),
    Field("response_s", "Seconds to wait for an answer", default="10"),
    Field(
        "alphabet",
        "Alphabet of data_coding 0",
        default=Alphabet.GSM_7,
        choices=tuple(Alphabet),
        help="what the carrier takes it for",
    ),
    Field(
        "headers", "Parts of long texts", default=Headers.UDH, choices=tuple(Headers), help="how they are tied together"
    ),
    Field("receipts", "Ask for receipts", default="yes", choices=YES_OR_NO),
    Field(
        "receipt_ids",
        "Ids in receipts",
        default=Ids.SAME,
        choices=tuple(Ids),
        help="whether they are written as in submit_sm_resp",
    ),
    Field("source_ton_npi", "TON and NPI of senders", default=AUTO, help="auto, or two numbers as in 5/0"),
    Field("destination_ton_npi", "TON and NPI of recipients", default="1/1"),
    Field("service_type", "Service type", is_required=False),
    Field("address_range", "Address range", is_required=False, help="the numbers whose texts this bind is to receive"),
    Field(
        "opted_out_codes",
        "Codes that say “opted out”",
        is_required=False,
        help="statuses as in 0x00000400 and error codes of receipts, separated by spaces",
    ),
)


@dataclass(frozen=True, slots=True)
class Habits:
    """One carrier's, as set. ``source`` is None where TON and NPI follow from each sender."""

    address: Address
    roles: tuple[str, ...]
    rate: float
    alphabet: Alphabet
    headers: Headers
    ids: Ids
    source: tuple[int, int] | None
    destination: tuple[int, int]
    service_type: str
    wants_receipts: bool
    opted_out: frozenset[str]


def read(values: Mapping[str, str]) -> Habits:
    """The habits that ``values`` describe. Raises Misconfigured."""
    pair = ("transmitter", "receiver") if values["bind"] == PAIR else ("transceiver",)
    return Habits(
        address=_address(values),
        roles=pair * int(_number(values, "binds", 1, MOST_BINDS)),
        rate=_number(values, "rate", 0, 100_000) if values["rate"] else 0,
        alphabet=Alphabet(values["alphabet"]),
        headers=Headers(values["headers"]),
        ids=Ids(values["receipt_ids"]),
        source=None if values["source_ton_npi"] == AUTO else _ton_npi(values, "source_ton_npi"),
        destination=_ton_npi(values, "destination_ton_npi"),
        service_type=_fitting(pdu.SubmitSm, "service_type", values["service_type"]),
        wants_receipts=values["receipts"] == "yes",
        opted_out=frozenset(code.lower() for code in values["opted_out_codes"].split()),
    )


def _address(values: Mapping[str, str]) -> Address:
    names = ("system_id", "password", "system_type", "address_range")
    ca_file = values["ca_file"]
    if ca_file and not Path(ca_file).is_file():
        raise Misconfigured(f"There is no file {ca_file}.")
    return Address(
        values["host"],
        int(_number(values, "port", 1, 65535)),
        **{name: _fitting(ROLES["transceiver"], name, values[name]) for name in names},
        tls=values["tls"] == "yes",
        ca_file=ca_file,
        window=int(_number(values, "window", 1, WIDEST_WINDOW)),
        response_within_s=_number(values, "response_s", 1, 300),
        enquire_every_s=_number(values, "enquire_link_s", 1, 3600),
    )


def _number(values: Mapping[str, str], name: str, least: float, most: float) -> float:
    try:
        found = float(values[name])
    except ValueError:
        found = -1.0
    if not least <= found <= most:
        raise Misconfigured(f"{_label(name)}: give a number from {least:g} to {most:g}.")
    return found


def _ton_npi(values: Mapping[str, str], name: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,3})\s*[/,]\s*(\d{1,3})", values[name].strip())
    if found is None or max(pair := (int(found[1]), int(found[2]))) > 255:
        raise Misconfigured(f"{_label(name)}: give two numbers as in 1/1.")
    return pair


def _fitting(body: Callable[..., pdu.Body], name: str, value: str) -> str:
    """``value`` if it fits into its field of the protocol."""
    try:
        pdu.encode(body(**{name: value}), 1)
    except ValueError:
        raise Misconfigured(f"{_label(name)}: SMPP has no room for this value.") from None
    return value


def _label(name: str) -> str:
    return next(field.label for field in FIELDS if field.name == name)
