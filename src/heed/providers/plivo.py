"""Plivo: https://www.plivo.com/docs/messaging/api/messages."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlencode, urlsplit

from heed.providers.base import (
    MOST_FIELDS,
    Arrived,
    BadHook,
    BadSignature,
    Field,
    HookRequest,
    MaybeSent,
    Misconfigured,
    Refused,
)
from heed.providers.http import Answer, HttpProvider, basic, is_http, same, words_in
from heed.rules import numbers
from heed.rules.values import HandedOff, InboundText, InventoryNumber, Outgoing, Receipt

CODES = {"402": Misconfigured}  # no credit; its errors have words and a status, no code
STATES = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "undelivered",
    "rejected": "undelivered",
}  # queued says no more than the answer to the hand-off did
# https://www.plivo.com/docs/messaging/troubleshooting/error-codes
OPTED_OUT = "200"
WORDS = {
    "10": "A carrier took the text for invalid.",
    "20": "A network failed.",
    "30": "A carrier took it for unwanted.",
    "40": "The sender is not one of this Plivo account that may send texts.",
    "50": "There is no such number.",
    "60": "It would have gone round in circles.",
    "70": "The phone can't be reached any more.",
    "80": "The phone could not be reached.",
    "90": "There is no route to this number.",
    "100": "A carrier forbids it.",
    "110": "The text is too long.",
    OPTED_OUT: "The recipient has sent STOP to this number.",
    "300": "It could not be handed on.",
    "420": "It took too long.",
    "450": "The country is not enabled.",
    "900": "The account has no credit.",
    "910": "The account is disabled.",
}
A_PAGE = 20  # numbers for sale in one answer
COUNTRIES = tuple("AU BE CA CH CZ DK EE ES FI FR GB HK HU IE IL IT LT NL NO PL PT SE SG US ZA".split())


class Plivo(HttpProvider):
    kind = "plivo"
    title = "Plivo"
    fields = (
        Field("auth_id", "Auth ID", help="20 characters, on the first page of Plivo's console."),
        Field("auth_token", "Auth token", is_secret=True, help="It also proves that a call to the hook is Plivo's."),
        Field(
            "application_id",
            "Application ID",
            is_required=False,
            help="An application whose message URL is the hook; numbers bought here get it.",
        ),
        Field("api", "API address", default="https://api.plivo.com"),
    )
    answers = frozenset({"stop", "help"})
    codes = CODES

    def check(self) -> None:
        if not (self.settings["auth_id"].isalnum() and len(self.settings["auth_id"]) == 20):
            raise Misconfigured("An auth ID is 20 letters and digits.")
        if not is_http(self.settings["api"]):
            raise Misconfigured("The API address begins with https://.")

    # Sending

    def authentication(self) -> Mapping[str, str]:
        return {"Authorization": basic(self.settings["auth_id"], self.settings["auth_token"])}

    def problem(self, answer: Answer) -> tuple[str, str]:
        return str(answer.status), words_in(answer.json, "error")

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        text = {"src": part.sender, "dst": part.to, "text": part.text, "type": "sms"}
        if self.has_public_hook:
            text |= {"url": f"{self.hook_url}?{urlencode({'reference': part.reference})}", "method": "POST"}
        made = await self.ask("POST", self._url("Message/"), json=text, before=before)
        if not (id_ := words_in(made, "message_uuid", 0)):
            raise MaybeSent("Plivo's answer has no message ID.")
        return HandedOff(id_)

    def _url(self, path: str) -> str:
        return f"{self.settings['api'].rstrip('/')}/v1/Account/{self.settings['auth_id']}/{path}"

    # The hook

    def verify(self, request: HookRequest) -> None:
        """By version 3, or where Plivo sends none by version 2, which is all that its pages on texts promise.

        The header with "Ma" is made with the main account's token, the other with a subaccount's if it is that one's.
        """
        token = self.settings["auth_token"]
        if given := _given(request, "V3"):
            ours = signature_v3(request.url, _lists(request.body), _header(request, "V3-Nonce"), token)
        else:
            given = _given(request, "V2")
            ours = _signature(f"{_bare(request.url)}{_header(request, 'V2-Nonce')}", token)
        matches = [same(one, ours) for one in given]  # all of them: what fits first must not show in the time
        if not any(matches):
            raise BadSignature

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        form = request.form
        if not (id_ := form.get("ParentMessageUUID") or form.get("MessageUUID", "")):
            raise BadHook("This is neither a text nor a receipt.")
        if "Status" in form:
            return _receipt(form, id_, request.arguments.get("reference", ""))
        return [InboundText(form["MessageUUID"], form.get("From", ""), form.get("To", ""), form.get("Text", ""))]

    # What a person waits for

    async def account(self) -> str:
        found = await self.ask("GET", self._url(""))
        return f"Balance: {words_in(found, 'cash_credits')} USD"

    def countries(self) -> Sequence[str]:
        """Those where Plivo sells numbers that take texts."""
        return COUNTRIES

    async def inventory(self, country: str = "", digits: str = "", limit: int = 50) -> Sequence[InventoryNumber]:
        country = country or "US"
        query = {"country_iso": country, "services": "sms", "limit": str(min(limit, A_PAGE))}
        if digits:  # Plivo matches what follows the calling code
            query["pattern"] = digits.removeprefix(numbers.calling_code(country))
        found: list[InventoryNumber] = []
        while len(found) < limit:
            page = await self.ask("GET", self._url("PhoneNumber/"), query=query | {"offset": str(len(found))})
            rows = page.get("objects") or []
            found += [InventoryNumber(f"+{words_in(row, 'number').lstrip('+')}", country) for row in rows]
            if len(rows) < A_PAGE:
                break
        return found[:limit]

    async def buy(self, phone_number: str) -> None:
        await self.ask("POST", self._url(f"PhoneNumber/{_digits(phone_number)}/"), json={"app_id": self._application()})

    async def adopt(self, phone_number: str) -> None:
        await self.ask("POST", self._url(f"Number/{_digits(phone_number)}/"), json={"app_id": self._application()})

    async def release(self, phone_number: str) -> None:
        await self.ask("DELETE", self._url(f"Number/{_digits(phone_number)}/"))

    def _application(self) -> str:
        if not (application := self.settings["application_id"]):
            raise Refused("no_application", "Name the application in the connection's settings first.")
        return application


def signature_v3(url: str, form: Mapping[str, Sequence[str]], nonce: str, token: str) -> str:
    query = _lists(urlsplit(url).query.encode())
    asked = "&".join(f"{name}={value}" for name in sorted(query) for value in sorted(query[name]))
    posted = "".join(f"{name}{value}" for name in sorted(form) for value in sorted(form[name]))
    mark = "?" if asked or posted else ""
    return _signature(f"{_bare(url)}{mark}{asked}{'.' if asked and posted else ''}{posted}.{nonce}", token)


def _signature(text: str, token: str) -> str:
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _bare(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _lists(raw: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadSignature from error


def _header(request: HookRequest, name: str) -> str:
    return request.headers.get(f"X-Plivo-Signature-{name}", "")


def _given(request: HookRequest, version: str) -> list[str]:
    """The signatures of a call; while an account has two tokens, Plivo sends one by each."""
    given = [*_header(request, f"Ma-{version}").split(","), *_header(request, version).split(",")]
    return [one.strip() for one in given if one.strip()]


def _receipt(form: Mapping[str, str], id_: str, reference: str) -> Sequence[Receipt]:
    """Plivo tells of each part of a long text: it is delivered when the last one is, undelivered when any one is."""
    if (state := STATES.get(form["Status"])) is None:
        return []
    code = form.get("ErrorCode", "").lstrip("0")
    if state != "undelivered":
        number, _, count = form.get("PartInfo", "").partition(" of ")
        return [Receipt(id_, reference, state if number == count or not count else "sent")]
    return [Receipt(id_, reference, state, code, WORDS.get(code, ""), opted_out=code == OPTED_OUT)]


def _digits(phone_number: str) -> str:
    return phone_number.removeprefix("+")
