"""Vonage: https://developer.vonage.com/en/api/messages. Its older SMS API still brings inbound texts of many numbers."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from heed.providers import tokens
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
from heed.providers.http import Answer, HttpProvider, basic, fields_of, is_http, moment, refuse_old, same, words_in
from heed.rules import numbers
from heed.rules.values import HandedOff, InboundText, InventoryNumber, Outgoing, Part, Receipt

# The Messages API's; an answer has them behind the # of its "type", a status also as its "title".
CODES = {
    "1000": Throttled,
    "1060": Misconfigured,  # the account is barred
    "1070": Misconfigured,  # its credit is used up
    "1080": Misconfigured,
    "1110": Misconfigured,
    "1240": RecipientOptedOut,  # "illegal number": a STOP that Vonage keeps
    "1241": Throttled,
    "low-balance": Misconfigured,
    "account-suspended": Misconfigured,
    "unprovisioned": Misconfigured,
}
OPTED_OUT = ("1240", "9")  # the latter in the SMS API's receipts
STATES = {
    # the Messages API
    "submitted": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "rejected": "undelivered",
    "undeliverable": "undelivered",
    # the SMS API
    "accepted": "sent",
    "buffered": "sent",
    "expired": "undelivered",
    "failed": "undelivered",
    "deleted": "undelivered",
}
# https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts
WORDS = {
    "2": "The phone could not be reached.",
    "3": "The number is no longer in use.",
    "4": "The recipient has barred texts.",
    "5": "Its carrier could not be found.",
    "6": "A carrier took it for unwanted.",
    "7": "The phone was busy.",
    "8": "A network failed.",
    "9": "The recipient has opted out at Vonage.",
    "11": "There is no route to this number.",
    "12": "There is no route to this number.",
    "13": "The recipient is too young for it.",
    "14": "The recipient's carrier blocked it.",
    "15": "The recipient has no credit.",
    "39": "The United States take no such sender.",
}
# Vonage repeats a call for 24 hours, perhaps with its first signature, and a STOP must not be lost for that. The ids of
# texts are kept longer, so that a call repeated by somebody else adds nothing.
SIGNED_WITHIN_S = 25 * 3600
TOKEN_LASTS_S = 15 * 60
COUNTRIES = tuple(
    """AR AT AU BE BG BR CA CH CL CY CZ DE DK EE ES FI FR GB GR HK HR HU ID IE IL IN IT JP KR LT LU LV MX MY NL NO NZ PL
    PR PT RO SE SG SI SK TH TW UA US ZA""".split()
)
HASHES = {
    "hmac-md5": hashlib.md5,
    "hmac-sha1": hashlib.sha1,
    "hmac-sha256": hashlib.sha256,
    "hmac-sha512": hashlib.sha512,
}


class Vonage(HttpProvider):
    kind = "vonage"
    title = "Vonage"
    fields = (
        Field("api_key", "API key", help="Eight characters, under API settings in Vonage's dashboard."),
        Field("api_secret", "API secret", is_secret=True),
        Field(
            "signature_secret",
            "Signature secret",
            is_secret=True,
            help="Under API settings; it proves that a call to the hook is Vonage's.",
        ),
        Field(
            "signature_method",
            "Signature method of the SMS API",
            default="md5",
            choices=("md5", *HASHES),
            help="As in API settings. The Messages API has only one.",
        ),
        Field(
            "application_id",
            "Application ID",
            is_required=False,
            help="Of an application with the capability Messages. Without one, texts are sent under the key.",
        ),
        Field(
            "private_key",
            "The application's private key",
            is_secret=True,
            is_required=False,
            help="As it was downloaded.",
        ),
        Field("api", "API address", default="https://api.nexmo.com", help="A region's: https://api-eu.vonage.com"),
        Field("rest", "Address of the numbers API", default="https://rest.nexmo.com"),
    )
    hook_methods = ("POST", "GET")
    codes = CODES

    def __init__(self, settings: Mapping[str, str] | None = None, hook_url: str = "") -> None:
        super().__init__(settings, hook_url)
        self._token, self._token_until = "", 0.0

    def check(self) -> None:
        for name in ("api", "rest"):
            if not is_http(self.settings[name]):
                raise Misconfigured("The API addresses begin with https://.")
        if bool(self.settings["application_id"]) != bool(self.settings["private_key"]):
            raise Misconfigured("An application ID and its private key go together.")
        if self.settings["private_key"]:
            try:
                tokens.private_key(self.settings["private_key"])
            except tokens.NoKey as error:
                raise Misconfigured(str(error)) from error

    # Sending

    def authentication(self) -> Mapping[str, str]:
        return {"Authorization": basic(self.settings["api_key"], self.settings["api_secret"])}

    def _as_application(self) -> Mapping[str, str]:
        """Receipts go to an application's hooks only for what was sent in its name."""
        if not self.settings["application_id"]:
            return {}
        now = time.time()
        if now > self._token_until:
            said = {"application_id": self.settings["application_id"], "iat": int(now), "jti": str(uuid4())}
            key = tokens.private_key(self.settings["private_key"])
            self._token = tokens.signed(said | {"exp": int(now) + TOKEN_LASTS_S}, key)
            self._token_until = now + TOKEN_LASTS_S / 2
        return {"Authorization": f"Bearer {self._token}"}

    def problem(self, answer: Answer) -> tuple[str, str]:
        told = answer.object
        if "error-code" in told:  # the numbers API
            return words_in(told, "error-code"), words_in(told, "error-code-label")
        words = ": ".join(filter(None, (words_in(told, "title"), words_in(told, "detail"))))
        return words_in(told, "type").rpartition("#")[2], words

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        text = {
            "message_type": "text",
            "channel": "sms",
            "to": part.to.removeprefix("+"),
            "from": part.sender.removeprefix("+"),
            "text": part.text,
            "client_ref": part.reference,
        }
        if self.has_public_hook:
            text |= {"webhook_url": self.hook_url, "webhook_version": "v1"}
        url = self._url("api", "v1/messages")
        made = await self.ask("POST", url, json=text, headers=self._as_application(), before=before)
        if not (id_ := words_in(made, "message_uuid")):
            raise MaybeSent("Vonage's answer has no message ID.")
        return HandedOff(id_)

    def _url(self, host: str, path: str) -> str:
        return f"{self.settings[host].rstrip('/')}/{path}"

    # The hook

    def verify(self, request: HookRequest) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer":
            self._verify_token(token, request.body)
        else:
            self._verify_sig(fields_of(request))

    def _verify_token(self, token: str, body: bytes) -> None:
        said = tokens.claims(token, self.settings["signature_secret"])
        if not same(str(said.get("payload_hash", "")), hashlib.sha256(body).hexdigest()):
            raise BadSignature
        refuse_old(said.get("iat"), SIGNED_WITHIN_S)

    def _verify_sig(self, fields: Mapping[str, Any]) -> None:
        if not same(words_in(fields, "sig").lower(), sig(fields, *self._sig_keys())):
            raise BadSignature
        refuse_old(fields.get("timestamp"), SIGNED_WITHIN_S)

    def _sig_keys(self) -> tuple[str, str]:
        return self.settings["signature_secret"], self.settings["signature_method"]

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        fields = fields_of(request)
        if isinstance(fields.get("from"), dict):
            raise BadHook("Choose version v1 of the webhooks in the application's settings.")
        if "message_uuid" in fields:
            return _of_messages_api(fields)
        return _of_sms_api(fields)

    # What a person waits for

    async def account(self) -> str:
        found = await self.ask("GET", self._url("rest", "account/get-balance"))
        return f"Balance: {words_in(found, 'value')} EUR"

    def countries(self) -> Sequence[str]:
        return COUNTRIES

    async def inventory(self, country: str = "", digits: str = "", limit: int = 50) -> Sequence[InventoryNumber]:
        query = {"country": country or "US", "features": "SMS", "size": str(min(limit, 100))}
        if digits:
            query |= {"pattern": digits, "search_pattern": "1"}
        found = await self.ask("GET", self._url("rest", "number/search"), query=query)
        rows = found.get("numbers") or []
        return [InventoryNumber(f"+{words_in(row, 'msisdn')}", words_in(row, "country")) for row in rows][:limit]

    async def buy(self, phone_number: str) -> None:
        await self._change("buy", phone_number)
        await self.adopt(phone_number)

    async def adopt(self, phone_number: str) -> None:
        """A number of an application brings its texts to the application's hook, any other to its own."""
        if application := self.settings["application_id"]:
            await self._change("update", phone_number, app_id=application)
        else:
            await self._change("update", phone_number, moHttpUrl=self.hook_url)

    async def release(self, phone_number: str) -> None:
        await self._change("cancel", phone_number)

    async def _change(self, verb: str, phone_number: str, **what: str) -> None:
        digits = phone_number.removeprefix("+")
        form = {"country": numbers.region_of(int(digits)) or "", "msisdn": digits, **what}
        answer = await self.call("POST", self._url("rest", f"number/{verb}"), form=form)
        if not answer.is_good:
            raise self.failure(answer)
        code, words = self.problem(answer)
        if code != "200":
            raise Refused(code, words or f"Vonage's answer to number/{verb} can't be read.")


def sig(fields: Mapping[str, Any], secret: str, method: str) -> str:
    """The SMS API's signature over ``fields``."""
    text = "".join(f"&{name}={_unjoined(fields[name])}" for name in sorted(fields) if name != "sig")
    raw = text.encode(errors="replace")  # half a character in JSON is nobody's
    if method == "md5":
        return hashlib.md5(raw + secret.encode()).hexdigest()  # noqa: S324  # Vonage chose it
    return hmac.new(secret.encode(), raw, HASHES[method]).hexdigest()


def _unjoined(value: Any) -> str:
    return str(value).replace("&", "_").replace("=", "_")


def _of_messages_api(fields: Mapping[str, Any]) -> Sequence[Arrived]:
    id_ = words_in(fields, "message_uuid")
    if "status" not in fields:
        if fields.get("channel") not in ("sms", "mms"):
            return []
        return [InboundText(id_, words_in(fields, "from"), words_in(fields, "to"), _text(fields), _time(fields))]
    problem = fields.get("error") or {}
    code = words_in(problem, "type").rpartition("#")[2] or words_in(problem, "title")
    return _receipt(id_, words_in(fields, "client_ref"), words_in(fields, "status"), code, words_in(problem, "detail"))


def _text(fields: Mapping[str, Any]) -> str:
    """The text, or what was written under a picture."""
    kind = words_in(fields, "message_type")
    return words_in(fields, "text") or words_in(fields.get(kind) or {}, "caption")


def _of_sms_api(fields: Mapping[str, Any]) -> Sequence[Arrived]:
    id_ = words_in(fields, "messageId")
    if "status" not in fields:
        if "msisdn" not in fields:
            raise BadHook("This is neither a text nor a receipt.")
        sender, to, text = (words_in(fields, name) for name in ("msisdn", "to", "text"))
        return [InboundText(id_, sender, to, text, _time(fields), part=_part(fields))]
    code = words_in(fields, "err-code")
    return _receipt(id_, words_in(fields, "client-ref"), words_in(fields, "status"), code if code != "0" else "", "")


def _part(fields: Mapping[str, Any]) -> Part | None:
    """Which part of a long text this is. The reference is the phone's own, of 8 or 16 bits."""
    raw = [words_in(fields, f"concat-{name}") for name in ("ref", "total", "part")]
    if not all(one.isascii() and one.isdigit() and len(one) <= 5 for one in raw):
        return None
    part = Part(*map(int, raw))
    return part if part.makes_sense else None


def _receipt(id_: str, reference: str, status: str, code: str, words: str) -> Sequence[Receipt]:
    if (state := STATES.get(status)) is None:
        return []
    is_out = state == "undelivered" and code in OPTED_OUT
    return [Receipt(id_, reference, state, code, words or WORDS.get(code, ""), opted_out=is_out)]


def _time(fields: Mapping[str, Any]) -> datetime | None:
    """The SMS API's "timestamp" is a number of seconds, beside a time that is spelled."""
    return moment(fields.get("message-timestamp") or fields.get("timestamp"))
