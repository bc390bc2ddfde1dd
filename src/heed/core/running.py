"""Starting, pausing, resuming and cancelling a campaign, and trying it on one's own phone. Acts at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any  # Columns of a row.

from django.db import transaction

from heed.core import accounts, audience, audit, campaigns, database, drafts, exits, handoff, outbound, pending
from heed.core.campaigns import Refused, locked
from heed.core.models import Account, Campaign, Sender
from heed.core.outbound import Draft, Queued
from heed.rules import numbers
from heed.rules.states import CampaignState, MessageState

LATEST_START = timedelta(days=366)
TEST_DOOR = "test"

_C = CampaignState


def start(account: Account, campaign_id: int, *, actor: str, expect: int | None = None, reason: str = "") -> Campaign:
    """Start the campaign, now or when it is scheduled. Raises Refused, also if not ``expect`` people are to be sent to.

    ``expect`` is the count that a button named: who confirmed 1,204 people doesn't send to 4,000. ``reason`` is an
    administrator's, for a text without a way out where one is demanded.
    """
    with transaction.atomic(durable=True):
        campaign = locked(account, campaign_id, (_C.READY,))
        sender = _check(campaign, expect)
        _check_exit(account, campaign, sender, reason, actor)
        now = database.now()
        is_later = campaign.start_at is not None and campaign.start_at > now
        campaign.state = _C.SCHEDULED if is_later else _C.RUNNING
        campaign.started_at, campaign.problem = None if is_later else now, ""
        campaign.save()
        audit.note(account.id, actor, "campaign.start", campaign.name, to_send=campaign.counts.get("to_send", 0))
    return campaign


def _check_exit(account: Account, campaign: Campaign, sender: Sender, reason: str, actor: str) -> None:
    countries, subject = audience.countries(campaign), campaign.name
    try:
        exits.check(account, sender, campaign.text, countries, reason=reason, subject=subject, actor=actor)
    except exits.Refused as error:
        raise Refused(str(error), code=error.code, field="text") from error


def _check(campaign: Campaign, expect: int | None) -> Sender:
    now = database.now()
    if campaign.sender is None or campaign.sender.closed_at is not None:
        raise Refused("Pick a sender that is in use.", code="sender_closed", field="sender")
    if not campaign.size:
        raise Refused("There is nobody to send to.", code="nobody", field="recipients")
    if expect is not None and expect != audience.counts(campaign).to_send:
        raise Refused("The number of people has changed. Look at it again.", code="changed")
    if campaign.start_at and campaign.start_at > now + LATEST_START:
        raise Refused("A campaign starts within a year.", field="start_at")
    if campaign.valid_until and campaign.valid_until <= max(campaign.start_at or now, now):
        raise Refused("The campaign is no longer valid when it would start.", field="valid_until")
    return campaign.sender


def unschedule(account: Account, campaign_id: int, *, actor: str) -> Campaign:
    """Take a campaign that has not begun back to where it can be changed."""
    return _moved(account, campaign_id, actor, "campaign.unschedule", (_C.SCHEDULED,), _C.READY)


def pause(account: Account, campaign_id: int, *, actor: str) -> Campaign:
    """Hold the campaign: what it has queued waits, but for what has been claimed already."""
    return _moved(account, campaign_id, actor, "campaign.pause", (_C.SCHEDULED, _C.RUNNING), _C.PAUSED, hold_back)


def resume(account: Account, campaign_id: int, *, actor: str) -> Campaign:
    """Go on where it was held. Everything passes the gate again."""
    campaign = campaigns.required(account, campaign_id)
    begins = campaign.start_at is None or campaign.start_at <= database.now() or campaign.started_at is not None
    after = _C.RUNNING if begins else _C.SCHEDULED
    return _moved(account, campaign_id, actor, "campaign.resume", (_C.PAUSED,), after, problem="", pulse={})


def cancel(account: Account, campaign_id: int, *, actor: str) -> Campaign:
    """End the campaign: what it has queued is cancelled, but for what has been claimed already."""
    states = (_C.SCHEDULED, _C.RUNNING, _C.PAUSED)
    finished = {"finished_at": database.now()}
    return _moved(account, campaign_id, actor, "campaign.cancel", states, _C.CANCELLED, cancel_rest, **finished)


def _moved(
    account: Account,
    campaign_id: int,
    actor: str,
    act: str,
    before: tuple[CampaignState, ...],
    after: CampaignState,
    then: Callable[[Campaign], int] | None = None,
    **changes: Any,
) -> Campaign:
    """The state commits first: the feeder, which locks the campaign too, queues nothing more."""
    with transaction.atomic(durable=True):
        campaign = locked(account, campaign_id, before)
        for name, value in {**changes, "state": after}.items():
            setattr(campaign, name, value)
        campaign.save()
        audit.note(account.id, actor, act, campaign.name)
    if then:
        then(campaign)
    return campaign


def hold_back(campaign: Campaign) -> int:
    """Have what the campaign has queued wait without a due time; how many. ``move_due`` holds what waits with one."""
    return pending.move_all(campaign, pending.QUEUED, state=MessageState.WAITING, due_at=None)


def cancel_rest(campaign: Campaign) -> int:
    """Cancel what the campaign has queued or held; how many. ``move_due`` cancels what waits for a due time."""
    cancelled = {"state": MessageState.CANCELLED, "settled_at": database.now()}
    return sum(pending.move_all(campaign, which, **cancelled) for which in (pending.QUEUED, pending.HELD))


def send_test(account: Account, campaign_id: int, raw: str, *, actor: str) -> Queued:
    """Send the text, as the first person would get it, to one's own number, now. It counts for nothing but itself."""
    campaign = campaigns.required(account, campaign_id)
    if campaign.sender is None or not campaign.text:
        raise Refused("Pick a sender and write the message first.", field="text")
    try:
        recipient = numbers.parse(raw, account.country)
    except numbers.BadNumber as error:
        raise Refused(str(error), field="to") from error
    address = numbers.show(recipient)
    if not handoff.may_be_handed(campaign.sender.connection.kind, address):
        raise Refused(audience.FICTIONAL, field="to")
    try:
        draft = Draft(recipient, address, outbound.check_text(_sample(campaign)))
        return outbound.queue(campaign.sender, [draft], door=TEST_DOOR, actor=actor)[0]
    except outbound.Refused as error:
        raise Refused(str(error), code=error.code, field=error.field) from error


def _sample(campaign: Campaign) -> str:
    """The text as the first person would get it, and fields that they don't fill by name; the link is the account's."""
    counting = audience.Counting(campaign)
    link = accounts.opt_out_link(campaign.account)
    known: dict[str, str] = next((json.loads(values) for _, _, values in drafts.page(campaign.id, (-1, 0), 1)), {})
    shown = {field.key: f"[{field.name}]" for field in counting.template.fields if field.default is None}
    return counting.text({**shown, **{key: value for key, value in known.items() if value}}, link)[0]
