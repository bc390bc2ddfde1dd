"""A part of a text as a submit_sm, and what the carrier's answer to it means."""

from __future__ import annotations

from heed.providers.base import (
    HandOffError,
    MaybeSent,
    Misconfigured,
    Postponed,
    RecipientOptedOut,
    Refused,
    Throttled,
    Unreachable,
)
from heed.providers.smpp.pdu import GenericNack, MessageResp, Pdu, SubmitSm
from heed.providers.smpp.receipts import accepted_id
from heed.providers.smpp.settings import Habits
from heed.providers.smpp.status import Status, shown
from heed.providers.smpp.texts import coding_of, piece
from heed.rules.values import HandedOff, Outgoing, Part

THROTTLED_FOR_S = 1.0
TOO_FAST = {Status.THROTTLED, Status.MESSAGE_QUEUE_FULL}
LATER = {Status.SYSTEM_ERROR, Status.TEMPORARY_APPLICATION_ERROR}
OURS = {Status.INVALID_SERVICE_TYPE}  # our set-up, not this message
INTERNATIONAL, SHORT_CODE, NAME = (1, 1), (3, 0), (5, 0)  # TON and NPI (SMPP 3.4, 5.2.5 and 5.2.6)


def submit_sm(outgoing: Outgoing, habits: Habits) -> SubmitSm:
    coding = coding_of(outgoing.whole or outgoing.text, habits.alphabet)
    part = Part(outgoing.serial, outgoing.count, outgoing.number)
    made = piece(outgoing.text, coding, habits.alphabet, habits.headers, part)
    source_ton, source_npi = habits.source or _ton_npi(outgoing.sender)
    destination_ton, destination_npi = habits.destination
    return SubmitSm(
        service_type=habits.service_type,
        source_ton=source_ton,
        source_npi=source_npi,
        source=outgoing.sender.removeprefix("+"),
        destination_ton=destination_ton,
        destination_npi=destination_npi,
        destination=outgoing.to.removeprefix("+"),
        esm_class=made.esm_class,
        registered_delivery=int(habits.wants_receipts),
        data_coding=made.data_coding,
        short_message=made.octets,
        tlvs=made.tlvs,
    )


def _ton_npi(sender: str) -> tuple[int, int]:
    """Of a sender as most carriers want it."""
    if sender.startswith("+"):
        return INTERNATIONAL
    return SHORT_CODE if sender.isdigit() else NAME


def handed_off(answer: Pdu, habits: Habits) -> HandedOff:
    """What the carrier said. Raises one of the HandOffErrors."""
    if answer.status != Status.OK or isinstance(answer.body, GenericNack):
        raise _error(answer, habits)
    if not isinstance(answer.body, MessageResp):
        raise MaybeSent("The carrier answers another question.")
    return HandedOff(accepted_id(answer.body.message_id, habits.ids))


def _error(answer: Pdu, habits: Habits) -> HandOffError:
    status = answer.status
    words = f"The carrier answers {shown(status)}."
    if isinstance(answer.body, GenericNack):
        words = f"The carrier could not read it: generic_nack {shown(status)}."
    if f"0x{status:08x}" in habits.opted_out or f"0x{status:x}" in habits.opted_out or str(status) in habits.opted_out:
        return RecipientOptedOut(words)
    if status in TOO_FAST:
        return Throttled(THROTTLED_FOR_S, words)
    if status in LATER:
        return Postponed(words)
    if status == Status.INCORRECT_BIND_STATUS:  # it forgot our bind
        return Unreachable(words)
    return Misconfigured(words) if status in OURS else Refused(f"0x{status:08X}", words)
