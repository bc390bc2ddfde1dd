"""Webhooks: where a program is told what happened, what it was told, and telling it again."""

from __future__ import annotations

from typing import Annotated, Any, Literal  # Any: JSON of answers

from django.http import HttpRequest
from ninja import Field, Query, Router, Status
from pydantic import BaseModel, StrictBool

from heed.api.base import both
from heed.api.errors import ApiError, not_here
from heed.api.keys import account_of, actor_of, role_of
from heed.api.lists import Limit, Next, Time, page_of, row_id, shown, start_of, time_shown
from heed.core import deliveries, webhooks
from heed.core.models import Delivery, DeliveryState, Endpoint

router = Router(tags=["Webhooks"])
Kind = Literal[
    "opt_out", "opt_in", "inbound", "submitted", "delivered", "failed", "suppressed", "review_due"
]  # webhooks.KINDS, for the description


class Webhook(BaseModel):
    url: str = Field(description="https://, and no private address", examples=["https://shop.example/heed"])
    events: list[Kind] = Field(description="What it is told", examples=[["opt_out", "opt_in"]])


class WebhookChange(BaseModel):
    """What is left out stays as it is. Enabling one that has been paused resumes it."""

    url: str | None = Field(None, examples=["https://shop.example/heed"])
    events: list[Kind] | None = Field(None, examples=[["opt_out", "opt_in", "inbound"]])
    enabled: StrictBool | None = Field(None, examples=[True])


class WebhookShown(BaseModel):
    id: str = Field(examples=["whk_0f3c9a4be1d2756880c1b5e2a7d94f36"])
    url: str = Field(examples=["https://shop.example/heed"])
    events: list[Kind] = Field(examples=[["opt_out", "opt_in"]])
    status: Literal["enabled", "disabled", "paused"] = Field(
        description="paused: it failed for three days, or answered 410. Nothing is tried until it is enabled again."
    )
    paused_reason: str | None
    created_at: Time


class WebhookMade(WebhookShown):
    secret: str = Field(
        description="Verifies its signatures (Standard Webhooks). It is shown this once.", examples=["whsec_…"]
    )


class Webhooks(BaseModel):
    items: list[WebhookShown]
    next: str | None


class DeliveryShown(BaseModel):
    id: str = Field(examples=["dlv_0f3c9a4be1d2756880c1b5e2a7d94f36"])
    event_id: str = Field(examples=["evt_5be1d2756880c1b5e2a7d94f360f3c9a"])
    status: DeliveryState
    tries: int
    created_at: Time
    next_try_at: Time | None
    tried_at: Time | None
    settled_at: Time | None
    request: str | None = Field(description="The body that is sent, once it was tried")
    response_status: int | None = Field(examples=[200])
    response: str | None = Field(description="The beginning of the answer")
    problem: str | None = Field(description="Why there was no answer")


class Deliveries(BaseModel):
    items: list[DeliveryShown]
    next: str | None


class Replayed(BaseModel):
    deliveries: int = Field(description="How many are told again", examples=[1])


@both(router.get, "/webhooks", Webhooks, summary="The account's webhooks, newest first")
def list_webhooks(request: HttpRequest, limit: Limit = 100, next: Next = "") -> Any:
    rows = webhooks.of(account_of(request))
    if start := start_of(next):
        rows = rows.filter(id__lt=start)
    return page_of(list(rows[: limit + 1]), limit, _shown)


@both(router.post, "/webhooks", WebhookMade, status=201, summary="Add a webhook")
def add_webhook(request: HttpRequest, webhook: Webhook) -> Any:
    """Its secret is in this answer, and in no other. Owners' and administrators' keys add, change and replay."""
    _needs_administrator(request)
    made, secret = webhooks.create(account_of(request), webhook.url, webhook.events, actor=actor_of(request))
    return Status(201, _shown(made) | {"secret": secret})


@both(router.get, "/webhooks/{webhook_id}", WebhookShown, summary="One webhook")
def show_webhook(request: HttpRequest, webhook_id: str) -> Any:
    return _shown(_found(request, webhook_id))


@both(router.patch, "/webhooks/{webhook_id}", WebhookShown, summary="Change, switch off or resume a webhook")
def change_webhook(request: HttpRequest, webhook_id: str, change: WebhookChange) -> Any:
    _needs_administrator(request)
    setting = webhooks.Setting(change.url, change.events, change.enabled)
    return _shown(webhooks.change(_found(request, webhook_id), setting, actor=actor_of(request)))


@both(router.delete, "/webhooks/{webhook_id}", WebhookShown, summary="Remove a webhook")
def remove_webhook(request: HttpRequest, webhook_id: str) -> Any:
    """What it has not been told by then, it is not told."""
    _needs_administrator(request)
    found = _found(request, webhook_id)
    webhooks.remove(found, actor=actor_of(request))
    found.is_enabled = False
    return _shown(found)


@both(router.post, "/webhooks/{webhook_id}/secret", WebhookMade, summary="Give a webhook a new secret")
def rotate_webhook_secret(request: HttpRequest, webhook_id: str) -> Any:
    """The old one goes on signing beside it for 24 hours."""
    _needs_administrator(request)
    changed, secret = webhooks.rotate(_found(request, webhook_id), actor=actor_of(request))
    return _shown(changed) | {"secret": secret}


@both(router.post, "/webhooks/{webhook_id}/test", DeliveryShown, summary="Send a test event")
def test_webhook(request: HttpRequest, webhook_id: str) -> Any:
    """It is sent within a second or so; its delivery says how the webhook answered."""
    _needs_administrator(request)
    return _delivery(deliveries.test(_found(request, webhook_id), actor=actor_of(request)))


@both(router.get, "/webhooks/{webhook_id}/deliveries", Deliveries, summary="What a webhook was told, newest first")
def list_deliveries(
    request: HttpRequest,
    webhook_id: str,
    status: Annotated[DeliveryState | None, Query(description="Those in this state alone")] = None,
    limit: Limit = 100,
    next: Next = "",
) -> Any:
    rows = deliveries.log(_found(request, webhook_id), status or "", start_of(next))
    return page_of(list(rows[: limit + 1]), limit, _delivery)


@both(router.post, "/webhooks/{webhook_id}/replay", Replayed, summary="Tell again what was given up")
def replay_dead(request: HttpRequest, webhook_id: str) -> Any:
    _needs_administrator(request)
    return {"deliveries": deliveries.replay_dead(_found(request, webhook_id), actor=actor_of(request))}


@both(router.get, "/deliveries/{delivery_id}", DeliveryShown, summary="One delivery")
def show_delivery(request: HttpRequest, delivery_id: str) -> Any:
    return _delivery(_found_delivery(request, delivery_id))


@both(router.post, "/deliveries/{delivery_id}/replay", Replayed, summary="Tell one event again")
def replay_delivery(request: HttpRequest, delivery_id: str) -> Any:
    """Under the same event id. One that is still being tried is left to that: 0."""
    _needs_administrator(request)
    done = deliveries.replay(_found_delivery(request, delivery_id), actor=actor_of(request))
    return {"deliveries": int(done)}


def _needs_administrator(request: HttpRequest) -> None:
    if not role_of(request).may_lift:
        raise ApiError(403, "Only owners' and administrators' keys do this.", "forbidden")


def _found(request: HttpRequest, webhook_id: str) -> Endpoint:
    found = webhooks.of(account_of(request)).filter(id=row_id("whk", webhook_id)).first()
    if found is None:
        raise not_here()
    return found


def _found_delivery(request: HttpRequest, delivery_id: str) -> Delivery:
    found = deliveries.find(account_of(request), row_id("dlv", delivery_id))
    if found is None:
        raise not_here()
    return found


def _shown(row: Endpoint) -> dict[str, Any]:
    return {
        "id": shown("whk", row.id),
        "url": row.url,
        "events": row.kinds,
        "status": "disabled" if not row.is_enabled else "paused" if row.paused_at else "enabled",
        "paused_reason": row.paused_reason or None,
        "created_at": time_shown(row.created_at),
    }


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": shown("dlv", row.id),
        "event_id": shown("evt", row.event_id),
        "status": row.state,
        "tries": row.tries,
        "created_at": time_shown(row.created_at),
        "next_try_at": time_shown(row.due_at) if row.state == DeliveryState.WAITING else None,
        "tried_at": time_shown(row.tried_at),
        "settled_at": time_shown(row.settled_at),
        "request": row.body or None,
        "response_status": row.status,
        "response": row.response or None,
        "problem": row.problem or None,
    }
