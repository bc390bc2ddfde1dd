"""Twilio: https://www.twilio.com/docs/messaging/api."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from heed.providers.base import (
    Arrived,
    BadSignature,
    Field,
    HookAnswer,
    HookRequest,
    MaybeSent,
    Misconfigured,
    RecipientOptedOut,
    Refused,
    Throttled,
)
from heed.providers.http import Answer, HttpProvider, basic, is_http, same, words_in
from heed.rules import signatures
from heed.rules.values import HandedOff, InboundText, InventoryNumber, Outgoing, Receipt

# https://www.twilio.com/docs/api/errors; those that are not here are what their status says: 4xx refuses this message.
# A sender that isn't ours (21606, 21660) is one of those: other senders, of other accounts perhaps, are none the worse.
CODES = {
    "14107": Throttled,  # too many messages from this number
    "20003": Misconfigured,  # wrong SID or token
    "20005": Misconfigured,  # the account is closed or suspended
    "20403": Refused,  # 403: not allowed, which may be about this number alone
    "20429": Throttled,
    "21408": Refused,  # 403: no permission for this country
    "21610": RecipientOptedOut,  # "unsubscribed recipient": a STOP that Twilio answered
    "21611": Throttled,  # this sender's queue is full
    "30001": Throttled,  # queue overflow
    "30002": Misconfigured,  # account suspended
}
STATES = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "undelivered",
    "canceled": "undelivered",
}  # accepted, scheduled, queued and sending say no more than the answer to the hand-off did
WORDS = {
    "30003": "The phone could not be reached.",
    "30004": "The recipient's carrier or the recipient blocked it.",
    "30005": "There is no such phone.",
    "30006": "A landline, or a carrier that can't be reached.",
    "30007": "A carrier took it for unwanted.",
    "30008": "It failed for a reason that nobody gave.",
    "30034": "The number is not registered for A2P 10DLC.",
}
COUNTRIES = tuple("AT AU BE CA CH CL CZ DE DK EE ES FI FR GB HK HU IE IL IT LT LV NL NO PL PR PT SE SG US ZA".split())
NUMBER_KINDS = ("Mobile", "Local", "TollFree")


class Twilio(HttpProvider):
    kind = "twilio"
    title = "Twilio"
    fields = (
        Field("account_sid", "Account SID", help="AC and 32 characters, on the first page of Twilio's console."),
        Field("auth_token", "Auth token", is_secret=True, help="It also proves that a call to the hook is Twilio's."),
        Field(
            "messaging_service",
            "Messaging Service SID",
            is_required=False,
            help="MG and 32 characters, if the numbers belong to one (US A2P 10DLC does). Its own sender pool is not used.",
        ),
        Field(
            "api", "API address", default="https://api.twilio.com", help="Another region's: https://api.dublin.ie1.…"
        ),
    )
    answers = frozenset({"stop", "start", "help"})
    codes = CODES

    def check(self) -> None:
        sid = self.settings["account_sid"]
        if not (sid.startswith("AC") and len(sid) == 34 and sid.isalnum()):
            raise Misconfigured("An account SID is AC and 32 characters.")
        if not is_http(self.settings["api"]):
            raise Misconfigured("The API address begins with https://.")

    # Sending

    def authentication(self) -> Mapping[str, str]:
        return {"Authorization": basic(self.settings["account_sid"], self.settings["auth_token"])}

    def problem(self, answer: Answer) -> tuple[str, str]:
        return words_in(answer.json, "code"), words_in(answer.json, "message")

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        form = {
            "From": part.sender,
            "To": part.to,
            "Body": part.text,
        }
        if self.has_public_hook:
            form["StatusCallback"] = f"{self.hook_url}?{urlencode({'reference': part.reference})}"
        if service := self.settings["messaging_service"]:
            form["MessagingServiceSid"] = service
        made = await self.ask("POST", self._url("Messages.json"), form=form, before=before)
        if not (sid := words_in(made, "sid")):
            raise MaybeSent("Twilio's answer has no message SID.")
        return HandedOff(sid)

    def _url(self, path: str) -> str:
        return f"{self.settings['api'].rstrip('/')}/2010-04-01/Accounts/{self.settings['account_sid']}/{path}"

    # The hook

    def verify(self, request: HookRequest) -> None:
        given = request.headers.get("X-Twilio-Signature", "")
        token = self.settings["auth_token"]
        urls = _with_and_without_port(request.url)
        if not any(same(given, signatures.twilio(token, url, request.form)) for url in urls):
            raise BadSignature

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        form = request.form
        sid = form.get("MessageSid") or form.get("SmsSid", "")
        state = form.get("MessageStatus") or form.get("SmsStatus", "")
        if "Body" in form and state in ("", "received", "receiving"):
            read = form.get("OptOutType", "").lower()
            read = read if read in self.answers else ""
            return [InboundText(sid, form.get("From", ""), form.get("To", ""), form["Body"], carrier_read=read)]
        if state not in STATES:
            return []
        code = form.get("ErrorCode", "").removeprefix("0")
        words = WORDS.get(code, "") or form.get("ErrorMessage", "")
        is_out = CODES.get(code) is RecipientOptedOut
        reference = request.arguments.get("reference", "")
        return [Receipt(sid, reference, STATES[state], code, words, opted_out=is_out)]

    def answer(self, request: HookRequest) -> HookAnswer:
        """TwiML that sends nothing."""
        return HookAnswer(200, b"<Response/>", "text/xml")

    # What a person waits for

    async def account(self) -> str:
        found = await self.ask("GET", self._url("Balance.json"))
        return f"Balance: {words_in(found, 'balance')} {words_in(found, 'currency')}"

    def countries(self) -> Sequence[str]:
        """Those where Twilio sells numbers that take texts."""
        return COUNTRIES

    async def inventory(self, country: str = "", digits: str = "", limit: int = 50) -> Sequence[InventoryNumber]:
        found: list[InventoryNumber] = []
        for kind in NUMBER_KINDS:
            found += await self._for_sale(country or "US", kind, digits, limit - len(found))
            if len(found) >= limit:
                break
        return found

    async def _for_sale(self, country: str, kind: str, digits: str, limit: int) -> list[InventoryNumber]:
        query = {"SmsEnabled": "true", "PageSize": str(limit)} | ({"Contains": digits} if digits else {})
        url = self._url(f"AvailablePhoneNumbers/{quote(country, safe='')}/{kind}.json")
        answer = await self.call("GET", url, query=query)
        if answer.status == 404:  # this country has none of this kind
            return []
        if not answer.is_good:
            raise self.failure(answer)
        rows = answer.object.get("available_phone_numbers") or []
        return [InventoryNumber(words_in(row, "phone_number"), words_in(row, "iso_country")) for row in rows][:limit]

    async def buy(self, phone_number: str) -> None:
        await self.ask(
            "POST", self._url("IncomingPhoneNumbers.json"), form={"PhoneNumber": phone_number, **self._texts()}
        )

    async def adopt(self, phone_number: str) -> None:
        await self.ask("POST", await self._number(phone_number), form=self._texts())

    def _texts(self) -> dict[str, str]:
        return {"SmsUrl": self.hook_url, "SmsMethod": "POST"}

    async def release(self, phone_number: str) -> None:
        await self.ask("DELETE", await self._number(phone_number))

    async def _number(self, phone_number: str) -> str:
        """The address of a number that is ours. Raises Refused if it isn't."""
        found = await self.ask("GET", self._url("IncomingPhoneNumbers.json"), query={"PhoneNumber": phone_number})
        rows: Any = found.get("incoming_phone_numbers") or []
        for row in rows:
            if words_in(row, "phone_number") == phone_number:
                return self._url(f"IncomingPhoneNumbers/{quote(words_in(row, 'sid'), safe='')}.json")
        raise Refused("not_ours", "This number is not in the Twilio account.")


def _with_and_without_port(url: str) -> tuple[str, str]:
    """Twilio signs either, whichever it was told."""
    parts = urlsplit(url)
    bare = (parts.netloc or "").rpartition("@")[2]
    host = bare.rpartition(":")[0] if parts.port else bare
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()
