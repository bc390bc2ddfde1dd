"""Twilio's words: errors, messages and pages as its clients read them, and its form fields as they write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any  # JSON of answers
from urllib.parse import urlencode

from django.http import JsonResponse
from django.utils import timezone

from heed.core.models import Account, Message, Purpose
from heed.core.status_callbacks import API_VERSION, STATUSES, error_code, sid

NOT_FOUND, NO_AUTH, TOO_MANY = 20404, 20003, 20429
NO_TO, BAD_TO, NO_SENDER, BAD_SENDER, NO_BODY, LONG_BODY = 21604, 21211, 21603, 21606, 21602, 21617
OPTED_OUT, BAD_CALLBACK, NO_MEDIA, BAD_TIME, BAD_VALIDITY, BAD_SERVICE = 21610, 21609, 21620, 35114, 21618, 21701
NOT_FINAL, NOT_CANCELLABLE, NOT_UPDATABLE, BAD_REQUEST = 20009, 30409, 20001, 20001
SOONEST, LATEST = timedelta(minutes=5), timedelta(days=7)
MOST_VALIDITY_S = 36_000


class Problem(Exception):
    """A refusal: HTTP's status, Twilio's code, and words. Never problem+json: its SDK then raises another class."""

    def __init__(self, status: int, code: int, words: str) -> None:
        super().__init__(words)
        self.status, self.code = status, code


def refusal(problem: Problem) -> JsonResponse:
    body = {
        "code": problem.code,
        "message": str(problem),
        "more_info": f"https://www.twilio.com/docs/errors/{problem.code}",
        "status": problem.status,
    }
    answer = JsonResponse(body, status=problem.status)
    if problem.status == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="Heed"'
    return answer


def messages_uri(account: Account) -> str:
    return f"/{API_VERSION}/Accounts/{sid('AC', account.id)}/Messages"


def shown(account: Account, row: Message) -> dict[str, Any]:
    """``row`` as the Message resource."""
    code = error_code(row.state, row.code)
    id_ = sid("SM", row.id)
    return {
        "account_sid": sid("AC", account.id),
        "api_version": API_VERSION,
        "body": row.text,
        "date_created": date(row.created_at),
        "date_sent": date(row.settled_at) if row.state in ("sent", "delivered", "undelivered") else None,
        "date_updated": date(row.settled_at or row.claimed_at or row.created_at),
        "direction": "outbound-api" if row.purpose == Purpose.MESSAGE else "outbound-reply",
        "error_code": int(code) if code else None,
        "error_message": (row.words or row.reason or None) if code else None,
        "from": row.sender.address,
        "messaging_service_sid": sid("MG", row.pool_id) if row.pool_id else None,
        "num_media": "0",
        "num_segments": str(row.parts),
        "price": None,
        "price_unit": None,
        "sid": id_,
        "status": STATUSES[row.state],
        "subresource_uris": {"media": f"{messages_uri(account)}/{id_}/Media.json"},
        "to": row.address,
        "uri": f"{messages_uri(account)}/{id_}.json",
    }


def date(at: datetime | None) -> str | None:
    """RFC 2822, as in "Tue, 24 Nov 2026 09:30:00 +0000"."""
    return format_datetime(at.astimezone(UTC)) if at else None


def page(account: Account, asked: dict[str, str], size: int, number: int, rows: list[dict[str, Any]], more: str) -> Any:
    """One page of the list. ``more`` is the token of the next one, "" on the last."""
    uri = f"{messages_uri(account)}.json"
    filters = {name: value for name, value in asked.items() if value and name not in ("Page", "PageToken", "PageSize")}

    def at(place: int, **token: str) -> str:
        return f"{uri}?{urlencode(filters | {'PageSize': size, 'Page': place} | token)}"

    token = {"PageToken": asked["PageToken"]} if asked.get("PageToken") else {}
    return {
        "messages": rows,
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": max(0, number * size + len(rows) - 1),
        "uri": at(number, **token),
        "first_page_uri": at(0),
        "next_page_uri": at(number + 1, PageToken=more) if more else None,
        "previous_page_uri": None,
    }


def day_or_time(raw: str) -> tuple[datetime, datetime]:
    """The beginning of what ``raw`` names, a day or a moment, and its end. The SDK writes a day as its midnight."""
    try:
        at = datetime.fromisoformat(raw.strip())
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        return at, at + (timedelta(seconds=1) if any(at.timetuple()[3:6]) else timedelta(days=1))
    except (ValueError, OverflowError) as error:
        raise Problem(400, BAD_REQUEST, f"{raw[:40]!r} is no date.") from error


def send_at(raw: str, kind: str) -> datetime | None:
    if not raw:
        return None
    if kind not in ("", "fixed"):
        raise Problem(400, BAD_TIME, "ScheduleType is fixed.")
    at, now = day_or_time(raw)[0], timezone.now()
    if not now + SOONEST <= at <= now + LATEST:
        raise Problem(400, BAD_TIME, "SendAt is from 5 minutes to 7 days ahead.")
    return at


def valid_until(raw: str, start: datetime | None) -> datetime | None:
    if not raw:
        return None
    if not (raw.isascii() and raw.isdigit() and len(raw) < 7 and 1 <= int(raw) <= MOST_VALIDITY_S):
        raise Problem(400, BAD_VALIDITY, f"ValidityPeriod is 1 to {MOST_VALIDITY_S:,} seconds.")
    return (start or timezone.now()) + timedelta(seconds=int(raw))
