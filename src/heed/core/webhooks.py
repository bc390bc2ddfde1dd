"""Endpoints of webhooks: where a customer's program listens, for what, and with which secrets."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from heed.core import audit, database, refused, vault
from heed.core.models import Account, Callback, Endpoint, EndpointStyle, Subscription
from heed.rules import addresses, signatures

# What an endpoint may ask for, and the kinds of events that it then is told.
KINDS: dict[str, tuple[str, ...]] = {
    "opt_out": ("opt_out",),
    "opt_in": ("opt_in",),
    "inbound": ("inbound",),
    "submitted": ("sent", "unconfirmed"),
    "delivered": ("delivered",),
    "failed": ("failed", "undelivered", "expired", "cancelled"),
    "suppressed": ("suppressed",),
    "review_due": ("review_due",),
}
MOST_ENDPOINTS = 20
OLD_SECRET_LASTS = timedelta(hours=24)
PROBLEMS = {
    "too_long": f"An address has at most {addresses.MOST_URL:,} characters.",
    "not_an_address": "Give an address like https://shop.example/heed.",
    "has_password": "Leave name and password out of the address; the signature tells who is calling.",
    "not_https": "Give an address with https://: what is sent there are people's numbers and texts.",
    "private": "This address is private; webhooks only go to public ones.",
}


class Refused(refused.Refused):
    """This endpoint can't be kept."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What may be changed of an endpoint; None leaves it as it is."""

    url: str | None = None
    kinds: Sequence[str] | None = None
    is_enabled: bool | None = None


def of(account: Account) -> QuerySet[Endpoint]:
    """The account's endpoints for events, newest first."""
    return every(account).filter(style=EndpointStyle.EVENTS)


def every(account: Account) -> QuerySet[Endpoint]:
    """The same, and the origins that messages' own callbacks go to."""
    mine = Endpoint.objects.filter(account=account, removed_at=None).exclude(style=EndpointStyle.SMPP)
    return mine.order_by("-id")


def paused(account: Account) -> QuerySet[Endpoint]:
    """Those that failed for so long that nothing is tried any more, until staff have looked; callbacks' too."""
    return Endpoint.objects.filter(account=account, removed_at=None, is_enabled=True).exclude(paused_at=None)


def create(account: Account, url: str, kinds: Sequence[str], *, actor: str) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, which is shown this once. Raises Refused."""
    url, kinds = _checked_url(url), _checked_kinds(kinds)
    secret = _new_secret()
    with transaction.atomic(durable=True):
        Account.objects.select_for_update().get(pk=account.pk)
        if of(account).count() >= MOST_ENDPOINTS:
            raise Refused(f"An account has at most {MOST_ENDPOINTS} webhooks.", code="too_many")
        endpoint = Endpoint.objects.create(
            account=account, url=url, kinds=kinds, secret=vault.encrypt(secret), created_at=database.now()
        )
        _subscribe(endpoint)
        audit.note(account.id, actor, "webhook.create", url, kinds=kinds)
    return endpoint, secret


def change(endpoint: Endpoint, setting: Setting, *, actor: str) -> Endpoint:
    """Apply ``setting``. Enabling one resumes it: what waited while it was paused is tried at once. Raises Refused."""
    changed: dict[str, object] = {}
    if setting.url is not None:
        changed["url"] = _checked_url(setting.url)
    if setting.kinds is not None:
        changed["kinds"] = _checked_kinds(setting.kinds)
    if setting.is_enabled is not None:
        changed["is_enabled"] = setting.is_enabled
    with transaction.atomic(durable=True):
        endpoint = _locked(endpoint)
        for name, value in changed.items():
            setattr(endpoint, name, value)
        if setting.is_enabled:
            endpoint.paused_at, endpoint.paused_reason = None, ""
            endpoint.failures, endpoint.failing_since, endpoint.retry_at = 0, None, None
        endpoint.save()
        _subscribe(endpoint)
        audit.note(endpoint.account_id, actor, "webhook.change", endpoint.url, **changed)
    return endpoint


def rotate(endpoint: Endpoint, *, actor: str) -> tuple[Endpoint, str]:
    """A new secret, shown this once. For a day both sign, so that a receiver may change over at any moment of it."""
    secret = _new_secret()
    with transaction.atomic(durable=True):
        endpoint = _locked(endpoint)
        endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, database.now() + OLD_SECRET_LASTS
        endpoint.secret = vault.encrypt(secret)
        endpoint.save(update_fields=["secret", "old_secret", "old_secret_until"])
        audit.note(endpoint.account_id, actor, "webhook.rotate", endpoint.url)
    return endpoint, secret


def remove(endpoint: Endpoint, *, actor: str) -> None:
    """Take the endpoint away. What it was told stays in the log until that is forgotten; what waits is told to nobody."""
    with transaction.atomic(durable=True):
        endpoint = _locked(endpoint)
        endpoint.removed_at, endpoint.is_enabled = database.now(), False
        endpoint.save(update_fields=["removed_at", "is_enabled"])
        _subscribe(endpoint)
        audit.note(endpoint.account_id, actor, "webhook.remove", endpoint.url)


def secrets_of(endpoint: Endpoint, now: datetime) -> list[str]:
    """What signs for ``endpoint`` now: one secret, or two for a day after a rotation. Raises vault.Unreadable."""
    kept = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and now < endpoint.old_secret_until:
        kept.append(endpoint.old_secret)
    return [vault.decrypt(one) for one in kept]


def callback_problem(url: str) -> str:
    """What is wrong with ``url`` for status callbacks, in words; "" if nothing is."""
    return PROBLEMS.get(addresses.problem_of(url, settings.WEBHOOK_NETWORKS), "")


def call_back(account: Account, message_ids: Iterable[int], url: str, secret: str) -> None:
    """Have what becomes of these messages told to ``url``, signed with ``secret``; in the transaction that makes them."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    key = hashlib.sha256(f"{origin} {secret}".encode()).hexdigest()
    endpoint = Endpoint.objects.filter(account=account, key=key).first() or _new_origin(account, origin, key, secret)
    Callback.objects.bulk_create([Callback(message_id=id_, endpoint=endpoint, url=url) for id_ in message_ids])


def _new_origin(account: Account, origin: str, key: str, secret: str) -> Endpoint:
    try:
        with transaction.atomic():
            return Endpoint.objects.create(
                account=account, style=EndpointStyle.CALLBACK, url=origin, key=key, secret=vault.encrypt(secret)
            )
    except IntegrityError:  # Another request was first.
        return Endpoint.objects.get(account=account, key=key)


def _locked(endpoint: Endpoint) -> Endpoint:
    return Endpoint.objects.select_for_update().get(pk=endpoint.pk)


def _subscribe(endpoint: Endpoint) -> None:
    """Have the endpoint told what it wants, from the next event on; nothing while it is switched off."""
    told = [kind for name in endpoint.kinds for kind in KINDS[name]] if endpoint.is_enabled else []
    Subscription.objects.filter(endpoint=endpoint).exclude(kind__in=told).delete()
    Subscription.objects.bulk_create(
        [Subscription(account_id=endpoint.account_id, kind=kind, endpoint=endpoint) for kind in told],
        ignore_conflicts=True,
    )


def _checked_url(raw: str) -> str:
    url = raw.strip()
    if problem := addresses.problem_of(url, settings.WEBHOOK_NETWORKS):
        raise Refused(PROBLEMS[problem], code=problem, field="url")
    return url


def _checked_kinds(raw: Sequence[str]) -> list[str]:
    unknown = [kind for kind in raw if kind not in KINDS]
    if unknown:
        raise Refused(f"There are no events “{unknown[0][:60]}”.", code="unknown_event", field="events")
    if not raw:
        raise Refused("Choose at least one kind of event.", code="no_events", field="events")
    return [kind for kind in KINDS if kind in raw]


def _new_secret() -> str:
    return signatures.secret(secrets.token_bytes(signatures.SECRET_BYTES))
