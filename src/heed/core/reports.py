"""Reports: what became of a campaign, and of an account's messages by day, sender and keyword. Exact at every moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncHour

from heed.core import database, outcomes, tables
from heed.core.models import Account, Campaign, Message, OptOutCause, Sender
from heed.core.outcomes import Hourly
from heed.rules import numbers
from heed.rules.states import CampaignState, MessageState

MOST_DAYS = 366
SOON = (("hour", timedelta(hours=1)), ("day", timedelta(days=1)), ("week", timedelta(days=7)))
MESSAGE_COLUMNS = ("phone_number", "status", "reason", "code", "text", "parts", "sent_at")
PAGE = 2000

_M = MessageState


@dataclass(frozen=True, slots=True)
class Reason:
    """``reason`` is a code: the gate's (opted_out, in_review, carrier), ours (no_value, too_long) or a carrier's."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """``sent`` is what a carrier accepted; ``delivered`` and ``undelivered`` of it are what receipts said since."""

    sent: int = 0
    delivered: int = 0
    undelivered: int = 0
    failed: int = 0
    suppressed: int = 0
    expired: int = 0
    cancelled: int = 0
    unconfirmed: int = 0

    @classmethod
    def of(cls, counted: Counter[str]) -> Outcomes:
        return cls(**{name: counted[name] for name in cls.__slots__})

    @property
    def settled(self) -> int:
        """What is over, but for receipts."""
        return self.sent + self.failed + self.suppressed + self.expired + self.cancelled + self.unconfirmed


@dataclass(frozen=True, slots=True)
class OptOuts:
    """``soon``: how many left within the hour, the day, the week after the message, and later."""

    count: int
    soon: list[tuple[str, int]]

    def rate(self, sent: int) -> float:
        """Of a hundred messages that were sent, how many were answered so."""
        return 100 * self.count / sent if sent else 0.0


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """``size`` people were read, ``waiting`` are drafts or on their way; ``left_over`` were never reached before its end."""

    size: int
    waiting: int
    left_over: int
    outcomes: Outcomes
    failures: list[Reason]
    suppressions: list[Reason]
    opt_outs: OptOuts


def of_campaign(campaign: Campaign) -> CampaignReport:
    counted = outcomes.of_campaign(campaign.account_id, campaign.id)
    totals: Counter[str] = Counter()
    for (outcome, _), count in counted.items():
        totals[outcome] += count
    found = Outcomes.of(totals)
    rest = max(0, campaign.size - found.settled)
    is_over = campaign.state in (CampaignState.FINISHED, CampaignState.CANCELLED)
    left_over = campaign.size - campaign.fed if is_over else 0
    return CampaignReport(
        size=campaign.size,
        waiting=max(0, rest - left_over),
        left_over=left_over,
        outcomes=found,
        failures=_reasons(counted, _M.FAILED),
        suppressions=_reasons(counted, _M.SUPPRESSED),
        opt_outs=_opt_outs(OptOutCause.objects.filter(account_id=campaign.account_id, campaign_id=campaign.id)),
    )


def hours_of_campaign(campaign: Campaign) -> list[tuple[datetime, Outcomes]]:
    """What became of it, hour by hour since it began: the chart's points."""
    begin = (campaign.started_at or campaign.created_at) - timedelta(hours=1)
    rows = outcomes.hourly(campaign.account_id, begin, database.now() + timedelta(hours=1), campaign.id)
    by_hour: dict[datetime, Counter[str]] = defaultdict(Counter)
    for row in rows:
        by_hour[row.hour][row.outcome] += row.count
    return [(hour, Outcomes.of(counted)) for hour, counted in sorted(by_hour.items())]


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    outcomes: Outcomes
    opt_outs: int


@dataclass(frozen=True, slots=True)
class SenderRow:
    """``sender`` is its address; its opt-outs are those that answered its messages."""

    sender: str
    sent: int
    opt_outs: int

    @property
    def rate(self) -> float:
        return 100 * self.opt_outs / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class KeywordRow:
    """Opt-outs by what people did: the ``source``, and the word where there was one."""

    source: str
    word: str
    count: int


@dataclass(frozen=True, slots=True)
class AccountReport:
    days: list[Day]
    outcomes: Outcomes
    opt_outs: OptOuts
    failures: list[Reason]
    suppressions: list[Reason]
    senders: list[SenderRow]
    keywords: list[KeywordRow]


def of_account(account: Account, first: date, last: date) -> AccountReport:
    """The days from ``first`` to ``last``, as the account's clocks show them; at most a year, the latest days of it."""
    first = max(first, last - timedelta(days=MOST_DAYS - 1))
    zone = ZoneInfo(account.time_zone)
    begin, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    rows = outcomes.hourly(account.id, begin, end)
    causes = OptOutCause.objects.filter(account_id=account.id, at__gte=begin, at__lt=end)
    counted: Counter[tuple[str, str]] = Counter()
    for row in rows:
        counted[row.outcome, row.reason] += row.count
    return AccountReport(
        days=_days(rows, causes, first, last, zone),
        outcomes=_sum(rows),
        opt_outs=_opt_outs(causes),
        failures=_reasons(counted, _M.FAILED),
        suppressions=_reasons(counted, _M.SUPPRESSED),
        senders=_senders(account, rows, causes),
        keywords=_keywords(causes),
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _days(rows: Sequence[Hourly], causes: QuerySet[OptOutCause], first: date, last: date, zone: ZoneInfo) -> list[Day]:
    by_day: dict[date, Counter[str]] = defaultdict(Counter)
    for row in rows:
        by_day[row.hour.astimezone(zone).date()][row.outcome] += row.count
    left: Counter[date] = Counter()
    for hour, count in causes.values_list(TruncHour("at", tzinfo=UTC)).annotate(count=Count("pk")):
        left[hour.astimezone(zone).date()] += count
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [Day(day, Outcomes.of(by_day[day]), left[day]) for day in every]


def _sum(rows: Sequence[Hourly]) -> Outcomes:
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row.outcome] += row.count
    return Outcomes.of(counted)


def _opt_outs(causes: QuerySet[OptOutCause]) -> OptOuts:
    """Counted by one statement: within each span, and all."""
    spans = {name: Count("pk", filter=Q(after_s__lt=int(span.total_seconds()))) for name, span in SOON}
    found = causes.aggregate(all=Count("pk"), **spans)
    soon, before = [], 0
    for name, _ in SOON:
        soon.append((name, found[name] - before))
        before = found[name]
    return OptOuts(found["all"], [*soon, ("later", found["all"] - before)])


def _reasons(counted: Counter[tuple[str, str]], outcome: MessageState) -> list[Reason]:
    found = [Reason(reason, count) for (came, reason), count in counted.items() if came == outcome and count]
    return sorted(found, key=lambda one: (-one.count, one.reason))


def _senders(account: Account, rows: Sequence[Hourly], causes: QuerySet[OptOutCause]) -> list[SenderRow]:
    sent: Counter[int] = Counter()
    for row in rows:
        if row.outcome == _M.SENT:
            sent[row.sender_id] += row.count
    left = dict(causes.values_list("sender_id").annotate(count=Count("pk")))
    known = Sender.objects.filter(account=account, id__in={*sent, *left}).values_list("id", "address")
    found = [SenderRow(address, sent[id_], left.get(id_, 0)) for id_, address in known]
    return sorted(found, key=lambda row: (-row.sent, row.sender))


def _keywords(causes: QuerySet[OptOutCause]) -> list[KeywordRow]:
    found = causes.values_list("source", "word").annotate(count=Count("pk")).order_by("-count", "source", "word")
    return [KeywordRow(source, word, count) for source, word, count in found[:200]]


# Files


DAY_COLUMNS = ("day", *Outcomes.__slots__, "opt_outs")


def write_days(report: AccountReport, writer: tables.Writer) -> None:
    writer.writerow(DAY_COLUMNS)
    for day in report.days:
        counts = [str(getattr(day.outcomes, name)) for name in Outcomes.__slots__]
        writer.writerow([day.day.isoformat(), *counts, str(day.opt_outs)])


def message_rows(campaign: Campaign) -> Iterator[list[str]]:
    """Every message of the campaign, as MESSAGE_COLUMNS, in order of number; a page at a time, no snapshot."""
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT recipient, state, reason, code, text, parts, settled_at FROM core_message
                WHERE campaign_id = %s AND recipient > %s ORDER BY recipient LIMIT {PAGE}""",  # noqa: S608
                [campaign.id, last],
            )
            rows = cursor.fetchall()
        for recipient, state, reason, code, text, parts, settled_at in rows:
            at = database.from_column(settled_at)
            shown = at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""
            guarded = [tables.guard(value) for value in (reason, code, text)]
            yield [numbers.show(recipient), state, *guarded, str(parts), shown]
        if len(rows) < PAGE:
            return
        last = rows[-1][0]


def messages(campaign: Campaign, state: str = "", *, after: int = 0, limit: int = 50) -> list[Message]:
    """Messages of the campaign in order of number, behind ``after``; all, or those of one state."""
    found = Message.objects.filter(campaign=campaign, recipient__gt=after).order_by("recipient")
    return list((found.filter(state=state) if state else found)[:limit])
