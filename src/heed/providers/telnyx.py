"""Telnyx: https://developers.telnyx.com/docs/messaging."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from heed.providers.base import (
    Arrived,
    BadHook,
    BadSignature,
    Field,
    HookRequest,
    MaybeSent,
    Misconfigured,
    RecipientOptedOut,
    Refused,
    Throttled,
)
from heed.providers.http import Answer, HttpProvider, is_http, moment, refuse_old, words_in
from heed.rules.values import CarrierOptOut, HandedOff, InboundText, InventoryNumber, Outgoing, Receipt

# https://developers.telnyx.com/docs/messaging/messages/error-codes
OPTED_OUT = "40300"
CODES = {
    "10009": Misconfigured,  # the key
    "10010": Refused,  # 403: not allowed, which may be about this number alone
    "10011": Throttled,
    "20002": Misconfigured,  # the key is revoked
    "20012": Misconfigured,  # the account is inactive, blocked, out of credit
    "20013": Misconfigured,
    "20014": Misconfigured,
    "20016": Misconfigured,
    "20100": Misconfigured,
    "40011": Throttled,
    "40018": Throttled,  # a sender's minute is full
    OPTED_OUT: RecipientOptedOut,  # "blocked due to STOP message"
    "40312": Misconfigured,  # the messaging profile is disabled
    "40314": Misconfigured,  # messaging is disabled on the account
    "40318": Throttled,  # the queue is full
    "40320": Throttled,  # the number's purchase is not finished
}
STATES = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "expired": "undelivered",
    "sending_failed": "undelivered",
    "delivery_failed": "undelivered",
}  # queued and sending say no more than the answer did; delivery_unconfirmed, that nobody knows
SIGNED_WITHIN_S = 300  # as Telnyx's own library has it
OPT_OUTS_A_PAGE, MOST_PAGES = 250, 400
COUNTRIES = tuple(
    """AT AU BE BG BR CA CH CY CZ DE DK EE ES FI FR GB GR HK HR HU IE IL IT LT LU LV MX NL NO NZ PL PR PT RO SE SG SI SK
    US ZA""".split()
)


class Telnyx(HttpProvider):
    kind = "telnyx"
    title = "Telnyx"
    fields = (
        Field("api_key", "API key", is_secret=True, help="KEY…, under API keys in Telnyx's portal."),
        Field(
            "public_key", "Public key", help="Under Keys & Credentials; it proves that a call to the hook is Telnyx's."
        ),
        Field(
            "messaging_profile",
            "Messaging profile ID",
            is_required=False,
            help="Numbers bought here belong to it, and its webhook URL leads here. Names as senders need it too.",
        ),
        Field("api", "API address", default="https://api.telnyx.com"),
    )
    answers = frozenset({"stop", "start", "help"})
    codes = CODES

    def check(self) -> None:
        if not is_http(self.settings["api"]):
            raise Misconfigured("The API address begins with https://.")
        if _key(self.settings["public_key"]) is None:
            raise Misconfigured("Telnyx's public key is 44 characters of Base64.")

    # Sending

    def authentication(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.settings['api_key']}"}

    def problem(self, answer: Answer) -> tuple[str, str]:
        words = ": ".join(filter(None, (words_in(answer.json, "errors", 0, name) for name in ("title", "detail"))))
        return words_in(answer.json, "errors", 0, "code"), words

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        text = {"from": part.sender, "to": part.to, "text": part.text, "type": "SMS"}
        if not part.sender.lstrip("+").isdigit():
            text["messaging_profile_id"] = self.settings["messaging_profile"]
        if self.has_public_hook:
            text["webhook_url"] = f"{self.hook_url}?{urlencode({'reference': part.reference})}"
        made = await self.ask(
            "POST", self._url("messages"), json=text, headers={"Idempotency-Key": part.reference}, before=before
        )
        if not (id_ := words_in(made, "data", "id")):
            raise MaybeSent("Telnyx's answer has no message ID.")
        return HandedOff(id_)

    def _url(self, path: str) -> str:
        return f"{self.settings['api'].rstrip('/')}/v2/{path}"

    # The hook

    def verify(self, request: HookRequest) -> None:
        stamp = request.headers.get("Telnyx-Timestamp", "")
        key = _key(self.settings["public_key"])
        try:
            signature = base64.b64decode(request.headers.get("Telnyx-Signature-Ed25519", ""), validate=True)
            if key is None:
                raise BadSignature
            key.verify(signature, stamp.encode() + b"|" + request.body)
        except (ValueError, InvalidSignature) as error:
            raise BadSignature from error
        refuse_old(stamp, SIGNED_WITHIN_S)

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        said = words_in(request.json, "data", "event_type")
        if not said:
            raise BadHook("This is no event of Telnyx's API version 2.")
        payload = request.json["data"].get("payload")
        match said:
            case "message.received":
                return _texts(payload)
            case "message.sent" | "message.finalized":
                return _receipts(payload, request.arguments.get("reference", ""))
        return []

    # What a person waits for

    async def account(self) -> str:
        found = await self.ask("GET", self._url("balance"))
        return f"Balance: {words_in(found, 'data', 'balance')} {words_in(found, 'data', 'currency')}"

    def countries(self) -> Sequence[str]:
        """Those where Telnyx sells numbers."""
        return COUNTRIES

    async def inventory(self, country: str = "", digits: str = "", limit: int = 50) -> Sequence[InventoryNumber]:
        country = country or "US"
        query = {
            "filter[country_code]": country,
            "filter[features]": "sms",
            "filter[limit]": str(limit),
            "filter[best_effort]": "false",
        }
        if digits:
            query["filter[phone_number][contains]"] = digits
        found = await self.ask("GET", self._url("available_phone_numbers"), query=query)
        return [InventoryNumber(words_in(row, "phone_number"), country) for row in _rows(found)][:limit]

    async def buy(self, phone_number: str) -> None:
        """A number has no hook of its own: its texts go to that of its messaging profile."""
        order = {"phone_numbers": [{"phone_number": phone_number}], "messaging_profile_id": self._profile()}
        await self.ask("POST", self._url("number_orders"), json=order)

    async def adopt(self, phone_number: str) -> None:
        url = self._url(f"phone_numbers/{await self._number(phone_number)}/messaging")
        await self.ask("PATCH", url, json={"messaging_profile_id": self._profile()})

    async def release(self, phone_number: str) -> None:
        await self.ask("DELETE", self._url(f"phone_numbers/{await self._number(phone_number)}"))

    def _profile(self) -> str:
        if not (profile := self.settings["messaging_profile"]):
            raise Refused("no_profile", "Name the messaging profile in the connection's settings first.")
        return profile

    async def _number(self, phone_number: str) -> str:
        found = await self.ask("GET", self._url("phone_numbers"), query={"filter[phone_number]": phone_number})
        for row in _rows(found):
            if words_in(row, "phone_number") == phone_number:
                return words_in(row, "id")
        raise Refused("not_ours", "This number is not in the Telnyx account.")

    async def opt_outs(self) -> Sequence[CarrierOptOut]:
        """Telnyx keeps them for a whole profile; the number that got the STOP is the one that is said here."""
        found: list[CarrierOptOut] = []
        query = {"page[size]": str(OPT_OUTS_A_PAGE), "redaction_enabled": "false"}
        if profile := self.settings["messaging_profile"]:
            query["filter[messaging_profile_id]"] = profile
        for page in range(1, MOST_PAGES + 1):
            answer = await self.ask("GET", self._url("messaging_optouts"), query=query | {"page[number]": str(page)})
            found += [CarrierOptOut(words_in(row, "to"), words_in(row, "from")) for row in _rows(answer)]
            if words_in(answer, "meta", "total_pages") in ("", "0", str(page)):
                break
        return found


def _key(raw: str) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(raw, validate=True))
    except ValueError:
        return None


def _rows(found: Mapping[str, Any]) -> list[Any]:
    rows = found.get("data")
    return rows if isinstance(rows, list) else []


def _texts(payload: Any) -> Sequence[InboundText]:
    """One text; a group message names several whom it came to, ours and others'."""
    id_, sender = words_in(payload, "id"), words_in(payload, "from", "phone_number")
    read = words_in(payload, "autoresponse_type").lower()
    return [
        InboundText(
            id_,
            sender,
            words_in(payload, "to", 0, "phone_number"),
            words_in(payload, "text"),
            moment(words_in(payload, "received_at")),
            read if read in ("stop", "start", "help") else "",
        )
    ]


def _receipts(payload: Any, reference: str) -> Sequence[Receipt]:
    if (state := STATES.get(words_in(payload, "to", 0, "status"))) is None:
        return []
    if state != "undelivered":
        return [Receipt(words_in(payload, "id"), reference, state)]
    code, title, detail = (words_in(payload, "errors", 0, name) for name in ("code", "title", "detail"))
    # In a receipt 40300 also stands for a destination that can't be reached: only the words tell.
    is_out = code == OPTED_OUT and "STOP" in f"{title} {detail}"
    return [Receipt(words_in(payload, "id"), reference, state, code, detail or title, opted_out=is_out)]
