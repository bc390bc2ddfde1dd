"""Texts that may be an opt-out, and what people decide about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal  # Any: JSON of answers

from django.http import HttpRequest
from ninja import Field, Query, Router
from pydantic import BaseModel

from heed.api.base import both
from heed.api.errors import ApiError, not_here
from heed.api.keys import account_of, actor_of, needs_sender
from heed.api.lists import Limit, Next, Time, page_of, row_id, shown, start_of, time_shown
from heed.core import reviews
from heed.core.models import Account, Decision, Review
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS

router = Router(tags=["Reviews"])


class ReviewShown(BaseModel):
    """Until `decided_at`, nothing but automatic answers is sent at its `scope`; at `due_at` it becomes an opt-out."""

    id: str = Field(examples=["rev_1756880c1b5e2a7d94f360f3c9a4be1d"])
    status: Literal["open", "decided"]
    phone_number: str = Field(examples=["+447700900501"])
    inbound_number: str = Field(examples=["+447700900001"])
    scope: Literal["sender", "account"]
    text: str = Field(examples=["wrong number"])
    rule: str = Field(description="Which rule asks", examples=["wrong number"])
    words: str = Field(description="Which words asked", examples=["wrong number"])
    opened_at: Time
    due_at: Time
    decided_at: Time | None
    decision: Decision | None
    decided_by: str | None = Field(description="null: the deadline decided", examples=["key shop"])
    note: str | None


class Reviews(BaseModel):
    items: list[ReviewShown]
    next: str | None


class Decide(BaseModel):
    decision: Decision
    note: str = Field("", max_length=500, description="Why; kept with the decision")


@both(
    router.get,
    "/reviews",
    Reviews,
    summary="What waits for a decision, oldest first; or what was decided, newest first",
)
def list_reviews(
    request: HttpRequest,
    status: Annotated[Literal["open", "decided"], Query(description="open or decided")] = "open",
    limit: Limit = 100,
    next: Next = "",
) -> Any:
    account, start = account_of(request), start_of(next)
    rows = reviews.queue(account).filter(id__gt=start or 0) if status == "open" else reviews.decided(account, start)
    return page_of(list(rows[: limit + 1]), limit, _shown)


@both(router.get, "/reviews/{review_id}", ReviewShown, summary="One review")
def show_review(request: HttpRequest, review_id: str) -> Any:
    return _shown(_found(account_of(request), review_id))


@both(router.post, "/reviews/{review_id}", ReviewShown, summary="Decide")
def decide_review(request: HttpRequest, review_id: str, body: Decide) -> Any:
    needs_sender(request)
    review = _found(account_of(request), review_id)
    try:
        reviews.decide(review, body.decision, actor=actor_of(request), note=body.note)
    except reviews.Decided as error:
        if error.review.decision != body.decision:
            raise ApiError(409, str(error), "decided", "decision") from error
    return _shown(_found(account_of(request), review_id))


def _found(account: Account, review_id: str) -> Review:
    found = reviews.of(account).filter(id=row_id("rev", review_id)).first()
    if found is None:
        raise not_here()
    return found


def _shown(row: Review) -> dict[str, Any]:
    text = row.inbound
    return {
        "id": shown("rev", row.id),
        "status": "decided" if row.decided_at else "open",
        "phone_number": numbers.show(row.recipient),
        "inbound_number": text.sender.address if text.sender else text.to_address,
        "scope": "account" if row.sender_id == ALL_SENDERS else "sender",
        "text": text.text,
        "rule": text.rule,
        "words": text.word,
        "opened_at": time_shown(row.opened_at),
        "due_at": time_shown(row.due_at),
        "decided_at": time_shown(row.decided_at),
        "decision": row.decision or None,
        "decided_by": row.decided_by or None,
        "note": row.note or None,
    }
