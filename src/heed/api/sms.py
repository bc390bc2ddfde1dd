"""Sending. What can become a message is queued; what can't is told, number by number; how it is written is judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal  # Any: JSON of answers

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, Header, Router
from pydantic import BaseModel, StrictBool, StrictFloat, StrictInt, StrictStr

from heed.api.base import both
from heed.api.errors import ApiError
from heed.api.keys import account_of, actor_of, needs_sender
from heed.api.lists import Time, shown
from heed.core import accounts, exits, handoff, outbound, senders, templates
from heed.core.models import Account, Sender
from heed.core.outbound import Draft
from heed.rules import codes, merging, numbers, wording
from heed.rules.texts import clean

router = Router(tags=["Sending"])
DOOR = "api"
MOST_NUMBERS = 10_000
LATEST_START, LONGEST_VALIDITY = timedelta(days=7), timedelta(days=3)
NO_WAY_ROUND = "There is no way round the opt-out check: who has opted out is not sent to."
WARNINGS = {
    "no_exit": "This message names no way to opt out.",
    "reply_to_name": "This message asks for a reply, and nobody can reply to a sender name.",
}

Fields = dict[str, StrictStr | StrictInt | StrictFloat | None]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=150,
        description="Your own name for this request. Within 24 hours the same key and body get the same answer, and "
        "nothing is sent again; with another body it is refused (409).",
    ),
]


class People(BaseModel):
    phone: list[str] = Field(min_length=1, examples=[["+447700900501"]])
    merge_fields: Fields = Field({}, description="Win over global_merge_fields", examples=[{"firstname": "Anna"}])
    correlation_id: str | None = Field(None, max_length=120, examples=["order-42"])


class Sms(BaseModel):
    message_body: str | None = Field(
        None, description="With merge fields", examples=["Hello ${firstname}. To opt out, text STOP to +447700900001"]
    )
    template_id: str | None = Field(
        None, description="Of a stored template, instead of message_body: exactly one of the two", examples=[None]
    )
    sender: str = Field(alias="from", description="A number or sender name of the account", examples=["+447700900001"])
    to: list[People] = Field(min_length=1, description=f"At most {MOST_NUMBERS:,} numbers in all")
    global_merge_fields: Fields = Field({}, description="Values for everyone")
    send_at: Time | None = Field(None, description="At most 7 days ahead; left out: at once", examples=[None])
    valid_until: Time | None = Field(
        None, description="Not sent later; at most 3 days after the send time", examples=[None]
    )
    name: str | None = Field(
        None, max_length=120, description="What you call this send; kept with its messages", examples=["Spring sale"]
    )
    skip_optout_check: StrictBool = Field(False, description="Refused when true: there is no way round")


class Sent(BaseModel):
    to: str = Field(examples=["+447700900501"])
    status: Literal["queued", "validated"]
    transaction_id: str | None = Field(examples=["tid_5be1d2756880c1b5e2a7d94f360f3c9a"])
    code: str = Field(examples=["1000"])
    correlation_id: str | None = Field(examples=["order-42"])


class NotSent(BaseModel):
    to: str = Field(examples=["12"])
    status: Literal["error"]
    transaction_id: None
    code: str = Field(examples=["invalid_number"])
    message: str = Field(examples=["This number is too short."])
    correlation_id: str | None


class Warned(BaseModel):
    code: Literal["no_exit", "reply_to_name"]
    message: str
    demanded_by: list[str] = Field(
        description="The countries among the recipients' whose rules demand a way out; the console refuses to send there.",
        examples=[["GB"]],
    )


class SmsAnswer(BaseModel):
    request_id: str | None = Field(examples=["req_2756880c1b5e2a7d94f360f3c9a4be1d"])
    name: str | None
    messages: list[Sent]
    errors: list[NotSent] = Field(
        description="What can't become a message. Someone who has opted out is not among them."
    )
    warnings: list[Warned] = Field(description="What the message lacks. It is sent all the same.")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that was found good: what becomes a message, and what does not."""

    sender: Sender
    drafts: list[Draft]
    errors: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    due_at: datetime | None
    expires_at: datetime | None


@both(router.post, "/sms", SmsAnswer, summary="Send texts")
def send_sms(request: HttpRequest, sms: Sms, idempotency_key: IdempotencyKey = "") -> Any:
    """Each number becomes a message. Who has opted out is no error: the message then shows `suppressed`."""
    needs_sender(request)
    account, digest = account_of(request), hashlib.sha256(request.body).hexdigest()
    token = clean(idempotency_key)
    if token and (given := outbound.answer_given(account, DOOR, token, request_hash=digest)) is not None:
        return _json(given)  # as it was, also if it would be refused by now
    good = _prepared(account, sms)

    def answer(ids: Sequence[int]) -> str:
        tids = [shown("tid", id_) for id_ in ids]
        return _answer(sms, good, shown("req", ids[0]), tids)

    options: dict[str, Any] = {"due_at": good.due_at, "expires_at": good.expires_at, "name": clean(sms.name or "")}
    options |= {"door": DOOR, "actor": actor_of(request)}
    if token:
        options |= {"request_hash": digest, "answer": answer}
        return _json(outbound.queue_once(token, good.sender, good.drafts, **options))
    return _json(answer([queued.id for queued in outbound.queue(good.sender, good.drafts, **options)]))


@both(router.post, "/sms/test", SmsAnswer, summary="Check a send, and send nothing")
def test_sms(request: HttpRequest, sms: Sms) -> Any:
    needs_sender(request)
    return _json(_answer(sms, _prepared(account_of(request), sms), None, None))


def bound(count: int) -> None:
    if count > MOST_NUMBERS:
        raise ApiError(400, f"A request has at most {MOST_NUMBERS:,} numbers.", "too_many", "to")


def sender_named(account: Account, raw: str) -> Sender:
    found = senders.find(account, raw)
    if found is None:
        raise ApiError(400, "The account has no such sender.", "unknown_sender", "from")
    return found


def _answer(sms: Sms, good: Prepared, request_id: str | None, tids: Sequence[str] | None) -> str:
    """The answer as text: kept for an Idempotency-Key, it comes again byte for byte from either database."""
    status, code = ("validated", "0") if tids is None else ("queued", "1000")
    told = {
        "request_id": request_id,
        "name": sms.name,
        "messages": [
            {
                "to": draft.address,
                "status": status,
                "transaction_id": tids[at] if tids else None,
                "code": code,
                "correlation_id": draft.correlation_id or None,
            }
            for at, draft in enumerate(good.drafts)
        ],
        "errors": good.errors,
        "warnings": good.warnings,
    }
    return json.dumps(told)


def _json(told: str) -> HttpResponse:
    return HttpResponse(told, content_type="application/json")


def _prepared(account: Account, sms: Sms) -> Prepared:
    """Raises ApiError, or Refused, for a request as a whole: also when nothing is left that can be sent."""
    body = _body(account, sms)
    link = {merging.OPT_OUT_LINK: accounts.opt_out_link(account)}
    sender = sender_named(account, sms.sender)
    due_at, expires_at = _times(sms)
    bound(sum(len(people.phone) for people in sms.to))
    drafts: dict[int, Draft] = {}
    errors: list[dict[str, Any]] = []
    for people in sms.to:
        text, missing = merging.merged(body, link | _values(sms.global_merge_fields | people.merge_fields))
        for raw in people.phone:
            try:
                draft = _draft(account, sender, raw, text, missing, people.correlation_id or "")
                if draft.recipient in drafts:
                    raise outbound.Refused("This number stands in the request already.", code="duplicate")
                drafts[draft.recipient] = draft
            except (numbers.BadNumber, outbound.Refused) as error:
                errors.append(_problem(raw, people.correlation_id, error))
    if not drafts:
        raise ApiError(400, errors[0]["message"], errors[0]["code"], "to")
    return Prepared(
        sender, list(drafts.values()), errors, _warnings(account, sender, drafts.values()), due_at, expires_at
    )


def _body(account: Account, sms: Sms) -> str:
    if sms.skip_optout_check:
        raise ApiError(400, NO_WAY_ROUND, "no_way_round", "skip_optout_check")
    if (sms.message_body is None) == (sms.template_id is None):
        words = "Give message_body or template_id" + (", not both." if sms.message_body is not None else ".")
        raise ApiError(400, words, "invalid", "message_body")
    if sms.template_id is None:
        return outbound.check_text(sms.message_body or "")
    id_ = codes.row_id(settings.ID_KEY, "tpl", sms.template_id)
    kept = templates.find(account, id_) if id_ is not None else None
    if kept is None:
        raise ApiError(400, "The account has no such template.", "unknown_template", "template_id")
    return kept.text


def _times(sms: Sms) -> tuple[datetime | None, datetime | None]:
    now = timezone.now()
    if sms.send_at and sms.send_at > now + LATEST_START:
        raise ApiError(400, "send_at is at most 7 days ahead.", "invalid", "send_at")
    start = max(sms.send_at or now, now)
    if sms.valid_until and not start < sms.valid_until <= start + LONGEST_VALIDITY:
        raise ApiError(400, "valid_until is after the send time, by at most 3 days.", "invalid", "valid_until")
    return sms.send_at, sms.valid_until


def _values(fields: Fields) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items() if value is not None}


def _draft(account: Account, sender: Sender, raw: str, text: str, missing: Sequence[str], correlation_id: str) -> Draft:
    number = numbers.parse(raw, account.country)
    address = numbers.show(number)
    if not handoff.may_be_handed(sender.connection.kind, address):
        raise numbers.BadNumber("not_valid")  # reserved for fiction, and this is a real carrier
    if missing:
        raise outbound.Refused(f"There is no value for {', '.join(missing)[:200]}.", code="missing_value")
    return Draft(number, address, outbound.check_text(text), clean(correlation_id))


def _problem(raw: str, correlation_id: str | None, error: numbers.BadNumber | outbound.Refused) -> dict[str, Any]:
    return {
        "to": raw[:60],
        "status": "error",
        "transaction_id": None,
        "code": "invalid_number" if isinstance(error, numbers.BadNumber) else error.code,
        "message": str(error),
        "correlation_id": correlation_id or None,
    }


def _warnings(account: Account, sender: Sender, drafts: Iterable[Draft]) -> list[dict[str, Any]]:
    """What the texts that name no way out lack, and where that is demanded. A merge field may bring the way."""
    ways = outbound.ways_out(account, sender)
    problems = {text: wording.lint(text, ways) for text in {draft.text for draft in drafts}}
    lacking = [draft for draft in drafts if problems[draft.text]]
    if not lacking:
        return []
    code = problems[lacking[0].text]
    demanded_by = wording.lint_for(
        lacking[0].text, ways, exits.countries_of(draft.recipient for draft in lacking), timezone.now().date()
    ).demanded_by
    return [{"code": code, "message": WARNINGS[code], "demanded_by": list(demanded_by)}]
