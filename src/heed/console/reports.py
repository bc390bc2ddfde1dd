"""Reports: what became of the account's messages, day by day, and who left because of them; as charts, tables and files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from heed.console import charts, columns, ids, words
from heed.console.access import ConsoleRequest, page
from heed.console.charts import Chart, Series
from heed.core import exports, reports, tables
from heed.core.models import Campaign, Source
from heed.core.reports import AccountReport, Day, Outcomes
from heed.rules.texts import clean

SPANS = (7, 30, 90, 365)  # days
MOST_BARS = 92  # beyond it a bar is a week
MOST_HOURS = 72  # of a campaign; beyond it a bar is a day


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are looked at. ``error`` is what was wrong with those asked for."""

    first: date
    last: date
    error: str = ""

    @property
    def query(self) -> str:
        return urlencode({"first": self.first.isoformat(), "last": self.last.isoformat()})


class Row(NamedTuple):
    """One row under a chart: a day, or a week."""

    label: str
    outcomes: Outcomes
    opt_outs: int

    @property
    def rate(self) -> float:
        return 100 * self.opt_outs / self.outcomes.sent if self.outcomes.sent else 0.0


@dataclass(frozen=True, slots=True)
class Reason:
    why: str
    badge: words.Badge
    count: int


@page
@require_safe
def account_report(request: ConsoleRequest) -> HttpResponse:
    span = _span(request)
    report = reports.of_account(request.account, span.first, span.last)
    rows = _by_week(report.days) if len(report.days) > MOST_BARS else [row(day) for day in report.days]
    context = {
        "span": span,
        "spans": _spans(span),
        "report": report,
        "rate": report.opt_outs.rate(report.outcomes.sent),
        "rows": rows,
        "is_weekly": len(report.days) > MOST_BARS,
        "messages_chart": messages_chart(rows),
        "opt_outs_chart": opt_outs_chart(rows),
        "reasons": reasons(report),
        "soon": how_soon(report.opt_outs),
        "keywords": [(_way(one.source, one.word), one) for one in report.keywords],
        "campaigns": [(ids.public(ids.CAMPAIGN, one.campaign.id), one) for one in report.campaigns],
    }
    return render(request, "console/reports/account.html", context, status=422 if span.error else 200)


def _span(request: ConsoleRequest) -> Span:
    today = timezone.localdate()
    asked = [request.GET.get(name, "") for name in ("first", "last")]
    usual = Span(today - timedelta(days=29), today)
    if not any(asked):
        return usual
    try:
        first, last = (date.fromisoformat(one) for one in asked)
    except ValueError:
        return Span(usual.first, usual.last, _("Write both days as 2026-03-31."))
    if first > last:
        return Span(usual.first, usual.last, _("The first day comes after the last."))
    last = min(last, today)
    first = min(first, last)
    if (last - first).days >= reports.MOST_DAYS:
        short = Span(last - timedelta(days=reports.MOST_DAYS - 1), last)
        return Span(short.first, last, _("A report covers a year at most; these are the last days of it."))
    return Span(first, last)


def _spans(span: Span) -> list[tuple[str, str, bool]]:
    """The spans that a click brings: words, query, whether it is this one."""
    today = timezone.localdate()
    found = []
    for days in SPANS:
        one = Span(today - timedelta(days=days - 1), today)
        name = _("12 months") if days == 365 else ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
        found.append((name, one.query, (one.first, one.last) == (span.first, span.last)))
    return found


def row(day: Day) -> Row:
    return Row(date_format(day.day, "j M"), day.outcomes, day.opt_outs)


def rows_of_campaign(campaign: Campaign) -> list[Row]:
    """Its hours while they are few, then its days."""
    hours = reports.hours_of_campaign(campaign)
    if len(hours) <= MOST_HOURS:
        return [Row(date_format(timezone.localtime(one.hour), "j M, H:i"), one.outcomes, one.opt_outs) for one in hours]
    days = []
    for day, found in groupby(hours, key=lambda one: timezone.localtime(one.hour).date()):
        of_day = list(found)
        days.append(
            Row(date_format(day, "j M"), _sum([one.outcomes for one in of_day]), sum(one.opt_outs for one in of_day))
        )
    return days


def _sum(every: Sequence[Outcomes]) -> Outcomes:
    return Outcomes(*(sum(getattr(one, name) for one in every) for name in Outcomes.__slots__))


def _by_week(days: Sequence[Day]) -> list[Row]:
    """Weeks that end with the last day; the first may be shorter."""
    rows = []
    for at in range(len(days), 0, -7):
        week = days[max(0, at - 7) : at]
        sums = _sum([day.outcomes for day in week])
        rows.append(
            Row(
                _("Week to %(day)s") % {"day": date_format(week[-1].day, "j M Y")},
                sums,
                sum(day.opt_outs for day in week),
            )
        )
    return rows[::-1]


def messages_chart(rows: Sequence[Row]) -> Chart:
    """What was sent, and what was not."""
    came = [row.outcomes for row in rows]
    series = [
        Series(_("Sent"), "is-sent", [one.sent for one in came]),
        Series(_("Suppressed"), "is-suppressed", [one.suppressed for one in came]),
        Series(_("Failed"), "is-failed", [one.failed for one in came]),
    ]
    said = _(
        "Sent %(sent)s, suppressed %(suppressed)s, failed %(failed)s. The table below has each bar in numbers."
    ) % {
        "sent": f"{series[0].total:,}",
        "suppressed": f"{series[1].total:,}",
        "failed": f"{series[2].total:,}",
    }
    return charts.stacked(said, [row.label for row in rows], series)


def opt_outs_chart(rows: Sequence[Row]) -> Chart:
    series = [Series(_("Opt-outs"), "is-left", [row.opt_outs for row in rows])]
    said = _("Opt-outs: %(count)s. The table below has each bar in numbers.") % {"count": f"{series[0].total:,}"}
    return charts.stacked(said, [row.label for row in rows], series)


def reasons(report: AccountReport | reports.CampaignReport) -> list[Reason]:
    """Why messages were not sent, the gate's reasons first."""
    stopped = [Reason(words.reason(one.reason), words.state("suppressed"), one.count) for one in report.suppressions]
    return stopped + [Reason(words.reason(one.reason), words.state("failed"), one.count) for one in report.failures]


def how_soon(left: reports.OptOuts) -> list[tuple[str, int]]:
    names = [_("Within the hour"), _("Within the day"), _("Within the week"), _("Later")]
    soon = list(zip(names, [count for _name, count in left.soon], strict=True))
    return [*soon, (_("Without a message before"), left.unprompted)] if left.unprompted else soon


def _way(source: str, word: str) -> str:
    """What people did to leave."""
    if word and source in (Source.KEYWORD, Source.FREE_KEYWORD):
        return word
    return str(Source(source).label)


# Files


@page
@require_safe
def account_file(request: ConsoleRequest, table: str, extension: str) -> HttpResponse:
    if table not in reports.TABLES or extension not in exports.FORMATS:
        raise Http404("There is no such file.")
    span = _span(request)
    report = reports.of_account(request.account, span.first, span.last)
    name = f"{table}-{request.account.slug}-{span.first}-{span.last}"
    return download(reports.table(report, table), name, extension)


def download(rows: Iterable[Sequence[str]], name: str, extension: str) -> HttpResponse:
    """A small table as a file that the browser saves."""
    with tempfile.TemporaryDirectory(prefix="heed-report-") as folder:
        there = Path(folder) / f"table.{extension}"
        with tables.write(there) as writer:
            for row in rows:
                writer.writerow(row)
        data = there.read_bytes()
    disposition = f'attachment; filename="{clean(name)}.{extension}"'
    return HttpResponse(data, content_type=columns.TYPES[extension], headers={"Content-Disposition": disposition})


urlpatterns = [
    path("reports/", account_report, name="reports"),
    path("reports/<slug:table>.<slug:extension>", account_file, name="report_file"),
]
