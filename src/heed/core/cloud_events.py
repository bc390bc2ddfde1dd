"""What an event says to a customer's program: CloudEvents 1.0, in the words of Webex Interact where it has any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any  # JSON that we write for others

from django.conf import settings

from heed.core.models import Account, Event, Inbound, LedgerEntry, Message, Review, Sender
from heed.rules import numbers
from heed.rules.codes import public_id
from heed.rules.consent import ALL_SENDERS
from heed.rules.timing import show
from heed.rules.verdicts import Verdict

OPT_OUT, STATUS = "com.interact.messages.sms.opt.out", "com.interact.messages.sms.status"
# What Interact has no word for bears our own name.
OPT_IN, REVIEW_DUE, TEST = "heed.messages.sms.opt.in", "heed.messages.sms.review.due", "heed.webhook.test"
STATUSES = {
    "sent": "submitted",
    "unconfirmed": "unconfirmed",
    "delivered": "delivered",
    "undelivered": "failed",
    "failed": "failed",
    "expired": "failed",
    "cancelled": "cancelled",
    "suppressed": "suppressed",
}
Json = dict[str, Any]


def public_event_id(event_id: int) -> str:
    return _public("evt", event_id)


@dataclass(slots=True)
class Sources:
    """The rows that some events are about, read together."""

    accounts: Mapping[int, Account] = field(default_factory=dict)
    entries: Mapping[int, LedgerEntry] = field(default_factory=dict)
    texts: Mapping[int, Inbound] = field(default_factory=dict)
    messages: Mapping[int, Message] = field(default_factory=dict)
    senders: Mapping[int, Sender] = field(default_factory=dict)
    reviews: Mapping[tuple[int, int], Review] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Sources:
        events = list(events)
        told = cls()
        told.accounts = Account.objects.in_bulk({one.account_id for one in events if one.account_id})
        told.entries = LedgerEntry.objects.in_bulk({one.entry_id for one in events if one.entry_id})
        told.texts = Inbound.objects.in_bulk({one.inbound_id for one in events if one.inbound_id})
        messages = Message.objects.select_related("sender", "campaign")
        told.messages = messages.in_bulk({one.message_id for one in events if one.message_id})
        through = {entry.through_id or entry.sender_id for entry in told.entries.values()}
        told.senders = Sender.objects.in_bulk(
            through | {text.sender_id for text in told.texts.values() if text.sender_id}
        )
        if any(one.kind == "review_due" for one in events):
            found = Review.objects.filter(inbound__in=list(told.texts))
            told.reviews = {(one.account_id, one.inbound_id): one for one in found}
        return told


def envelope(event: Event, sources: Sources) -> Json:
    """The whole event as JSON."""
    account = sources.accounts[event.account_id or 0]
    told: Json = {
        "specversion": "1.0",
        "id": public_event_id(event.id),
        "source": f"{settings.PUBLIC_URL}/accounts/{account.slug}",
        "type": STATUS,
        "time": show(event.at),
        "datacontenttype": "application/json",
    }
    match event.kind:
        case "opt_out":
            told |= {"type": OPT_OUT, "data": _act(event, sources, "opt_out")}
        case "opt_in":
            told |= {"type": OPT_IN, "data": _act(event, sources, "opt_in")}
        case "inbound":
            told |= {"data": _inbound(event, sources)}
        case "review_due":
            told |= {"type": REVIEW_DUE, "data": _review_due(event, sources)}
        case "test":
            told |= {"type": TEST, "data": {"status": "test", "message": "Heed reaches this webhook."}}
        case _:
            told |= _outbound(event, sources)
    return told


def _act(event: Event, sources: Sources, status: str) -> Json:
    entry = sources.entries[event.entry_id or 0]
    text = sources.texts.get(event.inbound_id or 0)
    return {
        "status": status,
        "channel": "sms",
        "message": text.text if text else "",
        "type": entry.source,
        "keyword": entry.word or None,
        "phone_number": numbers.show(entry.recipient),
        **_number(sources.senders.get(entry.through_id or entry.sender_id)),
        "account_level_opt_out": entry.sender_id == ALL_SENDERS,
        f"{status}_time": show(entry.effective_at),
        "reason": entry.note or None,
    }


def _inbound(event: Event, sources: Sources) -> Json:
    text = sources.texts.get(event.inbound_id or 0)
    if text is None:  # it was erased in the meantime
        return {"status": "inbound", "channel": "sms", "message": "", "phone_number": _phone(event), "rules": []}
    matched = [{"rule": text.rule, "trigger_keyword": text.word, "target_lists": []}] if text.rule else []
    return {
        "status": "inbound",
        "channel": "sms",
        "message": text.text,
        "phone_number": _phone(event) or text.from_address,
        **_number(sources.senders.get(text.sender_id or 0)),
        "verdict": text.verdict or Verdict.NONE.value,
        "rules": matched,
    }


def _review_due(event: Event, sources: Sources) -> Json:
    text = sources.texts.get(event.inbound_id or 0)
    review = sources.reviews.get((event.account_id or 0, event.inbound_id or 0))
    return {
        "status": "review_due",
        "channel": "sms",
        "message": text.text if text else "",
        "phone_number": _phone(event),
        **_number(sources.senders.get(text.sender_id or 0) if text else None),
        "review_id": _public("rev", review.id) if review else None,
        "due_at": show(review.due_at) if review else None,
    }


def _outbound(event: Event, sources: Sources) -> Json:
    message = sources.messages.get(event.message_id or 0)
    status = STATUSES.get(event.kind, event.kind)
    told: Json = {"transaction_id": _public("tid", event.message_id or 0)}
    if message is None:
        return told | {"data": {"status": status, "channel": "sms", "phone_number": _phone(event)}}
    if message.correlation_id:
        told["correlation_id"] = message.correlation_id
    campaign = message.campaign
    told["data"] = {
        "status": status,
        "channel": "sms",
        "code": message.code or None,
        "reason": message.reason or message.words or None if status in ("failed", "suppressed") else None,
        "phone_number": numbers.show(message.recipient),
        "from": message.sender.address,
        "message_body": message.text,
        "message_parts": message.parts,
        "scheduled_at": show(message.due_at) if message.due_at else None,
        "list_id": _public("lst", campaign.contact_list_id) if campaign and campaign.contact_list_id else None,
        "campaign_name": campaign.name if campaign else message.name or None,
        "campaign_id": _public("cmp", campaign.id) if campaign else None,
    }
    return told


def _number(sender: Sender | None) -> Json:
    """The number that a text came to, where it came to one."""
    return {
        "inbound_number": sender.address if sender else None,
        "inbound_number_id": _public("num", sender.id) if sender else None,
    }


def _phone(event: Event) -> str | None:
    return numbers.show(event.recipient) if event.recipient else None


def _public(prefix: str, id_: int) -> str:
    return public_id(settings.ID_KEY, prefix, id_)
