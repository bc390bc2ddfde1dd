"""What needs somebody: connections that stopped, reviews near their deadline, campaigns that paused themselves, jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from heed.console import counting, ids
from heed.core import campaigns, connections, contacts, exports, opt_out_files, reviews, webhooks
from heed.core.models import Account, Campaign, Job, JobState
from heed.core.reports import Day
from heed.rules.states import CampaignState

MOST = 5  # of each kind
REMEMBERED = timedelta(days=3)  # how long a job that failed, or left rows out, is told of
LATELY = 7  # days, held against those before
FEWEST = 100  # messages, below which a share says little
SHARE_GROWN = 1.5  # times
SHARE_LARGE = 0.05


@dataclass(frozen=True, slots=True)
class Need:
    colour: str
    icon: str
    words: str
    address: str = ""
    verb: str = ""


def needs(account: Account, days: Sequence[Day]) -> list[Need]:
    """The worst first. ``days`` are the last ones, as reports give them."""
    return [
        *_stopped(account),
        *_webhooks(account),
        *_reviews(account),
        *_paused(account),
        *_jobs(account),
        *_suppressed(days),
    ]


def _stopped(account: Account) -> Iterator[Need]:
    for link in connections.of(account).exclude(stopped_at=None)[:MOST]:
        told = {"name": link.name, "words": link.stopped_reason}
        words = _(
            "The connection %(name)s has stopped: %(words)s "
            "Nothing is sent through it until it is mended and started again."
        )
        yield Need("red", "alert-triangle", words % told)


def _webhooks(account: Account) -> Iterator[Need]:
    for one in webhooks.paused(account).order_by("-paused_at")[:MOST]:
        words = _("The webhook %(url)s is paused: %(why)s") % {"url": one.url, "why": one.paused_reason}
        address = reverse("webhook", args=[ids.public(ids.WEBHOOK, one.id)])
        yield Need("red", "webhook", words, address, _("Look at it"))


def _reviews(account: Account) -> Iterator[Need]:
    now, waiting = timezone.now(), reviews.queue(account)
    near = waiting.filter(due_at__lte=now + reviews.WARN_BEFORE)
    if not near.exists():
        return
    late, soon = (counting.waiting(near.filter(due)) for due in (Q(due_at__lte=now), Q(due_at__gt=now)))
    address, verb = reverse("reviews"), _("Decide")
    if late != "0":
        words = _("Reviews overdue: %(n)s. Their texts become opt-outs at any moment.") % {"n": late}
        yield Need("red", "clock", words, address, verb)
    if soon != "0":
        words = _("Reviews due within a day: %(n)s. What nobody decides becomes an opt-out.") % {"n": soon}
        yield Need("orange", "clock", words, address, verb)


def _paused(account: Account) -> Iterator[Need]:
    found = Campaign.objects.filter(account=account, state=CampaignState.PAUSED).exclude(problem="")
    for one in found.order_by("-id")[:MOST]:
        told = {"name": one.name, "why": one.problem}
        words = _("The campaign “%(name)s” paused itself: %(why)s") % told
        yield Need("orange", "player-pause", words, reverse("campaign", args=[_public(one)]), _("Look at it"))


def _jobs(account: Account) -> Iterator[Need]:
    """Of each subject the latest job alone: what was tried again and went well needs nobody."""
    since = timezone.now() - REMEMBERED
    ended = Job.objects.filter(account=account, finished_at__gte=since).select_related("upload").order_by("-id")
    seen, told = set(), 0
    for job in ended[: 10 * MOST]:
        if (job.kind, job.subject_id) in seen or told == MOST:
            continue
        seen.add((job.kind, job.subject_id))
        if need := _of_job(job):
            told += 1
            yield need


def _of_job(job: Job) -> Need | None:
    name = job.upload.name if job.upload else _title(job.kind)
    if job.state == JobState.FAILED:
        words = _("“%(name)s” could not be finished: %(why)s") % {"name": name, "why": job.problem}
        return Need("red", "alert-triangle", words, _place(job), _("Look at it"))
    if job.rejects_id and job.state == JobState.DONE and job.kind in _IMPORTS:
        words = _("Rows of “%(name)s” that could not be used: %(n)s") % {"name": name, "n": f"{_rejected(job):,}"}
        return Need("blue", "upload", words, _place(job), _("See which"))
    return None


_IMPORTS = frozenset({contacts.IMPORT, opt_out_files.IMPORT})


def _title(kind: str) -> str:
    titles = {
        campaigns.BUILD: _("Recipients of a campaign"),
        campaigns.COUNT: _("Recipients of a campaign"),
        opt_out_files.IMPORT: _("Import of opt-outs"),
        contacts.IMPORT: _("Import of contacts"),
    }
    return titles.get(kind, _("Export"))


def _rejected(job: Job) -> int:
    return int(job.counts.get("invalid", 0)) + int(job.counts.get("conflicts", 0))


def _place(job: Job) -> str:
    match job.kind:
        case contacts.IMPORT:
            return reverse("contact_list", args=[ids.public(ids.LIST, job.subject_id)])
        case campaigns.BUILD | campaigns.COUNT:
            return reverse("campaign", args=[ids.public(ids.CAMPAIGN, job.subject_id)])
        case opt_out_files.IMPORT | exports.OPT_OUTS | exports.CAMPAIGN | exports.AUDIT:
            return reverse("job", args=[ids.public(ids.JOB, job.id)])
    return ""


def _suppressed(days: Sequence[Day]) -> Iterator[Need]:
    """Whether more of the messages than before are stopped by the gate: a list has aged, or was bought."""
    lately, before = _share(days[-LATELY:]), _share(days[:-LATELY])
    if lately and before is not None and lately >= SHARE_LARGE and lately >= SHARE_GROWN * before:
        told = {"now": f"{100 * lately:.0f}", "then": f"{100 * before:.0f}"}
        words = _(
            "More of your messages are stopped by opt-outs: %(now)s in a hundred in the last week, %(then)s before. "
            "Lists may be old."
        )
        yield Need("orange", "hand-stop", words % told, reverse("reports"), _("See the report"))


def _share(days: Sequence[Day]) -> float | None:
    """The part of what was to be sent that the gate stopped; None where there is too little to tell."""
    stopped, sent = (sum(getattr(day.outcomes, name) for day in days) for name in ("suppressed", "sent"))
    return stopped / (stopped + sent) if stopped + sent >= FEWEST else None


def _public(campaign: Campaign) -> str:
    return ids.public(ids.CAMPAIGN, campaign.id)
