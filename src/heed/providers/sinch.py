"""Sinch: https://developers.sinch.com/docs/sms/api-reference."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from heed.providers.base import (
    Arrived,
    BadHook,
    BadSignature,
    Field,
    HookRequest,
    MaybeSent,
    Misconfigured,
    NotOffered,
)
from heed.providers.http import Answer, HttpProvider, basic, is_http, moment, refuse_old, same, words_in
from heed.rules.values import HandedOff, InboundText, InventoryNumber, Outgoing, Receipt

STATES = {
    "dispatched": "sent",
    "delivered": "delivered",
    "aborted": "undelivered",
    "cancelled": "undelivered",
    "deleted": "undelivered",
    "expired": "undelivered",
    "failed": "undelivered",
    "rejected": "undelivered",
}  # queued says no more than the answer to the hand-off did; unknown, that nobody knows
OPTED_OUT = "257"
# https://developers.sinch.com/docs/sms/api-reference/sms/tag/Delivery-reports/ and those of toll-free numbers
WORDS = {
    "15": "A carrier took it for unwanted.",
    "60": "The sender's campaign is not active.",
    "62": "Sinch took it for unwanted.",
    "64": "The sender's quota is used up, or it is not verified.",
    OPTED_OUT: "The recipient has sent STOP to this number.",
    "402": "There is no route to this number.",
    "403": "Sinch failed.",
    "404": "A network failed.",
    "406": "It took too long.",
    "408": "Sinch's message centre rejected it.",
    "411": "It has too many parts.",
    "412": "The country is not enabled.",
    "413": "The account is blocked, perhaps without credit.",
}
# Sinch repeats a call for 23 hours, perhaps with its first signature, and a STOP must not be lost for that. The ids of
# texts are kept longer, so that a call repeated by somebody else adds nothing.
SIGNED_WITHIN_S = 25 * 3600
COUNTRIES = tuple("AT AU BE BR CA CH CZ DE DK EE ES FI FR GB HK HU IE IL IT LT LV NL NO PL PT SE SG US ZA".split())
NUMBER_KINDS = ("MOBILE", "LOCAL", "TOLL_FREE")


class Sinch(HttpProvider):
    kind = "sinch"
    title = "Sinch"
    fields = (
        Field("service_plan", "Service plan ID", help="Under SMS, APIs in Sinch's dashboard."),
        Field("api_token", "API token", is_secret=True, help="The service plan's."),
        Field(
            "hook_secret",
            "Callback secret",
            is_secret=True,
            help="What the service plan signs its calls with (HMAC); it proves that a call to the hook is Sinch's.",
        ),
        Field("region", "Region", default="eu", choices=("us", "eu", "au", "br", "ca"), help="The service plan's."),
        Field("project", "Project ID", is_required=False, help="For numbers; with a key of its own."),
        Field("key_id", "Access key ID", is_required=False),
        Field("key_secret", "Access key secret", is_secret=True, is_required=False),
        Field("api", "API address", is_required=False, help="Instead of the region's."),
        Field("numbers_api", "Address of the numbers API", default="https://numbers.api.sinch.com"),
    )

    def check(self) -> None:
        for address in (self._api(), self.settings["numbers_api"]):
            if not is_http(address):
                raise Misconfigured("The API addresses begin with https://.")
        if len({bool(self.settings[name]) for name in ("project", "key_id", "key_secret")}) > 1:
            raise Misconfigured("A project ID, an access key ID and its secret go together.")

    def _api(self) -> str:
        return self.settings["api"].rstrip("/") or f"https://{self.settings['region']}.sms.api.sinch.com"

    # Sending

    def authentication(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.settings['api_token']}"}

    def problem(self, answer: Answer) -> tuple[str, str]:
        told = answer.json
        if words := words_in(told, "error", "message"):  # the numbers API
            return words_in(told, "error", "status"), words
        return words_in(told, "code"), words_in(told, "text")

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        text = {
            "type": "mt_text",
            "from": part.sender,
            "to": [part.to],
            "body": part.text,
            "delivery_report": "none",
            "client_reference": part.reference,
        }
        if self.has_public_hook:
            text |= {"delivery_report": "per_recipient_final", "callback_url": self.hook_url}
        made = await self.ask("POST", self._url("batches"), json=text, before=before)
        if not (id_ := words_in(made, "id")):
            raise MaybeSent("Sinch's answer has no batch ID.")
        return HandedOff(id_)

    def _url(self, path: str) -> str:
        return f"{self._api()}/xms/v1/{quote(self.settings['service_plan'], safe='')}/{path}"

    # The hook

    def verify(self, request: HookRequest) -> None:
        given, nonce, stamp = (
            request.headers.get(f"x-sinch-webhook-signature{part}", "") for part in ("", "-nonce", "-timestamp")
        )
        if not (nonce and stamp and same(given, signature(self.settings["hook_secret"], request.body, nonce, stamp))):
            raise BadSignature
        refuse_old(stamp, SIGNED_WITHIN_S)

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        said = request.json
        match words_in(said, "type"):
            case "mo_text":
                return [_text(said, words_in(said, "body"))]
            case "mo_media":
                return [_text(said, words_in(said, "body", "message"))]
            case "recipient_delivery_report_sms" | "recipient_delivery_report_mms":
                return _receipt(said, words_in(said, "status"), words_in(said, "code"))
            case "delivery_report_sms" | "delivery_report_mms":  # of a batch; ours have one recipient
                status = ("statuses", 0, "status")
                return _receipt(said, words_in(said, *status), words_in(said, "statuses", 0, "code"))
            case "":
                raise BadHook("This is neither a text nor a receipt.")
        return []

    # What a person waits for

    async def account(self) -> str:
        await self.ask("GET", self._url("batches"), query={"page_size": "1"})
        return ""

    def countries(self) -> Sequence[str]:
        """Those where Sinch rents numbers that take texts."""
        return COUNTRIES

    async def inventory(self, country: str = "", digits: str = "", limit: int = 50) -> Sequence[InventoryNumber]:
        found: list[InventoryNumber] = []
        for kind in NUMBER_KINDS:
            found += await self._for_rent(country or "US", kind, digits, limit - len(found))
            if len(found) >= limit:
                break
        return found

    async def _for_rent(self, country: str, kind: str, digits: str, limit: int) -> list[InventoryNumber]:
        query = {"regionCode": country, "type": kind, "capabilities": "SMS", "size": str(limit)}
        if digits:
            query |= {"numberPattern.pattern": digits, "numberPattern.searchPattern": "CONTAINS"}
        answer = await self._of_numbers("GET", "availableNumbers", query=query, may_be_missing=True)
        rows = answer.get("availableNumbers") or []
        return [InventoryNumber(words_in(row, "phoneNumber"), words_in(row, "regionCode")) for row in rows][:limit]

    async def buy(self, phone_number: str) -> None:
        """A number has no hook of its own: its texts go to that of its service plan."""
        await self._of_numbers("POST", f"availableNumbers/{phone_number}:rent", json=self._plan())

    async def adopt(self, phone_number: str) -> None:
        await self._of_numbers("PATCH", f"activeNumbers/{phone_number}", json=self._plan())

    async def release(self, phone_number: str) -> None:
        await self._of_numbers("POST", f"activeNumbers/{phone_number}:release", json={})

    def _plan(self) -> dict[str, Any]:
        return {"smsConfiguration": {"servicePlanId": self.settings["service_plan"]}}

    async def _of_numbers(self, method: str, path: str, may_be_missing: bool = False, **what: Any) -> Mapping[str, Any]:
        if not self.settings["project"]:
            raise NotOffered
        url = f"{self.settings['numbers_api'].rstrip('/')}/v1/projects/{self.settings['project']}/{path}"
        headers = {"Authorization": basic(self.settings["key_id"], self.settings["key_secret"])}
        answer = await self.call(method, url, headers=headers, **what)
        if not answer.is_good and not (may_be_missing and answer.status == 404):
            raise self.failure(answer)
        return answer.object


def signature(secret: str, body: bytes, nonce: str, stamp: str) -> str:
    signed = body + f".{nonce}.{stamp}".encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def _text(said: Any, text: str) -> InboundText:
    received_at = moment(words_in(said, "received_at"))
    return InboundText(words_in(said, "id"), words_in(said, "from"), words_in(said, "to"), text, received_at)


def _receipt(said: Any, status: str, code: str) -> Sequence[Receipt]:
    if (state := STATES.get(status.casefold())) is None:
        return []
    id_, reference = words_in(said, "batch_id"), words_in(said, "client_reference")
    if state != "undelivered":
        return [Receipt(id_, reference, state)]
    return [Receipt(id_, reference, state, code, WORDS.get(code, ""), opted_out=code == OPTED_OUT)]
