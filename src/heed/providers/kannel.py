"""Kannel, the open-source gateway: its smsbox takes texts by HTTP (user guide, chapter 10) and calls us for the rest.

Kannel has no signatures: its calls carry a secret of ours. It gives no ids: ours go out in the dlr-url and come back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs

from heed.providers.base import (
    Arrived,
    BadHook,
    BadSignature,
    Field,
    HookAnswer,
    HookRequest,
    Misconfigured,
    Refused,
    Throttled,
    Unreachable,
)
from heed.providers.http import Answer, HttpProvider, is_http, same
from heed.rules import segments
from heed.rules.values import HandedOff, InboundText, Outgoing, Receipt

# How smsbox's answers begin; it says 403 of two of them.
CODES = {
    "Authorization failed": Misconfigured,
    "Not routable": Refused,
    "Temporal failure": Throttled,  # 503: bearerbox's queue is full
    "Sending failed": Unreachable,  # 500: it did not reach bearerbox
}
STATES = {  # dlr-mask
    1: "delivered",
    2: "undelivered",
    4: "sent",  # kept for later by its own carrier
    8: "sent",  # taken by its own carrier
    16: "undelivered",  # refused by its own carrier
    32: "sent",  # an intermediate notice
}
TOLD = 1 | 2 | 8 | 16
SEVEN_BITS, UCS_2 = "0", "2"
SAFE = re.compile(r"[A-Za-z0-9._~-]+")  # what needs no % in an address, where Kannel would take it for an escape
_NACK = re.compile(r"NACK/([^/]*)/?(.*)", re.DOTALL)
_ERROR = re.compile(r"\berr:([0-9A-Za-z]+)")


class Kannel(HttpProvider):
    kind = "kannel"
    title = "Kannel"
    fields = (
        Field("url", "Address of sendsms", default="http://127.0.0.1:13013/cgi-bin/sendsms"),
        Field("username", "User name", help="Of a group sendsms-user in Kannel's configuration."),
        Field("password", "Password", is_secret=True),
        Field(
            "secret",
            "Secret of the hook",
            is_secret=True,
            help="Letters and digits that Kannel's calls to us carry, in the get-url too.",
        ),
        Field("smsc", "SMSC", is_required=False, help="The smsc-id to send through; left out, Kannel chooses."),
    )
    hook_methods = ("GET", "POST")
    codes = CODES

    def check(self) -> None:
        if not is_http(self.settings["url"]):
            raise Misconfigured("The address of sendsms begins with http:// or https://.")
        if not SAFE.fullmatch(self.settings["secret"]):
            raise Misconfigured("The secret of the hook has letters and digits alone.")
        if not all(value.isascii() and value.isprintable() for value in self._credentials().values()):
            raise Misconfigured("User name, password and SMSC have ASCII letters alone.")

    # Sending

    def _credentials(self) -> dict[str, str]:
        named = {"Username": "username", "Password": "password", "SMSC": "smsc"}
        return {f"X-Kannel-{name}": self.settings[field] for name, field in named.items() if self.settings[field]}

    def authentication(self) -> Mapping[str, str]:
        return self._credentials()

    def problem(self, answer: Answer) -> tuple[str, str]:
        return next((start for start in CODES if answer.text.startswith(start)), ""), answer.text

    def parts(self, text: str) -> Sequence[str]:
        """Kannel would cut off what is over its max-messages, which is one unless it is told otherwise."""
        return segments.divide(text)[1]

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        body = part.text.encode()
        answer = await self.call("POST", self.settings["url"], headers=self.headers(part), body=body, before=before)
        if not answer.is_good:
            raise self.failure(answer)
        return HandedOff(_id(part))

    def headers(self, part: Outgoing) -> dict[str, str]:
        """All that goes with a text but the credentials."""
        made = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-From": part.sender,
            "X-Kannel-To": part.to,
            "X-Kannel-Coding": SEVEN_BITS if segments.encoding_of(part.whole or part.text) == segments.GSM_7 else UCS_2,
            "X-Kannel-DLR-Mask": str(TOLD),
            "X-Kannel-DLR-URL": self._dlr_url(part.reference, _id(part)),
        }
        return made | ({"X-Kannel-UDH": _header(part).hex()} if part.count > 1 else {})

    def _dlr_url(self, reference: str, id_: str) -> str:
        """Nothing of ours in it needs a %: ``check`` has looked at the secret."""
        return f"{self.hook_url}?secret={self.settings['secret']}&reference={reference}&id={id_}&dlr=%d&answer=%A"

    # The hook

    def verify(self, request: HookRequest) -> None:
        if not same(request.arguments.get("secret", ""), self.settings["secret"]):
            raise BadSignature

    def parse(self, request: HookRequest) -> Sequence[Arrived]:
        if "dlr" in request.arguments:
            return [_receipt(request.arguments)]
        return [_posted(request) if request.method == "POST" else _got(request.query)]

    def answer(self, request: HookRequest) -> HookAnswer:
        """Kannel would send a phone whatever stands here, unless its max-messages is 0."""
        return HookAnswer(200, b"", "text/plain")

    # What a person waits for

    async def account(self) -> str:
        """smsbox looks at the credentials first, then at the receiver, which is missing."""
        answer = await self.call("POST", self.settings["url"], headers={"Content-Type": "text/plain"}, body=b"-")
        if answer.status == 400:
            return "Kannel takes these credentials."
        raise Misconfigured(self.failure(answer).words)


def _id(part: Outgoing) -> str:
    return f"{part.reference}.{part.number}"


def _header(part: Outgoing) -> bytes:
    """The user data header of one of several parts (3GPP TS 23.040, 9.2.3.24.1)."""
    return bytes([5, 0, 3, part.serial & 0xFF, part.count, part.number])


def _receipt(given: Mapping[str, str]) -> Receipt:
    raw, answer = given["dlr"], given.get("answer", "")
    state = STATES.get(int(raw) if raw.isascii() and raw.isdigit() else 0, "sent")
    code, words = "", ""
    if state == "undelivered":
        if refused := _NACK.match(answer):
            code, words = refused.groups()
        elif found := _ERROR.search(answer):
            code = found[1]
    return Receipt(given.get("id", ""), given.get("reference", ""), state, code, words)


def _got(query: str) -> InboundText:
    """By get-url. The text is in its own charset: the query is read as bytes."""
    given = {name: values[-1] for name, values in parse_qs(query, encoding="latin-1", keep_blank_values=True).items()}
    for name in ("from", "to", "text"):
        if name not in given:
            raise BadHook(f"“{name}” is missing; the get-url in docs/providers/kannel.md has it.")
    text = _decoded(given["text"].encode("latin-1"), given.get("charset", ""))
    return InboundText(given.get("id", ""), given["from"], given["to"], text, _time(given.get("at", "")))


def _posted(request: HookRequest) -> InboundText:
    """By post-url: the text is the body, the rest stands in headers; of those in the address only the id counts."""
    try:
        sender, to = request.headers["X-Kannel-From"], request.headers["X-Kannel-To"]
    except KeyError as error:
        raise BadHook("X-Kannel-From or X-Kannel-To is missing; “send-sender = true” adds the first.") from error
    kind = request.headers.get("Content-Type", "")
    charset = kind.partition("charset=")[2].partition(";")[0].strip(' "')
    text = _decoded(request.body, charset or ("8-BIT" if "octet-stream" in kind else ""))
    arguments = request.arguments
    return InboundText(arguments.get("id", ""), sender, to, text, _time(arguments.get("at", "")))


def _decoded(raw: bytes, charset: str) -> str:
    """Never raises: a text in a charset that nobody knows is read as Latin-1, like binary data."""
    try:
        return raw.decode(charset or "utf-8", "replace")
    except LookupError:
        return raw.decode("latin-1")


def _time(raw: str) -> datetime | None:
    """%T: seconds since 1970."""
    try:
        return datetime.fromtimestamp(int(raw), UTC)
    except (ValueError, OverflowError, OSError):
        return None
