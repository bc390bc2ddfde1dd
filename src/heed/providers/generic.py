"""Any carrier with an HTTP API, described by settings: what to send, where its answers and calls say what."""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any  # JSON that we don't own
from urllib.parse import parse_qsl, quote

from heed.providers.base import (
    Arrived,
    BadHook,
    BadSignature,
    Field,
    HandOffError,
    HookAnswer,
    HookRequest,
    MaybeSent,
    Misconfigured,
    RecipientOptedOut,
    Refused,
    Throttled,
)
from heed.providers.http import Answer, HttpProvider, basic, is_http, moment, same, words_in
from heed.rules.values import HandedOff, InboundText, Outgoing, Receipt

PLACEHOLDERS = ("from", "to", "text", "reference", "hook", "from_digits", "to_digits")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_HEADER = re.compile(r"([A-Za-z0-9-]+):\s*(.+)")
CHECKS = ("address", "basic", "header", "hmac-sha256")


class Generic(HttpProvider):
    kind = "generic"
    title = "Any carrier over HTTP"
    fields = (
        Field("url", "Address for sending", help="May hold placeholders, too."),
        Field("method", "Method", default="POST", choices=("POST", "GET")),
        Field("format", "Format", default="json", choices=("json", "form", "query")),
        Field(
            "template",
            "What is sent",
            default='{"from": "{from}", "to": "{to}", "text": "{text}", "reference": "{reference}"}',
            help=f"JSON, or name=value pairs joined by &. Placeholders in braces: {', '.join(PLACEHOLDERS)}.",
            is_long=True,
        ),
        Field("user", "User name", is_required=False, help="For Basic authentication."),
        Field("password", "Password", is_secret=True, is_required=False),
        Field("headers", "Headers", is_secret=True, is_required=False, help="Name: value, one a line.", is_long=True),
        Field("id_at", "Message id in the answer", is_required=False, help="A path such as messages.0.id."),
        Field("accepted_if", "Accepted if", is_required=False, help="path=value, where status 200 alone doesn't say so."),
        Field("code_at", "Error code in the answer", is_required=False, default="code"),
        Field("words_at", "Error words in the answer", is_required=False, default="message"),
        Field("opted_out_codes", "Codes for “opted out”", is_required=False, help="Of answers and receipts, with commas."),
        Field("throttled_codes", "Codes for “too fast”", is_required=False),
        Field("misconfigured_codes", "Codes for “wrong credentials”", is_required=False),
        Field("check", "How its calls are known", default="address", choices=CHECKS, help="“address”: by the hook's."),
        Field("check_header", "Header of the secret or signature", is_required=False, default="X-Signature"),
        Field("check_secret", "Secret of its calls", is_secret=True, is_required=False, help="For basic: user:password."),
        Field("items_at", "List of messages in a call", is_required=False, help="A path; empty if a call is one message."),
        Field("text_at", "Text", default="text"),
        Field("from_at", "Sender of a text", default="from"),
        Field("to_at", "Number it was sent to", default="to"),
        Field("inbound_id_at", "Id of a text", is_required=False, default="id"),
        Field("time_at", "Time of a text", is_required=False, help="ISO 8601."),
        Field("status_at", "Status of a receipt", is_required=False, default="status"),
        Field("receipt_id_at", "Message id of a receipt", is_required=False, default="id"),
        Field("reference_at", "Our reference in a receipt", is_required=False, default="reference"),
        Field("receipt_code_at", "Error code of a receipt", is_required=False, default="code"),
        Field("sent_words", "Words for sent", is_required=False, default="sent"),
        Field("delivered_words", "Words for delivered", is_required=False, default="delivered"),
        Field("undelivered_words", "Words for undelivered", is_required=False, default="undelivered, failed, expired"),
        Field("answer", "What its calls are answered", is_required=False, default="{}"),
    )  # fmt: skip
    hook_methods = ("POST", "GET")

    def check(self) -> None:
        if not is_http(self.settings["url"]):
            raise Misconfigured("The address begins with https://.")
        whole = self.settings["url"] + self.settings["template"]
        if unknown := sorted(set(_PLACEHOLDER.findall(whole)) - set(PLACEHOLDERS)):
            raise Misconfigured(f"There is no placeholder {{{unknown[0]}}}. There are {', '.join(PLACEHOLDERS)}.")
        if "{text}" not in whole or not re.search(r"\{to(_digits)?\}", whole):
            raise Misconfigured("What is sent needs {to} and {text}.")
        if self.settings["format"] == "json" and not isinstance(self._json(), (dict, list)):
            raise Misconfigured("What is sent is not JSON.")
        if self.settings["check"] != "address" and not self.settings["check_secret"]:
            raise Misconfigured("The secret of its calls is missing.")
        self.authentication()

    # Sending

    def authentication(self) -> Mapping[str, str]:
        headers: dict[str, str] = {}
        if self.settings["user"]:
            headers["Authorization"] = basic(self.settings["user"], self.settings["password"])
        for row in filter(None, map(str.strip, self.settings["headers"].splitlines())):
            if not (found := _HEADER.fullmatch(row)):
                raise Misconfigured("A header is written as Name: value.")
            headers[found[1]] = found[2]
        return headers

    def secrets(self) -> Iterable[str]:
        return (self.settings["password"], *self.authentication().values())

    def problem(self, answer: Answer) -> tuple[str, str]:
        said = _said(answer)
        code, words = (_at(said, self.settings[name]) for name in ("code_at", "words_at"))
        return code, words

    def meaning(self, code: str) -> type[HandOffError] | None:
        kinds = {"opted_out": RecipientOptedOut, "throttled": Throttled, "misconfigured": Misconfigured}
        return next((kind for name, kind in kinds.items() if code and code in self._list(f"{name}_codes")), None)

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        values = {
            "from": part.sender,
            "to": part.to,
            "text": part.text,
            "reference": part.reference,
            "hook": self.hook_url,
            "from_digits": part.sender.removeprefix("+"),
            "to_digits": part.to.removeprefix("+"),
        }
        url = _PLACEHOLDER.sub(lambda found: quote(values[found[1]], safe=""), self.settings["url"])
        answer = await self.call(self.settings["method"], url, before=before, **self._filled(values))
        if not answer.is_good:
            raise self.failure(answer)
        said = _said(answer)
        path, _, wanted = self.settings["accepted_if"].partition("=")
        if path and _at(said, path.strip()) != wanted.strip():
            raise self._not_accepted(answer, said, path.strip())
        return HandedOff(_at(said, self.settings["id_at"]))

    def _filled(self, values: Mapping[str, str]) -> dict[str, Any]:
        if self.settings["format"] == "json":
            return {"json": _fill(self._json(), values)}
        pairs = parse_qsl(self.settings["template"], keep_blank_values=True)
        filled = {_put(name, values): _put(value, values) for name, value in pairs}
        return {self.settings["format"]: filled}

    def _json(self) -> Any:
        try:
            return json.loads(self.settings["template"])
        except ValueError:
            return None

    def _not_accepted(self, answer: Answer, said: Any, path: str) -> HandOffError:
        """A 200 that says no. One that says nothing of it may well have sent."""
        if not _at(said, path):
            return MaybeSent("The carrier's answer does not say whether it accepted.")
        error, code = self.failure(answer), self.problem(answer)[0]
        return error if self.meaning(code) else Refused(code, error.words)

    def _list(self, name: str) -> set[str]:
        return {one.strip() for one in self.settings[name].split(",") if one.strip()}

    # The hook

    def verify(self, request: HookRequest) -> None:
        secret, header = self.settings["check_secret"], self.settings["check_header"]
        match self.settings["check"]:
            case "address":
                return  # it has a token of 192 bits
            case "basic":
                is_theirs = same(request.headers.get("Authorization", ""), basic(*secret.partition(":")[::2]))
            case "header":
                is_theirs = same(request.headers.get(header, ""), secret)
            case _:
                given = request.headers.get(header, "").removeprefix("sha256=")
                digest = hmac.digest(secret.encode(), request.body, "sha256")
                is_theirs = request.method == "POST" and (
                    same(given.lower(), digest.hex()) or same(given, b64encode(digest).decode())
                )
        if not is_theirs:
            raise BadSignature

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        found = [self._item(item) for item in self._items(self._body(request))]
        return [item for item in found if item is not None]

    def _body(self, request: HookRequest) -> Any:
        if request.method == "GET":
            return request.arguments
        is_json = request.body.lstrip()[:1] in (b"{", b"[")
        return request.json if is_json else {**request.arguments, **request.form}

    def _items(self, body: Any) -> Iterable[Any]:
        for step in _steps(self.settings["items_at"]):
            body = body.get(step) if isinstance(body, dict) else None
        return body if isinstance(body, list) else [body]

    def _item(self, item: Any) -> Arrived | None:
        """A text, a receipt, or None for a receipt whose word says nothing new. Raises BadHook if it is neither."""
        get = {name.removesuffix("_at"): _at(item, self.settings[name]) for name in self._places}
        for state in ("delivered", "undelivered", "sent"):
            if get["status"] and get["status"].casefold() in {one.casefold() for one in self._list(f"{state}_words")}:
                code = get["receipt_code"]
                is_out = self.meaning(code) is RecipientOptedOut
                return Receipt(
                    get["receipt_id"], get["reference"], "undelivered" if is_out else state, code, opted_out=is_out
                )
        if _has(item, self.settings["text_at"]):
            return InboundText(get["inbound_id"], get["from"], get["to"], get["text"], moment(get["time"]))
        if get["status"]:
            return None
        raise BadHook("It has neither a text nor a status where the settings say.")

    @property
    def _places(self) -> Iterable[str]:
        answers = ("id_at", "code_at", "words_at", "items_at")
        return (field.name for field in self.fields if field.name.endswith("_at") and field.name not in answers)

    def answer(self, request: HookRequest) -> HookAnswer:
        body = self.settings["answer"]
        kind = (
            "application/json" if body.startswith(("{", "[")) else "text/xml" if body.startswith("<") else "text/plain"
        )
        return HookAnswer(200, body.encode(), kind)


# Paths and placeholders


def _said(answer: Answer) -> Any:
    """The JSON of an answer; one that is none is a text, at the path "text"."""
    return answer.json if isinstance(answer.json, (dict, list)) else {"text": answer.text.strip()}


def _steps(path: str) -> list[str | int]:
    return [int(step) if step.isascii() and step.isdigit() else step for step in path.split(".") if step]


def _at(value: Any, path: str) -> str:
    return words_in(value, *_steps(path)) if path else ""


def _has(value: Any, path: str) -> bool:
    for step in _steps(path):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(value, (str, int, float))


def _put(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def _fill(template: Any, values: Mapping[str, str]) -> Any:
    """``template`` with the placeholders in its strings filled; a text with quotes stays one string."""
    if isinstance(template, dict):
        return {_put(name, values): _fill(one, values) for name, one in template.items()}
    if isinstance(template, list):
        return [_fill(one, values) for one in template]
    return _put(template, values) if isinstance(template, str) else template
