"""Webhooks: where a customer's program listens, what it wants to hear, and what is still to be told or was."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class EndpointStyle(models.TextChoices):
    EVENTS = "events", "CloudEvents"
    CALLBACK = "callback", "Status callbacks"  # what Twilio's clients ask for, message by message
    SMPP = "smpp", "SMPP"  # what an ESME that has bound is given; the front's alone


class Endpoint(models.Model):
    """One address of a customer's. Secrets are encrypted; ``old_secret`` signs beside the other until its time is over.

    ``failures`` counts rounds without a success, since ``failing_since``; nothing is tried before ``retry_at``. A paused
    endpoint's deliveries wait, and die in their time. An endpoint for callbacks is an origin ("https://shop.example"),
    and ``key`` keeps it one for each secret.
    """

    account = models.ForeignKey("core.Account", models.PROTECT)
    style = models.CharField(max_length=8, choices=EndpointStyle.choices, default=EndpointStyle.EVENTS)
    url = models.CharField(max_length=1000)
    key = models.CharField(max_length=64, blank=True)
    kinds = models.JSONField(default=list)
    secret = models.CharField(max_length=400)
    old_secret = models.CharField(max_length=400, blank=True)
    old_secret_until = models.DateTimeField(null=True)
    is_enabled = models.BooleanField(default=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    paused_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "key"], condition=~Q(key=""), name="callback_origin_once")
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def is_working(self) -> bool:
        return self.is_enabled and self.paused_at is None


class Subscription(models.Model):
    """An endpoint in use wants events of this kind. Writing an event looks here, and nowhere else."""

    account_id = models.BigIntegerField()
    kind = models.CharField(max_length=24)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account_id", "kind", "endpoint"], name="subscription_once")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id}: {self.kind}"


class CallbackKinds(models.TextChoices):
    ALL = "all", "All"
    FINAL = "final", "What it came to"
    FAILURES = "failures", "That it did not arrive"


class Callback(models.Model):
    """What becomes of this message is told to an address of its own, or to the ESME that submitted it."""

    message_id = models.BigIntegerField(primary_key=True)
    endpoint = models.ForeignKey(Endpoint, models.PROTECT)
    url = models.CharField(max_length=1000)
    kinds = models.CharField(
        max_length=8, choices=CallbackKinds.choices, default=CallbackKinds.ALL, db_default=CallbackKinds.ALL
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["message_id"], condition=Q(kinds="all"), name="callback_all")]

    def __str__(self) -> str:
        return f"{self.message_id}: {self.url}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Being sent"
    DELIVERED = "delivered", "Delivered"
    DEAD = "dead", "Given up"


class Delivery(models.Model):
    """One event for one endpoint: the to-do row, and afterwards the log.

    Deliveries of one ``lane`` (a recipient; else the event alone) go out one after another. ``body`` is written at the
    first try, so that every later one sends the same bytes; the rest is of the last try. ``claim`` is a worker's lease.
    """

    account_id = models.BigIntegerField()
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, db_index=False)
    event_id = models.BigIntegerField()
    lane = models.BigIntegerField()
    url = models.CharField(max_length=1000)  # of a callback; "" is the endpoint's
    state = models.CharField(max_length=9, choices=DeliveryState.choices)
    tries = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    give_up_at = models.DateTimeField()
    claim = models.BigIntegerField()
    created_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    body = models.TextField()
    status = models.PositiveSmallIntegerField(null=True)  # of HTTP
    response = models.TextField()
    problem = models.CharField(max_length=300)
    took_ms = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "due_at"], condition=Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["give_up_at"], condition=Q(state="waiting"), name="delivery_give_up"),
            models.Index(
                fields=["endpoint", "lane", "id"], condition=Q(state__in=["waiting", "sending"]), name="delivery_lane"
            ),
            models.Index(fields=["claim"], condition=Q(state="sending"), name="delivery_sending"),
            models.Index(fields=["account_id", "endpoint", "-id"], name="delivery_log"),
            models.Index(fields=["endpoint", "id"], condition=Q(state="dead"), name="delivery_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.state}"
