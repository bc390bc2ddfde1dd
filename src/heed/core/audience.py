"""Whom a campaign goes to: read from a list or an upload into drafts, in the background, and counted.

Counts are of their moment. The gate decides again when a draft is queued, and when it is claimed.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from json.encoder import encode_basestring_ascii as quoted
from operator import itemgetter
from typing import Any  # Changes to a row.

from django.db import transaction

from heed.core import audit, campaigns, database, drafts, gate, handoff, jobs, links, outbound, people, uploads
from heed.core.campaigns import BUILD, COUNT, EDITABLE, Refused
from heed.core.models import Account, Campaign, ContactList, Job, ListMember, Sender, StoredFile
from heed.core.pace import Pace
from heed.core.people import Named, Window
from heed.rules import merging, numbers, segments, timing
from heed.rules.consent import Block
from heed.rules.merging import Template
from heed.rules.states import CampaignState

CHUNK, LEAST = 2000, 500
LOOKED_AT = 200  # drafts, for examples
TO = "to_"  # with a country: those of to_send who live there
PARTS = "parts_"  # with their number: what somebody is counted under who would be sent to
FICTIONAL = "This number is reserved for fiction; no carrier is given it."


@dataclass(frozen=True, slots=True)
class Counts:
    """What a start would do. Every row stands in one of the first nine; ``parts`` are those of all texts to send.

    ``no_value`` are people without a value for a merge field that has no default, ``left_another`` those of ``to_send``
    who left another sender of the account.
    """

    to_send: int = 0
    opted_out_account: int = 0
    opted_out_sender: int = 0
    in_review: int = 0
    no_value: int = 0
    too_long: int = 0
    duplicates: int = 0
    invalid: int = 0
    rows: int = 0
    parts: int = 0
    longest: int = 0
    left_another: int = 0

    @property
    def left_out(self) -> int:
        return self.rows - self.to_send


@dataclass(frozen=True, slots=True)
class Example:
    recipient: int
    text: str
    parts: int


# Choosing


def from_list(account: Account, campaign_id: int, contact_list: ContactList, *, actor: str) -> Job:
    if contact_list.account_id != account.id:
        raise Refused("There is no such list.", field="recipients")
    return _choose(account, campaign_id, actor, contact_list=contact_list)


def from_upload(account: Account, campaign_id: int, file: StoredFile, mapping: uploads.Mapping, *, actor: str) -> Job:
    """Read the people of an upload, in the background. Raises uploads.Refused for a mapping that can't be."""
    if file.account_id != account.id:
        raise Refused("There is no such file.", field="recipients")
    return _choose(account, campaign_id, actor, upload=file, mapping=uploads.check(file, mapping))


def from_pasted(account: Account, campaign_id: int, pasted: Sequence[str], *, country: str = "", actor: str) -> Job:
    file, mapping = uploads.store_pasted(account, pasted, country=country, actor=actor)
    return _choose(account, campaign_id, actor, upload=file, mapping=mapping)


def again(account: Account, campaign_id: int, *, actor: str) -> Job:
    """Read the people once more from where they were chosen: a duplicate's, or a list that has changed."""
    campaign = campaigns.required(account, campaign_id)
    if campaign.contact_list:
        return from_list(account, campaign_id, campaign.contact_list, actor=actor)
    if campaign.upload and campaign.mapping:
        return from_upload(
            account, campaign_id, campaign.upload, uploads.Mapping.from_json(campaign.mapping), actor=actor
        )
    raise Refused("Choose the recipients.", field="recipients")


def _choose(
    account: Account,
    campaign_id: int,
    actor: str,
    *,
    contact_list: ContactList | None = None,
    upload: StoredFile | None = None,
    mapping: uploads.Mapping | None = None,
) -> Job:
    with transaction.atomic(durable=True):
        campaign = campaigns.locked(account, campaign_id, EDITABLE)
        if campaign.sender is None or not campaign.text:
            raise Refused("Pick a sender and write the message first.", field="text")
        for kind in (BUILD, COUNT):
            jobs.cancel(account, kind, campaign.id)
        campaign.contact_list, campaign.upload = contact_list, upload
        campaign.mapping = mapping.to_json() if mapping else None
        campaign.state, campaign.problem, campaign.rejects = CampaignState.BUILDING, "", None
        campaign.size, campaign.zones, campaign.counts, campaign.counted_at = 0, [], {}, None
        campaign.save()
        audit.note(account.id, actor, "campaign.people", campaign.name, source=str(contact_list or upload))
        members = ListMember.objects.filter(contact_list=contact_list)
        total = uploads.look(upload).lines if upload else members.count()
        setting = {"mapping": campaign.mapping, "revision": campaign.revision}
        return jobs.start(account, BUILD, campaign.id, actor=actor, upload=upload, total=total, **setting)


# Showing


def progress(campaign: Campaign) -> Job | None:
    """The job that reads or counts the campaign's people, the latest of both."""
    found = [jobs.latest(campaign.account, kind, campaign.id) for kind in (BUILD, COUNT)]
    return max((job for job in found if job), key=lambda job: job.id, default=None)


def counts(campaign: Campaign) -> Counts:
    return _counts_of(campaign.counts)


def _counts_of(counted: Mapping[str, int]) -> Counts:
    texts = {int(name.removeprefix(PARTS)): count for name, count in counted.items() if name.startswith(PARTS)}
    given = {field.name: counted.get(field.name, 0) for field in fields(Counts)}
    given["parts"] = sum(parts * count for parts, count in texts.items())
    given["longest"] = max(texts, default=0)
    return Counts(**given)


def countries(campaign: Campaign) -> set[str]:
    """Where the people live whom it would send to."""
    return {name.removeprefix(TO) for name in campaign.counts if name.startswith(TO) and name != "to_send"}


def examples(campaign: Campaign, most: int = 3) -> list[Example]:
    """The first people who would be sent to now, with their texts."""
    counting, found = Counting(campaign), list[Example]()
    rows = drafts.page(campaign.id, (-1, 0), LOOKED_AT)
    blocked = counting.reach([recipient for _, recipient, _ in rows]).blocked
    for _, recipient, values in rows:
        text, problem = counting.text(json.loads(values))
        if not problem and recipient not in blocked and len(found) < most:
            found.append(Example(recipient, text, segments.parts(text)))
    return found


# In the background


def run_build(job: Job, keep_on: jobs.KeepOn) -> None:
    """Read the people of ``job``'s campaign into drafts, from where it stands, and count them on the way."""
    campaign = _campaign(job)
    if not (job.counts or job.rows) and not _clear(job, keep_on):
        return
    source, header = _source(job, campaign)
    if people.work_through(job, keep_on, source, header, Pace(CHUNK, LEAST), Builder(campaign).prepare):
        jobs.step(job, partial(_built, job))


def run_count(job: Job, keep_on: jobs.KeepOn) -> None:
    """Count the drafts of ``job``'s campaign by its text and sender; ``line`` and ``rows`` are the last draft's key."""
    counting = Counting(_campaign(job))
    after = (job.line, job.rows) if job.done else (-1, 0)
    while page := drafts.page(job.subject_id, after, CHUNK):
        if not keep_on():
            return jobs.put_down(job)
        after = page[-1][:2]
        seen = counting.look([(recipient, json.loads(values)) for _, recipient, values in page])
        counted = seen.counts(seen.ends)
        changes: dict[str, Any] = {"line": after[0], "rows": after[1], "done": job.done + len(page)}
        changes["counts"] = jobs.summed(job, **counted)
        jobs.step(job, partial(dict, changes))
    jobs.step(job, partial(_counted, job))


def failed(job: Job, words: str) -> None:
    """What becomes of the campaign when ``job`` has failed: its people must be chosen again."""
    of_job = Campaign.objects.filter(id=job.subject_id, state=CampaignState.BUILDING)
    of_job.update(state=CampaignState.DRAFT, problem=words[:300])


def _campaign(job: Job) -> Campaign:
    campaign = Campaign.objects.select_related("sender__connection", "account").filter(id=job.subject_id).first()
    if campaign is None or campaign.sender is None:
        raise jobs.Lost
    return campaign


def _clear(job: Job, keep_on: jobs.KeepOn) -> bool:
    """Delete the drafts of an earlier choice; whether all are gone."""
    pace = Pace(campaigns.CLEARED_AT_ONCE)
    cleared = 1
    while cleared:
        if not keep_on():
            jobs.put_down(job)
            return False
        cleared = pace.commit(partial(_clear_some, job, pace.chunk))
    return True


def _clear_some(job: Job, limit: int) -> int:
    jobs.move(job, counts={})  # if somebody else has gone on with it, these drafts are not ours to delete
    return drafts.clear(job.subject_id, limit)


def _source(job: Job, campaign: Campaign) -> tuple[Iterator[Window], list[str]]:
    kind = campaign.sender.connection.kind if campaign.sender else ""

    def refuse(recipient: int) -> str:
        return "" if handoff.may_be_handed(kind, numbers.show(recipient)) else FICTIONAL

    if job.setting.get("mapping"):
        return people.of_upload(job, None if kind == "sandbox" else refuse)
    if campaign.contact_list_id is None:
        raise jobs.Failed("The list is gone.")
    return _of_list(campaign.contact_list_id, job.line, refuse), ["phone_number"]


def _of_list(list_id: int, after: int, refuse: Any) -> Iterator[Window]:
    """Windows of a list's contacts; a line is a contact's id here."""
    while True:
        members = ListMember.objects.filter(contact_list_id=list_id, contact_id__gt=after).order_by("contact_id")
        rows = list(members.values_list("contact_id", "contact__recipient", "contact__fields")[: people.WINDOW])
        if not rows:
            return
        window = Window(after, rows[-1][0], sorted({key for _, _, values in rows for key in values}))
        for _, recipient, values in rows:
            if reason := refuse(recipient):
                window.rejects.append([numbers.show(recipient), reason])
            else:
                window.people.append((recipient, [values.get(key, "") for key in window.keys]))
        window.people.sort(key=itemgetter(0))
        yield window
        after = window.end


def _built(job: Job) -> dict[str, Any]:
    changes = jobs.finish(job)
    _settle(job, job.counts, rejects=job.rejects, size=_drafts_in(job.counts))
    return changes


def _counted(job: Job) -> dict[str, Any]:
    kept = Campaign.objects.values_list("counts", flat=True).get(id=job.subject_id)
    read = {name: kept[name] for name in ("rows", "invalid", "duplicates") if name in kept}
    _settle(job, job.counts | read)
    return jobs.finish(job)


def _settle(job: Job, counted: dict[str, int], **changes: Any) -> None:
    """Give the campaign its counts: it is ready, unless its text or sender has changed since the job began."""
    campaign = Campaign.objects.select_for_update().select_related("account").get(id=job.subject_id)
    for name, value in {**changes, "counts": counted, "counted_at": database.now()}.items():
        setattr(campaign, name, value)
    if job.setting.get("revision", campaign.revision) == campaign.revision:
        campaign.state = CampaignState.READY
    else:
        campaigns.count_again(campaign, actor=job.actor)
    campaign.save()


_OF_A_DRAFT = ("to_send", "opted_out_account", "opted_out_sender", "in_review", "no_value", "too_long")


def _drafts_in(counted: Mapping[str, int]) -> int:
    return sum(counted.get(name, 0) for name in _OF_A_DRAFT)


class Counting:
    """What a campaign would do with people, by its text and sender."""

    def __init__(self, campaign: Campaign) -> None:
        sender: Sender = campaign.sender  # type: ignore[assignment]  # nobody is chosen without one
        self.account_id, self.sender = campaign.account_id, sender
        self.template = Template.of(campaign.text)
        # A personal code is as long as any other.
        self.needs_link = self.template.needs_link
        self.link = links.personal(campaign.account, 0) if self.needs_link else ""

    def text(self, values: Mapping[str, str], link: str = "") -> tuple[str, str]:
        """The text for somebody with ``values``, and the name of the field without a value that stops it, or ""."""
        if self.needs_link:
            values = {**values, merging.OPT_OUT_LINK: link or self.link}
        return self.template.fill(values)

    def reach(self, recipients: Iterable[int]) -> gate.Reach:
        return gate.reach(self.account_id, self.sender.id, recipients, pool_id=self.sender.pool_id)

    def look(self, chunk: Sequence[Named]) -> Seen:
        """What would become of each in ``chunk``; of two rows for one person the first counts."""
        reach = self.reach([recipient for recipient, _ in chunk])
        ends = {
            recipient: _end_of(reach.blocked[recipient]) if recipient in reach.blocked else self._parts(values)
            for recipient, values in reversed(chunk)
        }
        return Seen(ends, {one for one in reach.left_another if ends[one].startswith(PARTS)})

    def _parts(self, values: Mapping[str, str]) -> str:
        text, problem = self.text(values)
        parts = segments.parts(text)
        if problem:
            return "no_value"
        return "too_long" if parts > outbound.MOST_PARTS else f"{PARTS}{parts}"


@dataclass(frozen=True, slots=True)
class Seen:
    """By person: the name in ``Counts`` that they are counted under, or the parts of their text."""

    ends: dict[int, str]
    left_another: set[int]

    def counts(self, of: Collection[int]) -> dict[str, int]:
        """The counts of these alone."""
        counted = Counter(self.ends[one] for one in of)
        going = [one for one in of if self.ends[one].startswith(PARTS)]
        to = Counter(TO + numbers.country_of(one) for one in going)
        return {**counted, **to, "to_send": len(going), "left_another": sum(one in self.left_another for one in of)}


def _end_of(block: Block) -> str:
    return "in_review" if block.reason == "in_review" else f"opted_out_{block.scope}"


class Builder:
    """Writes people as drafts of a campaign, each with its zone, and counts those who are new."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign, self.counting = campaign, Counting(campaign)

    def prepare(self, chunk: Sequence[Named]) -> people.Write:
        seen = self.counting.look(chunk)
        first = dict(reversed(chunk))
        zone_of = {recipient: timing.zone_of(recipient) for recipient in first}
        known = self._known(zone_of)
        rows = [(zone_of[one], one, _json(first[one])) for one in sorted(first.keys() - known)]
        return partial(self._write, rows, seen, len(chunk))

    def _known(self, zone_of: Mapping[int, str]) -> set[int]:
        """Who has a draft already, from an earlier window."""
        zones = self._zones()
        by_zone: dict[int, list[int]] = defaultdict(list)
        for recipient, zone in zone_of.items():
            if zone in zones:
                by_zone[zones[zone]].append(recipient)
        return {one for zone, theirs in by_zone.items() for one in drafts.known(self.campaign.id, zone, theirs)}

    def _write(self, rows: Sequence[tuple[str, int, str]], seen: Seen, count: int) -> dict[str, int]:
        zones = self._zones()
        known = len(zones)
        placed = [(zones.setdefault(zone, len(zones)), recipient, values) for zone, recipient, values in rows]
        if len(zones) > known:
            Campaign.objects.filter(id=self.campaign.id).update(zones=[[zone, 0] for zone in zones])
        if drafts.insert(self.campaign.id, placed) != len(placed):
            raise jobs.Lost  # somebody else has gone on with the job since we looked
        return seen.counts([recipient for _, recipient, _ in rows]) | {"duplicates": count - len(rows)}

    def _zones(self) -> dict[str, int]:
        """The zones met so far and their places, as this transaction finds them."""
        zones: list[tuple[str, int]] = Campaign.objects.values_list("zones", flat=True).get(id=self.campaign.id)
        return {zone: at for at, (zone, _) in enumerate(zones)}


def _json(values: Mapping[str, str]) -> str:
    """``json.dumps``, four times as fast for texts alone."""
    return "{" + ",".join([f"{quoted(key)}:{quoted(value)}" for key, value in values.items()]) + "}"
