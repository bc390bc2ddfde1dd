"""Feeding: from drafts to the queue, a chunk at a time, as fast as the sender sends and the window allows.

``queued`` means due now, so that claims stay fast and a pause has little to take back. All of a chunk stands in one
transaction that holds the campaign's row: positions and messages move together, and two workers never feed the same people.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from django.db.models import Q

from heed.core import database, drafts, links, outbound, outcomes, pending, running
from heed.core.audience import Counting
from heed.core.campaigns import window_of
from heed.core.models import Campaign, Message, Sender
from heed.core.outbound import Draft
from heed.core.pace import Pace
from heed.rules import numbers, refusals, segments, timing
from heed.rules.states import CampaignState, MessageState

CHUNK = 500
AHEAD = timedelta(seconds=2)  # of a sender's rate
MOST_QUEUED = 2000  # on one connection, where no rate says what two seconds are
OURS = ("no_value", "too_long")  # failures that no carrier has seen
ON_ITS_WAY = (pending.QUEUED, pending.HELD, pending.TIMED, pending.SENDING)
LOOKED_AFTER = timedelta(minutes=5)  # a cancelled campaign: a dispatcher may put back what it had claimed

_C = CampaignState


class Feeder:
    """The worker's: its pace is what SQLite has shown."""

    def __init__(self) -> None:
        self.pace = Pace(CHUNK)

    def feed(self) -> int:
        """Do what is due for every campaign: begin, queue, hold back, end. How many messages were queued."""
        now = database.now()
        due = (
            Q(state=_C.RUNNING)
            | Q(state=_C.SCHEDULED, start_at__lte=now)
            | Q(state=_C.PAUSED)
            | Q(state=_C.CANCELLED, finished_at__gt=now - LOOKED_AFTER)
        )
        return sum(
            self._look_after(one) for one in Campaign.objects.select_related("sender").filter(due).order_by("id")
        )

    def _look_after(self, campaign: Campaign) -> int:
        match campaign.state:
            case _C.PAUSED:
                running.hold_back(campaign)
            case _C.CANCELLED:
                running.cancel_rest(campaign)
            case _C.SCHEDULED:
                begun = Campaign.objects.filter(id=campaign.id, state=_C.SCHEDULED)
                return begun.update(state=_C.RUNNING, started_at=database.now())
            case _:
                return self.pace.commit(lambda: _feed(campaign.id, self.pace.chunk))
        return 0


def _feed(campaign_id: int, most: int) -> int:
    """Queue at most ``most`` of a running campaign's people, or end or pause it; how many were queued."""
    campaign = (
        Campaign.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("sender__connection", "account")
        .filter(id=campaign_id, state=_C.RUNNING)
        .first()
    )
    if campaign is None:  # paused meanwhile, or another worker feeds it
        return 0
    now = database.now()
    if campaign.sender is None or campaign.sender.closed_at is not None:
        return _end(campaign, _C.PAUSED, now, problem="The sender is not in use any more.")
    if campaign.valid_until and campaign.valid_until <= now:
        if held := _release(campaign, most):  # what a pause held goes back to the queue, where the claim expires it
            return held
        return _end(campaign, _C.FINISHED, now, problem="The campaign was valid until now; the rest was not sent.")
    if problem := _refused_too_often(campaign):
        return _end(campaign, _C.PAUSED, now, problem=problem)
    # Two workers may feed two campaigns of one sender; no_key: messages that name it don't wait.
    sender = Sender.objects.select_for_update(no_key=True).get(id=campaign.sender.id)
    room = min(most, _room(sender, now))
    moved = _release(campaign, room)
    fed = _queue_drafts(campaign, room - moved, now)
    if not moved and not fed and room and not _rest(campaign) and not pending.exists(campaign.id, *ON_ITS_WAY):
        return _end(campaign, _C.FINISHED, now)
    _use(sender, moved + fed, now)
    return moved + fed


def _refused_too_often(campaign: Campaign) -> str:
    """Why the campaign must stop and ask, or "". Only what came out since the last look back counts."""
    counted = outcomes.of_campaign(campaign.account_id, campaign.id)
    refused = {
        reason: count for (outcome, reason), count in counted.items() if outcome == "failed" and reason not in OURS
    }
    sent, failed = sum(count for (outcome, _), count in counted.items() if outcome == "sent"), sum(refused.values())
    if not campaign.pulse:
        campaign.pulse = {"sent": sent, "failed": failed}
        campaign.save(update_fields=["pulse"])
    sent, failed = sent - campaign.pulse["sent"], failed - campaign.pulse["failed"]
    if refusals.too_many(sent, failed):
        most = max(refused, key=lambda reason: refused[reason])
        return f"The carrier refused {failed:,} of the last {sent + failed:,} messages: {most or 'without a reason'}."
    if refusals.starts_anew(sent, failed):
        campaign.pulse = {"sent": sent + campaign.pulse["sent"], "failed": failed + campaign.pulse["failed"]}
        campaign.save(update_fields=["pulse"])
    return ""


def _end(campaign: Campaign, state: CampaignState, now: datetime, problem: str = "") -> int:
    campaign.state, campaign.problem = state, problem
    campaign.finished_at = now if state is _C.FINISHED else None
    campaign.pulse = {}
    campaign.save(update_fields=["state", "problem", "finished_at", "pulse"])
    return 0


def _room(sender: Sender, now: datetime) -> int:
    """How many may be queued now: two seconds' worth of the sender's rate, or what keeps the connection's queue short."""
    if sender.rate:
        begins = max(sender.fed_until or now, now)
        return max(0, int((now + AHEAD - begins).total_seconds() * sender.rate))
    queued = Message.objects.filter(connection_id=sender.connection_id, state=MessageState.QUEUED)
    return MOST_QUEUED - queued[:MOST_QUEUED].count()


def _use(sender: Sender, count: int, now: datetime) -> None:
    if sender.rate and count:
        until = max(sender.fed_until or now, now) + timedelta(seconds=count / sender.rate)
        Sender.objects.filter(id=sender.id).update(fed_until=until)


def _release(campaign: Campaign, room: int) -> int:
    """Queue again what a pause held back."""
    if room <= 0:
        return 0
    return pending.move(campaign, pending.HELD, room, state=MessageState.QUEUED)


def _queue_drafts(campaign: Campaign, room: int, now: datetime) -> int:
    window, fed = window_of(campaign), 0
    for at, (zone, last) in enumerate(campaign.zones):
        if fed >= room:
            break
        if window and not timing.is_open(window, zone, campaign.account.time_zone, now):
            continue
        if rows := drafts.of_zone(campaign.id, at, last, room - fed):
            _queue(campaign, rows)
            campaign.zones[at][1] = rows[-1][0]
            fed += len(rows)
    if fed:
        campaign.fed += fed
        campaign.save(update_fields=["zones", "fed"])
    return fed


def _queue(campaign: Campaign, rows: list[tuple[int, str]]) -> None:
    counting = Counting(campaign)
    ids = database.reserve_ids("core_message", len(rows))
    texts = [
        _draft(campaign, counting, id_, recipient, json.loads(values))
        for id_, (recipient, values) in zip(ids, rows, strict=True)
    ]
    outbound.queue_campaign(campaign.id, counting.sender, texts, actor=campaign.actor, expires_at=campaign.valid_until)


def _draft(campaign: Campaign, counting: Counting, id_: int, recipient: int, values: dict[str, str]) -> Draft:
    link = links.personal(campaign.account, id_) if counting.needs_link else ""
    text, missing = counting.text(values, link)
    code, words = "", ""
    if missing:
        code, words = "no_value", f"There is no value for {missing}."
    elif (parts := segments.parts(text)) > outbound.MOST_PARTS:
        code, words = "too_long", f"This message has {parts} parts; at most {outbound.MOST_PARTS} can be sent."
    return Draft(recipient, numbers.show(recipient), text, id=id_, code=code, words=words)


def _rest(campaign: Campaign) -> bool:
    """Whether there are drafts left, in zones that are closed now too."""
    return any(drafts.of_zone(campaign.id, at, last, 1) for at, (_, last) in enumerate(campaign.zones))
