"""Reports: what became of a campaign, and of an account's messages by day, sender and keyword. Exact at every moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Case, Count, Q, QuerySet, Value, When
from django.db.models.functions import TruncDate, TruncHour

from heed.core import database, outcomes, tables
from heed.core.models import Account, Campaign, Message, OptOutCause, Sender, Source
from heed.core.outcomes import Hourly
from heed.rules import numbers, timing
from heed.rules.states import CampaignState, MessageState

MOST_DAYS = 366
MOST_KEYWORDS, MOST_CAMPAIGNS = 200, 50
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
    def others(self) -> int:
        """What was neither sent nor failed nor suppressed."""
        return self.expired + self.cancelled + self.unconfirmed

    @property
    def settled(self) -> int:
        """What is over, but for receipts."""
        return self.sent + self.failed + self.suppressed + self.others


@dataclass(frozen=True, slots=True)
class OptOuts:
    """``soon``: how many left within the hour, the day, the week after the message, and later; ``unprompted`` had none."""

    count: int
    soon: list[tuple[str, int]]
    unprompted: int = 0

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


@dataclass(frozen=True, slots=True)
class Hour:
    """``hour`` is when it began, as the account's clocks show it."""

    hour: datetime
    outcomes: Outcomes
    opt_outs: int


def hours_of_campaign(campaign: Campaign) -> list[Hour]:
    """What became of it, hour by hour since it began, but for hours in which nothing did; the latest year of it."""
    zone, now = ZoneInfo(campaign.account.time_zone), database.now()
    begin = max((campaign.started_at or campaign.created_at) - timedelta(hours=1), now - timedelta(days=MOST_DAYS))
    by_hour: dict[datetime, Counter[str]] = defaultdict(Counter)
    for row in outcomes.hourly(campaign.account_id, begin, now + timedelta(hours=1), campaign.id):
        by_hour[timing.hour_of(row.hour, zone)][row.outcome] += row.count
    causes = OptOutCause.objects.filter(account_id=campaign.account_id, campaign_id=campaign.id, at__gte=begin)
    left = dict(causes.values_list(TruncHour("at", tzinfo=zone)).annotate(count=Count("pk")))
    left = {hour.astimezone(UTC): count for hour, count in left.items()}
    return [Hour(hour, Outcomes.of(by_hour[hour]), left.get(hour, 0)) for hour in sorted({*by_hour, *left})]


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
    """Opt-outs by what people did: the ``source``, and the word if it was a keyword; ``rate`` is of all that was sent."""

    source: str
    word: str
    count: int
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class CampaignRow:
    campaign: Campaign
    sent: int
    opt_outs: int

    @property
    def rate(self) -> float:
        return 100 * self.opt_outs / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class AccountReport:
    """``campaigns`` are those that sent most."""

    days: list[Day]
    outcomes: Outcomes
    opt_outs: OptOuts
    failures: list[Reason]
    suppressions: list[Reason]
    senders: list[SenderRow]
    keywords: list[KeywordRow]
    campaigns: list[CampaignRow]


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
    total = _sum(rows)
    return AccountReport(
        days=_days(rows, causes, first, last, zone),
        outcomes=total,
        opt_outs=_opt_outs(causes),
        failures=_reasons(counted, _M.FAILED),
        suppressions=_reasons(counted, _M.SUPPRESSED),
        senders=_senders(account, rows, causes),
        keywords=_keywords(causes, total.sent),
        campaigns=_campaigns(account, rows, causes),
    )


def days(account: Account, first: date, last: date) -> list[Day]:
    """The days alone, which costs two queries."""
    zone = ZoneInfo(account.time_zone)
    begin, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    causes = OptOutCause.objects.filter(account_id=account.id, at__gte=begin, at__lt=end)
    return _days(outcomes.hourly(account.id, begin, end), causes, first, last, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _days(rows: Sequence[Hourly], causes: QuerySet[OptOutCause], first: date, last: date, zone: ZoneInfo) -> list[Day]:
    by_day: dict[date, Counter[str]] = defaultdict(Counter)
    for row in rows:
        by_day[row.hour.astimezone(zone).date()][row.outcome] += row.count
    left = dict(causes.values_list(TruncDate("at", tzinfo=zone)).annotate(count=Count("pk")))
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [Day(day, Outcomes.of(by_day[day]), left.get(day, 0)) for day in every]


def _sum(rows: Sequence[Hourly]) -> Outcomes:
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row.outcome] += row.count
    return Outcomes.of(counted)


def _opt_outs(causes: QuerySet[OptOutCause]) -> OptOuts:
    """Counted by one statement: within each span, and all."""
    spans = {name: Count("pk", filter=Q(after_s__lt=int(span.total_seconds()))) for name, span in SOON}
    found = causes.aggregate(all=Count("pk"), prompted=Count("after_s"), **spans)
    soon, before = [], 0
    for name, _ in SOON:
        soon.append((name, found[name] - before))
        before = found[name]
    return OptOuts(found["all"], [*soon, ("later", found["prompted"] - before)], found["all"] - found["prompted"])


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


def _keywords(causes: QuerySet[OptOutCause], sent: int) -> list[KeywordRow]:
    told = Case(When(source__in=(Source.KEYWORD, Source.FREE_KEYWORD), then="word"), default=Value(""))
    by_way = causes.annotate(told=told).values_list("source", "told").annotate(count=Count("pk"))
    found = by_way.order_by("-count", "source", "told")
    return [
        KeywordRow(source, word, count, 100 * count / sent if sent else 0.0)
        for source, word, count in found[:MOST_KEYWORDS]
    ]


def _campaigns(account: Account, rows: Sequence[Hourly], causes: QuerySet[OptOutCause]) -> list[CampaignRow]:
    sent: Counter[int] = Counter()
    for row in rows:
        if row.outcome == _M.SENT and row.campaign_id:
            sent[row.campaign_id] += row.count
    most = [id_ for id_, _ in sent.most_common(MOST_CAMPAIGNS)]
    left = dict(causes.filter(campaign_id__in=most).values_list("campaign_id").annotate(count=Count("pk")))
    known = Campaign.objects.filter(account=account).in_bulk(most)
    return [CampaignRow(known[id_], sent[id_], left.get(id_, 0)) for id_ in most if id_ in known]


# Files

_COUNTS = Outcomes.__slots__
TABLES = ("days", "reasons", "senders", "keywords", "campaigns")


def table(report: AccountReport, name: str) -> Iterator[list[str]]:
    """One of ``TABLES`` as rows of a file, its header first."""
    match name:
        case "days":
            yield ["day", *_COUNTS, "opt_outs"]
            for day in report.days:
                yield [day.day.isoformat(), *_numbers(day.outcomes), str(day.opt_outs)]
        case "reasons":
            yield ["outcome", "reason", "count"]
            for outcome, reasons in ((_M.SUPPRESSED, report.suppressions), (_M.FAILED, report.failures)):
                for one in reasons:
                    yield [outcome.value, tables.guard(one.reason), str(one.count)]
        case "senders":
            yield ["sender", "sent", "opt_outs", "opt_out_rate"]
            for sender in report.senders:
                yield [sender.sender, str(sender.sent), str(sender.opt_outs), _rate(sender.rate)]
        case "keywords":
            yield ["source", "keyword", "opt_outs", "opt_out_rate"]
            for keyword in report.keywords:
                yield [keyword.source, tables.guard(keyword.word), str(keyword.count), _rate(keyword.rate)]
        case "campaigns":
            yield ["campaign", "sent", "opt_outs", "opt_out_rate"]
            for row in report.campaigns:
                yield [tables.guard(row.campaign.name), str(row.sent), str(row.opt_outs), _rate(row.rate)]


def hour_table(hours: Sequence[Hour], zone: ZoneInfo) -> Iterator[list[str]]:
    """The same of a campaign's hours, as clocks in ``zone`` show them."""
    yield ["hour", *_COUNTS, "opt_outs"]
    for one in hours:
        at = one.hour.astimezone(zone).isoformat(timespec="minutes")
        yield [at, *_numbers(one.outcomes), str(one.opt_outs)]


def _numbers(found: Outcomes) -> list[str]:
    return [str(getattr(found, name)) for name in _COUNTS]


def _rate(rate: float) -> str:
    return f"{rate:.3f}"


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
