"""MessageBird, now Bird: https://developers.messagebird.com/api/sms-messaging."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from heed.providers import tokens
from heed.providers.base import Arrived, BadHook, BadSignature, Field, HookRequest, MaybeSent, Misconfigured
from heed.providers.http import Answer, HttpProvider, fields_of, is_http, moment, same, words_in
from heed.rules.values import HandedOff, InboundText, Outgoing, Receipt

CODES = {
    "2": Misconfigured,  # the access key
    "25": Misconfigured,  # no balance
}
STATES = {
    "sent": "sent",
    "buffered": "sent",
    "delivered": "delivered",
    "expired": "undelivered",
    "delivery_failed": "undelivered",
}  # scheduled says no more than the answer to the hand-off did
OPTED_OUT = re.compile(r"opt(?:ed)?[ _-]?out", re.IGNORECASE)  # in a receipt's reason; its codes are those of networks


class MessageBird(HttpProvider):
    kind = "messagebird"
    title = "MessageBird"
    fields = (
        Field("access_key", "Access key", is_secret=True, help="A live key, under Developers, API access."),
        Field(
            "signing_key",
            "Signing key",
            is_secret=True,
            help="Under Developers, API settings; it proves that a call to the hook is MessageBird's.",
        ),
        Field("api", "API address", default="https://rest.messagebird.com"),
    )
    hook_methods = ("POST", "GET")
    codes = CODES

    def check(self) -> None:
        if not is_http(self.settings["api"]):
            raise Misconfigured("The API address begins with https://.")

    # Sending

    def authentication(self) -> Mapping[str, str]:
        return {"Authorization": f"AccessKey {self.settings['access_key']}"}

    def problem(self, answer: Answer) -> tuple[str, str]:
        return words_in(answer.json, "errors", 0, "code"), words_in(answer.json, "errors", 0, "description")

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        text = {
            "originator": part.sender,
            "recipients": [part.to.removeprefix("+")],
            "body": part.text,
            "datacoding": "auto",  # else it replaces what GSM 03.38 doesn't have
            "reference": part.reference,
        }
        if self.has_public_hook:
            text["reportUrl"] = self.hook_url
        made = await self.ask("POST", self._url("messages"), json=text, before=before)
        if not (id_ := words_in(made, "id")):
            raise MaybeSent("MessageBird's answer has no message ID.")
        return HandedOff(id_)

    def _url(self, path: str) -> str:
        return f"{self.settings['api'].rstrip('/')}/{path}"

    # The hook

    def verify(self, request: HookRequest) -> None:
        said = tokens.claims(request.headers.get("MessageBird-Signature-JWT", ""), self.settings["signing_key"])
        if said.get("iss") != "MessageBird" or not {"nbf", "exp"} <= said.keys():
            raise BadSignature
        if not same(str(said.get("url_hash", "")), hashlib.sha256(request.url.encode()).hexdigest()):
            raise BadSignature
        of_body = str(said.get("payload_hash") or "")
        if not (same(of_body, hashlib.sha256(request.body).hexdigest()) if request.body else of_body == ""):
            raise BadSignature

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        fields = fields_of(request)
        id_ = words_in(fields, "id") or words_in(fields, "message_id")
        if "status" in fields:
            return _receipt(id_, fields)
        if "originator" not in fields:
            raise BadHook("This is neither a text nor a receipt.")
        text = words_in(fields, "body") or words_in(fields, "payload")
        sender, to = words_in(fields, "originator"), words_in(fields, "recipient")
        return [InboundText(id_, sender, to, text, moment(fields.get("createdDatetime")))]

    # What a person waits for

    async def account(self) -> str:
        found = await self.ask("GET", self._url("balance"))
        return f"Balance: {words_in(found, 'amount')} {words_in(found, 'type')}"


def _receipt(id_: str, fields: Mapping[str, Any]) -> Sequence[Receipt]:
    if (state := STATES.get(words_in(fields, "status"))) is None:
        return []
    reference = words_in(fields, "reference")
    if state != "undelivered":
        return [Receipt(id_, reference, state)]
    code, words = words_in(fields, "statusErrorCode"), words_in(fields, "statusReason")
    return [Receipt(id_, reference, state, code, words, opted_out=bool(OPTED_OUT.search(words)))]
