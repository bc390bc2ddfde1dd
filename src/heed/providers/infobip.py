"""Infobip, SMS API version 3: https://www.infobip.com/docs/api/channels/sms.

Its calls are signed for nobody by default: they carry a secret of ours, which is in every address that we give it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any  # JSON that we don't own
from urllib.parse import quote, urlencode

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
    Unreachable,
)
from heed.providers.http import Answer, HttpProvider, is_http, moment, same, words_in
from heed.rules.values import CarrierOptOut, HandedOff, InboundText, InventoryNumber, Outgoing, Receipt

# https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes: names of a status or of an error.
CODES = {
    "REJECTED_DESTINATION_BLOCKLISTED": RecipientOptedOut,  # on the account's list, or the operator's
    "EC_BLACKLISTED_DESTINATIONADDRESS": RecipientOptedOut,
    "EC_CONTENT_BLOCKED": RecipientOptedOut,  # “by user opt-out (MO: STOP)”
    "EC_SC_BLOCKED_BY_END_USER": RecipientOptedOut,
    "REJECTED_NOT_ENOUGH_CREDITS": Misconfigured,
    "REJECTED_PREPAID_PACKAGE_EXPIRED": Misconfigured,
    "REJECTED_SYSTEM_ERROR": Unreachable,  # “retry”
    "TOO_MANY_REQUESTS": Throttled,
}
STATES = {  # by the group of the status
    "ACCEPTED": "sent",
    "PENDING": "sent",
    "DELIVERED": "delivered",
    "UNDELIVERABLE": "undelivered",
    "EXPIRED": "undelivered",
    "REJECTED": "undelivered",
}
NOT_YET = {"DELIVERED_TO_OPERATOR", "EXPIRED_DLR_UNKNOWN"}  # what they say isn't what became of it
NO_ERROR = "NO_ERROR"
A_PAGE, MOST_PAGES = 1000, 1000
COUNTRIES = tuple(
    "AT AU BE BR CA CH CZ DE DK ES FI FR GB HK HR HU IE IL IN IT MX NL NO NZ PL PT RO SE SG US ZA".split()
)


class Infobip(HttpProvider):
    kind = "infobip"
    title = "Infobip"
    fields = (
        Field("base_url", "Base URL", help="Your own, such as https://abc123.api.infobip.com."),
        Field("api_key", "API key", is_secret=True),
        Field(
            "secret", "Secret of the hook", is_secret=True, help="Letters and digits that Infobip's calls to us carry."
        ),
    )
    codes = CODES

    def check(self) -> None:
        if not is_http(self.settings["base_url"]):
            raise Misconfigured("The base URL begins with https://.")
        if not (self.settings["secret"].isascii() and self.settings["secret"].isalnum()):
            raise Misconfigured("The secret of the hook has letters and digits alone.")

    def _url(self, path: str) -> str:
        return f"{self.settings['base_url'].rstrip('/')}/{path}"

    @property
    def _hook(self) -> str:
        return f"{self.hook_url}?{urlencode({'secret': self.settings['secret']})}"

    # Sending

    def authentication(self) -> Mapping[str, str]:
        return {"Authorization": f"App {self.settings['api_key']}", "Accept": "application/json"}

    def problem(self, answer: Answer) -> tuple[str, str]:
        """A message's status, an error of version 3, or one of the older APIs."""
        said = answer.json
        if name := words_in(said, "messages", 0, "status", "name"):
            return name, words_in(said, "messages", 0, "status", "description")
        old = ("requestError", "serviceException")
        words = [
            words_in(said, "description"),
            words_in(said, "violations", 0, "violation"),
            words_in(said, *old, "text"),
        ]
        return words_in(said, "errorCode") or words_in(said, *old, "messageId"), " ".join(filter(None, words))

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        message: dict[str, Any] = {
            "sender": part.sender.removeprefix("+"),
            "destinations": [{"to": part.to.removeprefix("+")}],
            "content": {"text": part.text},
            "webhooks": {"callbackData": part.reference},
        }
        if self.has_public_hook:
            message["webhooks"] |= {"delivery": {"url": self._hook}, "contentType": "application/json"}
        url = self._url("sms/3/messages")
        answer = await self.call("POST", url, json={"messages": [message]}, before=before)
        group = words_in(answer.json, "messages", 0, "status", "groupName")
        if answer.is_good and STATES.get(group) == "undelivered":
            answer = replace(answer, status=400)  # it says 200 of a message that it refuses
        if not answer.is_good:
            raise self.failure(answer)
        if not (id_ := words_in(answer.json, "messages", 0, "messageId")):
            raise MaybeSent("Infobip's answer has no message ID.")
        return HandedOff(id_)

    # The hook

    def verify(self, request: HookRequest) -> None:
        if not same(request.arguments.get("secret", ""), self.settings["secret"]):
            raise BadSignature

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        results = request.json.get("results") if isinstance(request.json, dict) else None
        if not isinstance(results, list):
            raise BadHook("“results” is missing.")
        return list(_arrived(results))

    # What a person waits for

    async def account(self) -> str:
        found = await self.ask("GET", self._url("account/1/balance"))
        return f"Balance: {words_in(found, 'balance')} {words_in(found, 'currency')}"

    def countries(self) -> Sequence[str]:
        """Its API tells none; it answers with an empty list for one that has no numbers now."""
        return COUNTRIES

    async def inventory(self, country: str = "", digits: str = "", limit: int = 50) -> Sequence[InventoryNumber]:
        query = {"capabilities": "SMS", "limit": str(limit), "country": country, "number": digits}
        rows = await self._numbers("numbers/1/numbers/available", query)
        return [InventoryNumber(f"+{words_in(row, 'number')}", words_in(row, "country")) for row in rows][:limit]

    async def buy(self, phone_number: str) -> None:
        key = await self._key("numbers/1/numbers/available", phone_number, "Infobip doesn't sell this number now.")
        # Of American numbers it wants the number, of all others the key.
        wanted = {"number": phone_number[1:]} if phone_number.startswith("+1") else {"numberKey": key}
        await self.ask("POST", self._url("numbers/1/numbers"), json=wanted)
        await self.adopt(phone_number)

    async def adopt(self, phone_number: str) -> None:
        forwarding = {"type": "HTTP_FORWARD", "url": self._hook, "format": "MO_JSON_2"}
        number = phone_number.removeprefix("+")
        wanted = {"channel": "SMS", "number": number, "forwarding": forwarding}
        await self.ask("POST", self._url("resource-management/1/inbound-message-configurations"), json=wanted)

    async def release(self, phone_number: str) -> None:
        key = await self._key("numbers/1/numbers", phone_number, "This number is not in the Infobip account.")
        await self.ask("DELETE", self._url(f"numbers/1/numbers/{quote(key, safe='')}"))

    async def _key(self, path: str, phone_number: str, words: str) -> str:
        """Infobip's key of a number. Raises Refused with ``words`` if it has none of the kind."""
        number = phone_number.removeprefix("+")
        for row in await self._numbers(path, {"number": number}):
            if words_in(row, "number") == number:
                return words_in(row, "numberKey")
        raise Refused("no_such_number", words)

    async def _numbers(self, path: str, query: Mapping[str, str]) -> list[Any]:
        given = {name: value for name, value in query.items() if value}
        rows = (await self.ask("GET", self._url(path), query=given)).get("numbers")
        return rows if isinstance(rows, list) else []

    async def opt_outs(self) -> Sequence[CarrierOptOut]:
        """Its blocklist, of texts and of all channels. One without a sender is of all of ours."""
        found: list[CarrierOptOut] = []
        for page in range(MOST_PAGES):
            query = {"page": str(page), "size": str(A_PAGE)}
            made = await self.ask("GET", self._url("platform/1/blocklists"), query=query)
            found += [one for row in made.get("results") or () if (one := _opt_out(row))]
            if page + 1 >= int(words_in(made, "paging", "totalPages") or 0):
                break
        return found

    async def push(self, opt_outs: Sequence[CarrierOptOut]) -> None:
        by_sender: dict[str, list[dict[str, str]]] = {}
        for one in opt_outs:
            by_sender.setdefault(one.sender.removeprefix("+"), []).append({"to": one.phone_number.removeprefix("+")})
        for sender, people in by_sender.items():
            for at in range(0, len(people), A_PAGE):
                item = {"channel": "SMS", "destinations": people[at : at + A_PAGE]} | (
                    {"sender": sender} if sender else {}
                )
                await self.ask("POST", self._url("platform/1/blocklists"), json={"blocklist": [item]})


def _arrived(results: Sequence[Any]) -> Iterator[Arrived]:
    for item in results:
        if words_in(item, "status", "groupName"):
            yield _receipt(item)
        elif words_in(item, "from"):
            yield InboundText(
                words_in(item, "messageId"),
                words_in(item, "from"),
                words_in(item, "to"),
                words_in(item, "text"),
                moment(item.get("receivedAt")),
            )


def _receipt(item: Any) -> Receipt:
    status, error = words_in(item, "status", "name"), words_in(item, "error", "name")
    state = "sent" if status in NOT_YET else STATES.get(words_in(item, "status", "groupName"), "sent")
    if state != "undelivered":
        return Receipt(words_in(item, "messageId"), words_in(item, "callbackData"), state)
    told = "status" if error in ("", NO_ERROR) else "error"
    is_out = RecipientOptedOut in (CODES.get(status), CODES.get(error))
    return Receipt(
        words_in(item, "messageId"),
        words_in(item, "callbackData"),
        state,
        words_in(item, told, "name"),
        words_in(item, told, "description"),
        opted_out=is_out,
    )


def _opt_out(row: Any) -> CarrierOptOut | None:
    destination, channel = words_in(row, "destination"), words_in(row, "channel")
    if not (destination.isascii() and destination.isdigit() and channel in ("", "SMS")):
        return None
    sender = words_in(row, "sender")
    if len(sender) > 6 and sender.isdigit():  # no short code
        sender = f"+{sender}"
    return CarrierOptOut(f"+{destination}", sender, moment(row.get("createdDate")))
