"""Sending, asking whether one may, and looking at messages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any  # JSON of answers

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Field, Header, Router, Schema
from pydantic import ConfigDict

from heed.api.base import (
    ApiError,
    account_of,
    actor_of,
    both,
    needs_sender,
    page_of,
    page_size,
    row_id,
    sender_named,
    shown,
    start_of,
    time_shown,
)
from heed.core import gate, outbound
from heed.core.models import Account, Message, Sender
from heed.core.outbound import Draft
from heed.rules import numbers, wording
from heed.rules.texts import clean

router = Router()
MOST_NUMBERS = 10_000
LATEST_START, LONGEST_VALIDITY = timedelta(days=7), timedelta(days=3)
NO_WAY_ROUND = "There is no way round the opt-out check: who has opted out is not sent to."


class People(Schema):
    phone: list[str] = Field(max_length=MOST_NUMBERS)
    merge_fields: dict[str, Any] = Field(default_factory=dict)
    correlation_id: str = Field("", max_length=120)


class Sms(Schema):
    model_config = ConfigDict(populate_by_name=True)

    message_body: str | None = None
    template_id: str | None = None
    sender: str = Field(alias="from")
    to: list[People] = Field(max_length=MOST_NUMBERS)
    global_merge_fields: dict[str, Any] = Field(default_factory=dict)
    send_at: datetime | None = None
    valid_until: datetime | None = None
    name: str = ""
    skip_optout_check: bool = False


class Asked(Schema):
    model_config = ConfigDict(populate_by_name=True)

    sender: str = Field(alias="from")
    to: list[str] = Field(max_length=MOST_NUMBERS)


@both(router.post, "/sms", summary="Send texts")
def send(request: HttpRequest, sms: Sms, idempotency_key: Annotated[str, Header(max_length=150)] = "") -> Any:
    """Each number becomes a message. Who has opted out is no error: the message then shows ``suppressed``."""
    needs_sender(request)
    sender, drafts, errors, due_at, expires_at = _prepared(account_of(request), sms)
    options: dict[str, Any] = {"door": "api", "actor": actor_of(request), "due_at": due_at, "expires_at": expires_at}
    if idempotency_key:
        digest = hashlib.sha256(request.body).hexdigest()
        ids = outbound.queue_once(clean(idempotency_key), sender, drafts, request_hash=digest, **options)
    else:
        ids = [queued.id for queued in outbound.queue(sender, drafts, **options)]
    messages = [
        _entry(draft, "queued") | {"transaction_id": shown("tid", id_)} for draft, id_ in zip(drafts, ids, strict=True)
    ]
    return {"request_id": shown("req", ids[0]), "messages": messages, "errors": errors}


@both(router.post, "/sms/test", summary="Check a send, and send nothing")
def test(request: HttpRequest, sms: Sms) -> Any:
    needs_sender(request)
    _, drafts, errors, _, _ = _prepared(account_of(request), sms)
    return {"request_id": None, "messages": [_entry(draft, "validated") for draft in drafts], "errors": errors}


def _prepared(
    account: Account, sms: Sms
) -> tuple[Sender, list[Draft], list[dict[str, Any]], datetime | None, datetime | None]:
    if sms.skip_optout_check:
        raise ApiError(400, NO_WAY_ROUND, "no_way_round", "skip_optout_check")
    if sms.template_id is not None or sms.message_body is None:
        raise ApiError(400, "Give message_body. Templates are not stored here.", "invalid", "message_body")
    sender = sender_named(account, sms.sender, "from")
    due_at, expires_at = _times(sms)
    body = outbound.check_text(sms.message_body)
    if sum(len(people.phone) for people in sms.to) > MOST_NUMBERS:
        raise ApiError(400, f"A request has at most {MOST_NUMBERS:,} numbers.", "too_many", "to")
    drafts: dict[int, Draft] = {}
    errors: list[dict[str, Any]] = []
    for people in sms.to:
        values = {key: str(value) for key, value in (sms.global_merge_fields | people.merge_fields).items()}
        text, missing = wording.merged(body, values)
        for raw in people.phone:
            problem = _problem(account, raw, people.correlation_id, text, missing, drafts)
            if problem:
                errors.append(problem)
    if not drafts:
        words = errors[0]["message"] if errors else "Give at least one number."
        raise ApiError(400, words, errors[0]["code"] if errors else "invalid", "to")
    return sender, list(drafts.values()), errors, due_at, expires_at


def _problem(
    account: Account, raw: str, correlation_id: str, text: str, missing: Sequence[str], drafts: dict[int, Draft]
) -> dict[str, Any] | None:
    """Why ``raw`` does not become a message; None if it does, and stands in ``drafts`` now."""
    problem = {"to": raw[:60], "status": "error", "correlation_id": correlation_id or None}
    try:
        number = numbers.parse(raw, account.country)
        if number in drafts:
            return problem | {"code": "duplicate", "message": "This number stands in the request already."}
        if missing:
            return problem | {"code": "missing_value", "message": f"There is no value for {', '.join(missing)[:200]}."}
        drafts[number] = Draft(number, numbers.show(number), outbound.check_text(text), clean(correlation_id))
    except numbers.BadNumber as error:
        return problem | {"code": "invalid_number", "message": str(error)}
    except outbound.Refused as error:
        return problem | {"code": error.code, "message": str(error)}
    return None


def _times(sms: Sms) -> tuple[datetime | None, datetime | None]:
    now = timezone.now()
    due_at, expires_at = _utc(sms.send_at), _utc(sms.valid_until)
    if due_at and due_at > now + LATEST_START:
        raise ApiError(400, "send_at is at most 7 days ahead.", "invalid", "send_at")
    if expires_at and not (due_at or now) < expires_at <= (due_at or now) + LONGEST_VALIDITY:
        raise ApiError(400, "valid_until is after the send time, by at most 3 days.", "invalid", "valid_until")
    return due_at, expires_at


def _utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise ApiError(400, "This time is out of range.", "invalid") from error


def _entry(draft: Draft, status: str) -> dict[str, Any]:
    code = "1000" if status == "queued" else "0"
    return {"to": draft.address, "status": status, "code": code, "correlation_id": draft.correlation_id or None}


@both(router.post, "/check", summary="May I send to these numbers?")
def check(request: HttpRequest, asked: Asked) -> Any:
    """One item for each number, in order. A number that can't be read is not allowed: ``invalid_number``."""
    account = account_of(request)
    sender = sender_named(account, asked.sender, "from")
    people: list[int | None] = []
    for raw in asked.to:
        try:
            people.append(numbers.parse(raw, account.country))
        except numbers.BadNumber:
            people.append(None)
    blocked = gate.may_send(account.id, sender.id, {p for p in people if p is not None}, pool_id=sender.pool_id)
    items = []
    for raw, person in zip(asked.to, people, strict=True):
        block = blocked.get(person) if person is not None else None
        items.append(
            {
                "phone_number": raw[:60] if person is None else numbers.show(person),
                "allowed": person is not None and block is None,
                "reason": "invalid_number" if person is None else block.reason if block else None,
                "scope": block.scope if block else None,
                "since": time_shown(block.since) if block else None,
            }
        )
    return JsonResponse({"items": items})  # ten thousand of them: not through a schema


@both(router.get, "/messages", summary="Messages, newest first")
def messages(request: HttpRequest, to: str = "", status: str = "", limit: int = 100, next: str = "") -> Any:
    account, size = account_of(request), page_size(limit)
    rows: QuerySet[Message] = Message.objects.select_related("sender").filter(account=account).order_by("-id")
    if to:
        rows = rows.filter(recipient=numbers.parse(to, account.country))
    if status:
        rows = rows.filter(state=clean(status)[:20])
    if start := start_of(next):
        rows = rows.filter(id__lt=start)
    return page_of(list(rows[: size + 1]), size, _message)


@both(router.get, "/messages/{transaction_id}", summary="One message")
def message(request: HttpRequest, transaction_id: str) -> Any:
    wanted = row_id("tid", transaction_id)
    found = Message.objects.select_related("sender").filter(account=account_of(request), id=wanted).first()
    if found is None:
        raise ApiError(404, "There is nothing with this id.", "not_found")
    return _message(found)


def _message(row: Message) -> dict[str, Any]:
    return {
        "transaction_id": shown("tid", row.id),
        "from": row.sender.address,
        "to": numbers.show(row.recipient),
        "text": row.text,
        "parts": row.parts,
        "status": row.state,
        "reason": row.reason or None,
        "code": row.code or None,
        "correlation_id": row.correlation_id or None,
        "created_at": time_shown(row.created_at),
        "settled_at": time_shown(row.settled_at),
    }
