"""Campaigns: written, changed, duplicated and deleted. Their people are audience's, their running is running's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any  # Columns of a row.
from zoneinfo import ZoneInfo

from django.db import transaction

from heed.core import audit, database, drafts, jobs, outbound, refused
from heed.core.models import Account, Campaign, Sender
from heed.core.pace import Pace
from heed.rules import timing
from heed.rules.states import CampaignState
from heed.rules.texts import line
from heed.rules.timing import Window

BUILD, COUNT = "campaign.build", "campaign.count"
EDITABLE = (CampaignState.DRAFT, CampaignState.BUILDING, CampaignState.READY)
CLEARED_AT_ONCE = 5000


class Refused(refused.Refused):
    """This can't be done with this campaign."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What staff write down of a campaign: what it says, from whom, when. Times are aware; see ``local``."""

    name: str
    sender: Sender | None = None
    text: str = ""
    start_at: datetime | None = None  # None: at once
    valid_until: datetime | None = None  # nothing is queued or handed off from then on
    window: Window | None = None  # in the recipient's local time


def new_plan(account: Account, name: str = "") -> Plan:
    """What the form of a new campaign begins with."""
    return Plan(name, window=timing.default_window(account.country))


def plan_of(campaign: Campaign) -> Plan:
    return Plan(
        campaign.name, campaign.sender, campaign.text, campaign.start_at, campaign.valid_until, window_of(campaign)
    )


def window_of(campaign: Campaign) -> Window | None:
    if campaign.opens is None or campaign.closes is None:
        return None
    return Window(campaign.opens, campaign.closes)


def local(account: Account, moment: datetime) -> datetime:
    """``moment``, as the account's clocks show it, as an aware time. An hour that is skipped in spring is the one after."""
    aware = moment.replace(tzinfo=ZoneInfo(account.time_zone))
    return aware.astimezone(ZoneInfo("UTC"))


def create(account: Account, plan: Plan, *, actor: str) -> Campaign:
    plan = _checked(account, plan)
    with transaction.atomic(durable=True):
        made = Campaign.objects.create(account=account, actor=actor[:120], created_at=database.now(), **_columns(plan))
        audit.note(account.id, actor, "campaign.create", plan.name)
    return made


def change(account: Account, campaign_id: int, plan: Plan, *, actor: str) -> Campaign:
    """Write ``plan`` down in place of what was. A new text or sender has its people counted again, in the background."""
    plan = _checked(account, plan)
    with transaction.atomic(durable=True):
        campaign = locked(account, campaign_id, EDITABLE)
        before = plan_of(campaign)
        for name, value in _columns(plan).items():
            setattr(campaign, name, value)
        if (before.text, before.sender) != (plan.text, plan.sender):
            campaign.revision += 1
            if campaign.state == CampaignState.READY:
                campaign.state = CampaignState.BUILDING
                count_again(campaign, actor=actor)
        campaign.save()
        audit.note(account.id, actor, "campaign.change", plan.name)
    return campaign


def count_again(campaign: Campaign, *, actor: str) -> None:
    """Begin to count the campaign's drafts, inside the caller's transaction."""
    jobs.start(campaign.account, COUNT, campaign.id, actor=actor, total=campaign.size, revision=campaign.revision)


def duplicate(account: Account, campaign_id: int, *, actor: str) -> Campaign:
    """A new campaign with the same text, sender, window and choice of people, who are read anew before it starts."""
    model = required(account, campaign_id)
    sender = model.sender if model.sender and model.sender.closed_at is None else None
    plan = replace(plan_of(model), name=f"{model.name} (copy)"[:80], sender=sender, start_at=None, valid_until=None)
    with transaction.atomic(durable=True):
        made = Campaign.objects.create(
            account=account,
            actor=actor[:120],
            created_at=database.now(),
            contact_list=model.contact_list,
            upload=model.upload,
            mapping=model.mapping,
            **_columns(plan),
        )
        audit.note(account.id, actor, "campaign.duplicate", model.name)
    return made


def delete(account: Account, campaign_id: int, *, actor: str) -> None:
    """Delete a campaign that was never started. Raises Refused for any other: its messages are evidence."""
    with transaction.atomic(durable=True):
        campaign = locked(account, campaign_id, EDITABLE)
        for kind in (BUILD, COUNT):
            jobs.cancel(account, kind, campaign.id)
        Campaign.objects.filter(id=campaign.id).delete()
        audit.note(account.id, actor, "campaign.delete", campaign.name)
    pace = Pace(CLEARED_AT_ONCE)
    while pace.commit(lambda: drafts.clear(campaign_id, pace.chunk)):
        continue


def find(account: Account, campaign_id: int) -> Campaign | None:
    return Campaign.objects.select_related("sender", "account").filter(account=account, id=campaign_id).first()


def required(account: Account, campaign_id: int) -> Campaign:
    campaign = find(account, campaign_id)
    if campaign is None:
        raise Refused("There is no such campaign.", code="not_found")
    return campaign


def page(account: Account, *, before: int = 0, limit: int = 50) -> list[Campaign]:
    """Campaigns, newest first, with ids below ``before``."""
    found = Campaign.objects.select_related("sender").filter(account=account).order_by("-id")
    return list((found.filter(id__lt=before) if before else found)[:limit])


def locked(account: Account, campaign_id: int, states: tuple[CampaignState, ...]) -> Campaign:
    """The campaign, locked inside the caller's transaction. Raises Refused if it isn't in one of ``states``."""
    campaign = Campaign.objects.select_for_update().filter(account=account, id=campaign_id).first()
    if campaign is None:
        raise Refused("There is no such campaign.", code="not_found")
    if campaign.state not in states:
        raise Refused(f"This can't be done: the campaign is {campaign.state}.", code="state")
    return campaign


def _checked(account: Account, plan: Plan) -> Plan:
    name = line(plan.name)
    if not 1 <= len(name) <= 80:
        raise Refused("A campaign's name has 1 to 80 characters.", field="name")
    if plan.sender and (plan.sender.account_id != account.id or plan.sender.closed_at is not None):
        raise Refused("Pick a sender that is in use.", field="sender")
    if plan.window and not (0 <= plan.window.opens < 24 and 0 < plan.window.closes <= 24):
        raise Refused("A window is from 0–23 to 1–24 o'clock.", field="window")
    if plan.window and plan.window.opens == plan.window.closes:
        raise Refused("A window that closes when it opens is never open.", field="window")
    starts = max(plan.start_at or database.now(), database.now())
    if plan.valid_until and plan.valid_until <= starts:
        raise Refused("The campaign must be valid until after it starts.", field="valid_until")
    return replace(plan, name=name, text=_checked_text(plan.text))


def _checked_text(raw: str) -> str:
    try:
        return outbound.check_template(raw)
    except outbound.Refused as error:
        raise Refused(str(error), code=error.code, field="text") from error


def _columns(plan: Plan) -> dict[str, Any]:
    window = plan.window
    return {
        "name": plan.name,
        "sender": plan.sender,
        "text": plan.text,
        "start_at": plan.start_at,
        "valid_until": plan.valid_until,
        "opens": window.opens if window else None,
        "closes": window.closes if window else None,
    }
