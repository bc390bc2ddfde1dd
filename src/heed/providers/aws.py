"""AWS End User Messaging, PinpointSMSVoiceV2: https://docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/.

Texts, and what became of ours, come through a topic of Amazon SNS that calls the hook.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any  # JSON that we don't own
from urllib.parse import urlsplit

from heed.providers import sigv4, sns
from heed.providers.base import (
    Arrived,
    BadHook,
    Field,
    HookAnswer,
    HookRequest,
    MaybeSent,
    Misconfigured,
    RecipientOptedOut,
    Refused,
    Throttled,
)
from heed.providers.http import Answer, HttpProvider, is_http, moment, words_in
from heed.rules.values import CarrierOptOut, HandedOff, InboundText, Outgoing, Receipt, Setup

# By reason where AWS gives one, by what was not found, or by the error's name. What is not here is what its status says.
CODES = {
    "DESTINATION_PHONE_NUMBER_OPTED_OUT": RecipientOptedOut,
    "ThrottlingException": Throttled,
    "TooManyRequestsException": Throttled,
    "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT": Misconfigured,
    "INSUFFICIENT_ACCOUNT_REPUTATION": Misconfigured,
    "ACCOUNT_DISABLED": Misconfigured,
    "AccessDeniedException": Misconfigured,
    "ExpiredTokenException": Misconfigured,
    "IncompleteSignatureException": Misconfigured,
    "InvalidSignatureException": Misconfigured,  # a wrong secret, or a clock that is minutes off
    "MissingAuthenticationTokenException": Misconfigured,
    "UnrecognizedClientException": Misconfigured,
    "configuration-set": Misconfigured,
}
STATES = {
    "TEXT_PENDING": "sent",
    "TEXT_QUEUED": "sent",
    "TEXT_SENT": "sent",
    "TEXT_SUCCESSFUL": "sent",  # the phone's carrier took it; in some countries no more is ever heard
    "TEXT_UNKNOWN": "sent",  # nothing was heard for 72 hours
    "TEXT_DELIVERED": "delivered",
    "TEXT_INVALID": "undelivered",
    "TEXT_INVALID_MESSAGE": "undelivered",
    "TEXT_UNREACHABLE": "undelivered",
    "TEXT_CARRIER_UNREACHABLE": "undelivered",
    "TEXT_BLOCKED": "undelivered",
    "TEXT_CARRIER_BLOCKED": "undelivered",
    "TEXT_SPAM": "undelivered",
    "TEXT_TTL_EXPIRED": "undelivered",
    "TEXT_PROTECT_BLOCKED": "undelivered",
}
CONTEXT = "heed"  # under which our reference goes out, and comes back with each event
CONTENT_TYPE = "application/x-amz-json-1.0"
MOST_PAGES = 1000  # of a hundred each
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")


class Aws(HttpProvider):
    kind = "aws"
    title = "AWS End User Messaging"
    fields = (
        Field("region", "Region", help="Where your numbers are, such as eu-west-2."),
        Field("access_key_id", "Access key ID"),
        Field("secret_access_key", "Secret access key", is_secret=True),
        Field("topic", "SNS topic", help="The ARN of the topic that calls this connection's hook."),
        Field(
            "configuration_set",
            "Configuration set",
            is_required=False,
            help="Its event destination is the topic; without one there are no receipts.",
        ),
        Field("message_type", "Message type", default="TRANSACTIONAL", choices=("TRANSACTIONAL", "PROMOTIONAL")),
        Field("opt_out_list", "Opt-out list", default="Default", help="The one that your numbers there use."),
        Field("api", "API address", is_required=False, help="Left out, it is the region's."),
    )
    answers = frozenset({"stop", "help"})
    codes = CODES

    def check(self) -> None:
        if not _REGION.fullmatch(self.settings["region"]):
            raise Misconfigured("A region is written like eu-west-2.")
        if not sns.is_topic(self.settings["topic"]):
            raise Misconfigured("A topic is written like arn:aws:sns:eu-west-2:123456789012:heed.")
        if self.settings["api"] and not is_http(self.settings["api"]):
            raise Misconfigured("The API address begins with https://.")

    # Asking AWS

    async def _ask(self, operation: str, before: float | None = None, **values: Any) -> dict[str, Any]:
        region = self.settings["region"]
        url = (self.settings["api"] or f"https://sms-voice.{region}.amazonaws.com").rstrip("/") + "/"
        key = sigv4.Key(self.settings["access_key_id"], self.settings["secret_access_key"], region, "sms-voice")
        body = json.dumps(values).encode()
        headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": f"PinpointSMSVoiceV2.{operation}"}
        signed = sigv4.signed(key, "POST", url, body, datetime.now(UTC), headers)
        return await self.ask("POST", url, body=body, headers=signed, before=before)

    def problem(self, answer: Answer) -> tuple[str, str]:
        said = answer.object
        name = words_in(said, "__type") or answer.headers.get("X-Amzn-Errortype", "")
        name = name.partition(":")[0].rpartition("#")[2]
        words = words_in(said, "Message") or words_in(said, "message")
        return words_in(said, "Reason") or words_in(said, "ResourceType") or name, words

    async def submit(self, part: Outgoing, before: float) -> HandedOff:
        values: dict[str, Any] = {
            "DestinationPhoneNumber": part.to,
            "OriginationIdentity": part.sender,
            "MessageBody": part.text,
            "MessageType": self.settings["message_type"],
            "Context": {CONTEXT: part.reference},
        }
        if name := self.settings["configuration_set"]:
            values["ConfigurationSetName"] = name
        made = await self._ask("SendTextMessage", before, **values)
        if not (id_ := words_in(made, "MessageId")):
            raise MaybeSent("The answer of AWS has no message ID.")
        return HandedOff(id_)

    # The hook

    def verify(self, request: HookRequest) -> None:
        sns.verify(sns.envelope(request), self.settings["topic"])

    def parse(self, request: HookRequest) -> Sequence[Arrived | Setup]:
        said = sns.envelope(request)
        match words_in(said, "Type"):
            case sns.NOTIFICATION:
                return _arrived(said)
            case sns.SUBSCRIPTION:
                return [Setup(self._checked(words_in(said, "SubscribeURL")))]
        return []

    def _checked(self, url: str) -> str:
        """Where the subscription is confirmed: SNS itself, whoever wrote the message."""
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) != ("https", sns.host_of(self.settings["topic"])):
            raise BadHook("The address of the confirmation is not Amazon's.")
        return url

    def answer(self, request: HookRequest) -> HookAnswer:
        return HookAnswer(200, b"", "text/plain")

    # What a person waits for

    async def confirm(self, setup: Setup) -> None:
        answer = await self.call("GET", setup.url)
        if not answer.is_good:
            raise self.failure(answer)

    async def account(self) -> str:
        found = await self._ask("DescribeAccountAttributes")
        rows = {words_in(row, "Name"): words_in(row, "Value") for row in _rows(found, "AccountAttributes")}
        return f"Account tier: {rows.get('ACCOUNT_TIER', 'unknown').lower()}"

    async def adopt(self, phone_number: str) -> None:
        """Two-way messages, by our topic."""
        number = await self._number(phone_number)
        await self._ask(
            "UpdatePhoneNumber", PhoneNumberId=number, TwoWayEnabled=True, TwoWayChannelArn=self.settings["topic"]
        )

    async def release(self, phone_number: str) -> None:
        await self._ask("ReleasePhoneNumber", PhoneNumberId=await self._number(phone_number))

    async def _number(self, phone_number: str) -> str:
        """The id of a number that is ours there. Raises Refused if it isn't."""
        for row in await self._all("DescribePhoneNumbers", "PhoneNumbers"):
            if words_in(row, "PhoneNumber") == phone_number:
                return words_in(row, "PhoneNumberId") or words_in(row, "PhoneNumberArn")
        raise Refused("not_ours", "This number is not in the AWS account, in this region.")

    async def opt_outs(self) -> Sequence[CarrierOptOut]:
        name = self.settings["opt_out_list"]
        rows = await self._all("DescribeOptedOutNumbers", "OptedOutNumbers", OptOutListName=name)
        return [CarrierOptOut(words_in(row, "OptedOutNumber"), at=_since(row.get("OptedOutTimestamp"))) for row in rows]

    async def push(self, opt_outs: Sequence[CarrierOptOut]) -> None:
        """Those of all senders: a list of AWS holds for every number that uses it."""
        for one in opt_outs:
            if not one.sender:
                name = self.settings["opt_out_list"]
                await self._ask("PutOptedOutNumber", OptOutListName=name, OptedOutNumber=one.phone_number)

    async def _all(self, operation: str, rows: str, **values: Any) -> list[dict[str, Any]]:
        """``rows`` of every page."""
        found: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            page = await self._ask(operation, MaxResults=100, **values)
            found += _rows(page, rows)
            if not (token := words_in(page, "NextToken")):
                break
            values["NextToken"] = token
        return found


def _rows(page: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows = page.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _since(raw: Any) -> datetime | None:
    """A time as AWS writes it in JSON: seconds since 1970."""
    try:
        return datetime.fromtimestamp(raw, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _arrived(said: dict[str, Any]) -> list[Arrived]:
    try:
        item: Any = json.loads(words_in(said, "Message"))
    except (ValueError, RecursionError):
        return []  # somebody's own words on the topic
    if words_in(item, "originationNumber"):
        return [_text(item, said)]
    if state := STATES.get(words_in(item, "eventType")):
        return [_receipt(item, state)]
    return []


def _text(item: Any, said: dict[str, Any]) -> InboundText:
    return InboundText(
        words_in(item, "inboundMessageId"),
        words_in(item, "originationNumber"),
        words_in(item, "destinationNumber"),
        words_in(item, "messageBody"),
        moment(said.get("Timestamp")),
    )


def _receipt(item: Any, state: str) -> Receipt:
    failed = state == "undelivered"
    code = words_in(item, "eventType").removeprefix("TEXT_") if failed else ""
    words = words_in(item, "messageStatusDescription") if failed else ""
    return Receipt(words_in(item, "messageId"), words_in(item, "context", CONTEXT), state, code, words)
