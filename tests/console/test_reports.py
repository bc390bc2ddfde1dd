"""Reports in the console: what stands on the page and in the files, for which days, and for whom."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from people import ANNA, BEN, signed_in
from reading import said
from working import ready

from heed.console import charts, ids
from heed.console.charts import Series
from heed.core import causes, consent, inbound, outcomes, running, tables
from heed.core.consent import Cause
from heed.core.feeding import Feeder
from heed.core.models import Campaign, OptOutCause, Source
from heed.core.outcomes import Came, Of
from heed.rules import numbers
from heed.rules.values import InboundText

TODAY = datetime.now(UTC).date()


@pytest.fixture
def lived(world):
    """Messages of today and of a month ago, and somebody who left."""
    of = Of(world.account.id, 0, world.number.id)
    outcomes.note({Came(of, "sent"): 200, Came(of, "delivered"): 190, Came(of, "failed", "30006"): 4}, timezone.now())
    outcomes.note(
        {Came(of, "suppressed", "opted_out"): 6, Came(of, "suppressed", "opted_out_sender"): 3}, timezone.now()
    )
    outcomes.note({Came(of, "sent"): 1000}, timezone.now() - timedelta(days=35))
    inbound.receive(world.link, [InboundText("", numbers.show(ANNA), world.number.address, "STOP")])
    causes.attribute()


def span(days):
    return {"first": (TODAY - timedelta(days=days - 1)).isoformat(), "last": TODAY.isoformat()}


def test_the_last_thirty_days(owner, lived):
    page = owner.get("/reports/")
    words = said(page)
    for figure in (
        "Sent 200",
        "Delivered 190",
        "Opt-outs 1",
        "Opt-out rate 0.50 %",
        "Suppressed Opted out of the account 6",
        "Suppressed Opted out of the sender 3",
        "Failed 30006 4",
        "Without a message before 1",
        "+447700900001 200 1 0.50 %",
        "STOP 1 0.50 %",
    ):
        assert figure in words
    body = page.content.decode()
    assert 'role="img" aria-label="Sent 200, suppressed 9, failed 4.' in body
    assert "style=" not in body


def test_other_days(owner, lived):
    words = said(owner.get("/reports/", span(90)))
    assert ("Sent 1,200" in words, "Messages by day" in words) == (True, True)
    assert "Messages by week" in said(owner.get("/reports/", span(200)))
    assert "Sent 0" in said(owner.get("/reports/", {"first": "2020-01-01", "last": "2020-02-01"}))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"first": "yesterday", "last": "today"}, "Write both days as 2026-03-31."),
        ({"first": "2026-02-01", "last": "2026-01-01"}, "The first day comes after the last."),
        ({"first": "2001-01-01", "last": "2026-01-01"}, "A report covers a year at most"),
        ({"first": "0001-01-01", "last": "9999-12-31"}, "A report covers a year at most"),
        ({"first": "2026-02-01\0", "last": ""}, "Write both days"),
    ],
)
def test_days_that_can_t_be(owner, lived, asked, words):
    page = owner.get("/reports/", asked)
    assert (page.status_code, words in said(page)) == (422, True)


def test_a_new_account_is_told_that_there_is_nothing_yet(owner):
    words = said(owner.get("/reports/"))
    for told in ("Nothing to show in these days.", "Nobody left in these days.", "No sender sent anything"):
        assert told in words


@pytest.mark.parametrize("extension", ["csv", "xlsx"])
def test_files_have_what_the_page_has(owner, lived, extension):
    found = {}
    for table in ("days", "reasons", "senders", "keywords", "campaigns"):
        page = owner.get(f"/reports/{table}.{extension}", span(2))
        assert f'filename="{table}-acme-' in page["Content-Disposition"]
        found[table] = [line.cells for line in tables.read(io.BytesIO(page.content), f"x.{extension}")]
    assert found["days"][2] == [TODAY.isoformat(), "200", "190", "0", "4", "9", "0", "0", "0", "1"]
    assert ["suppressed", "opted_out_sender", "3"] in found["reasons"]
    assert found["senders"][1] == ["+447700900001", "200", "1", "0.500"]
    assert found["keywords"][1] == ["keyword", "STOP", "1", "0.500"]
    assert len(found["campaigns"]) == 1
    assert owner.get(f"/reports/nothing.{extension}").status_code == 404
    assert owner.get("/reports/days.exe").status_code == 404


def test_a_campaign_shows_how_it_went(world, owner):
    campaign = ready(world)
    consent.opt_out(world.account.id, 0, BEN, Cause(Source.WEB_FORM))
    running.start(world.account, campaign.id, actor="anna")
    while Feeder().feed():
        continue
    of = Of(world.account.id, campaign.id, world.number.id)
    outcomes.note({Came(of, "sent"): 3}, timezone.now())
    OptOutCause.objects.create(
        entry_id=-1, account_id=world.account.id, campaign_id=campaign.id, sender_id=world.number.id,
        at=timezone.now(), after_s=60, source="keyword", word="STOP",
    )  # fmt: skip
    there = f"/campaigns/{ids.public(ids.CAMPAIGN, campaign.id)}/"
    words = said(owner.get(there))
    for told in ("How it went", "Suppressed Opted out of the account 1", "Within the hour 1"):
        assert told in words
    rows = [line.cells for line in tables.read(io.BytesIO(owner.get(there + "hours.csv").content))]
    assert [row[1] for row in rows] == ["sent", "3"]
    stranger = signed_in(world.stranger)
    assert stranger.get(there + "hours.csv").status_code == 404
    assert "Sale" in said(owner.get("/reports/"))


def test_a_long_campaign_is_shown_by_day(world, owner):
    campaign = ready(world)
    begun = timezone.now() - timedelta(days=9)
    Campaign.objects.filter(id=campaign.id).update(state="finished", started_at=begun, finished_at=timezone.now())
    of = Of(world.account.id, campaign.id, world.number.id)
    for hour in range(100):
        outcomes.note({Came(of, "sent"): 2}, begun + timedelta(hours=hour))
    page = owner.get(f"/campaigns/{ids.public(ids.CAMPAIGN, campaign.id)}/")
    assert 5 <= len(page.context["rows"]) <= 6
    assert sum(row.outcomes.sent for row in page.context["rows"]) == 200


def test_viewers_read_and_strangers_see_nothing(world, lived, client):
    assert "Sent 200" in said(signed_in(world.viewer).get("/reports/"))
    stranger = signed_in(world.stranger)
    words = said(stranger.get("/reports/"))
    assert ("Sent 0" in words, "+447700900001" in words) == (True, False)
    assert b"0.500" not in stranger.get("/reports/senders.csv").content
    assert client.get("/reports/")["Location"] == "/sign-in/?next=/reports/"
    assert client.get("/reports/days.csv").status_code == 302
    assert stranger.post("/reports/").status_code == 405


def test_queries_are_few(owner, lived, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        owner.get("/reports/", span(365))


# Charts


@pytest.mark.parametrize(("most", "top"), [(0, 2), (1, 2), (3, 4), (7, 8), (9, 10), (11, 20), (1001, 2000), (81, 100)])
def test_scales_end_in_numbers_that_people_count_in(most, top):
    chart = charts.stacked("", ["a"], [Series("A", "is-a", [most])])
    assert chart.scale == [f"{top:,}", f"{top // 2:,}", "0"]
    assert chart.is_empty == (most == 0)


def test_pieces_stand_one_upon_the_other():
    chart = charts.stacked("", ["a", "b"], [Series("Sent", "is-a", [6, 0]), Series("Failed", "is-b", [4, 1])])
    first, second = chart.bars
    assert [(piece.look, piece.y, piece.height) for piece in first.pieces] == [
        ("is-a", "40", "60"),
        ("is-b", "0", "40"),
    ]
    assert [(piece.look, piece.y, piece.height) for piece in second.pieces] == [("is-b", "90", "10")]
    assert (first.left, second.left, second.place) == ("0", "83.33", "83.33")
    assert (first.words, second.words) == ("a: sent 6, failed 4", "b: failed 1")
    assert chart.ends == ["a – b"]


def test_a_chart_fills_its_width_from_twelve_bars_on():
    chart = charts.stacked("", [str(number) for number in range(20)], [Series("Sent", "is-a", [1] * 20)])
    assert (chart.bars[-1].left, chart.bars[-1].place, chart.ends) == ("950", "50", ["0", "10", "19"])
