"""Counts and reports: every way a message can end is counted once, folded or not; opt-outs name what they answered."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from people import ANNA, BEN, CLEO, FIRST_NUMBER
from working import ready, work_all

from heed.core import (
    campaigns,
    causes,
    consent,
    exports,
    files,
    gate,
    handoff,
    inbound,
    jobs,
    leases,
    outbound,
    outcomes,
    queued,
    reports,
    running,
    tables,
)
from heed.core.consent import Cause
from heed.core.feeding import Feeder
from heed.core.handoff import Sent
from heed.core.models import Account, Bookmark, Event, Message, OptOutCause, OutcomeCount, OutcomeDelta, Source
from heed.core.outbound import Draft
from heed.core.reports import Reason
from heed.rules import numbers, refusals
from heed.rules.values import InboundText

MANY = "phone\n" + "".join(f"07700900{number}\n" for number in range(500, 700))
TODAY = datetime.now(UTC).date()


def feed():
    feeder = Feeder()
    while feeder.feed():
        continue


def running_campaign(world, rows=MANY, text="Hello. Reply STOP to leave"):
    campaign = ready(world, rows, text=text)
    running.start(world.account, campaign.id, actor="anna")
    feed()
    return campaign


def claim(world, count=1):
    token = leases.take("dispatch")
    return gate.claim(world.link.id, count, token), token


def send(world, count=1):
    claimed, token = claim(world, count)
    handoff.handed_off([Sent(one.id, "x", one.of) for one in claimed], token)
    return claimed


def text_stop(world, person, words="STOP"):
    inbound.receive(world.link, [InboundText("", numbers.show(person), numbers.show(FIRST_NUMBER), words)])


def again(campaign):
    return campaigns.find(campaign.account, campaign.id)


def report(campaign):
    return reports.of_campaign(again(campaign))


@pytest.mark.parametrize("is_folded", [False, True])
def test_every_end_is_counted_once(world, is_folded):
    campaign = running_campaign(world, "phone,name\n07700900500,\n" + MANY[6:-12], "Hi ${name|you}, STOP to leave")
    size = again(campaign).size
    text_stop(world, ANNA)  # swept
    send(world, 3)
    (one, two, three, four, *_), token = claim(world, 8)
    handoff.failed(one.id, token, code="30006", words="Landline")
    handoff.failed(two.id, token, code="", words="No way to +447700900507 today")
    handoff.unconfirmed(three.id, token, words="?")
    handoff.carrier_says_opted_out(four.id, token, words="STOP")
    leases.end(token)
    handoff.settle_stale()  # the other four
    running.cancel(world.account, campaign.id, actor="anna")
    if is_folded:
        assert outcomes.fold()
        assert outcomes.fold() == 0
        assert not OutcomeDelta.objects.exists()
    found = report(campaign)
    assert found.outcomes == reports.Outcomes(sent=3, failed=2, unconfirmed=5, suppressed=2, cancelled=size - 12)
    assert found.failures == [Reason("30006", 1), Reason("No way to … today", 1)]
    assert {one.reason for one in found.suppressions} == {"opted_out_sender", "carrier"}
    assert (found.size, found.waiting, found.left_over) == (size, 0, 0)
    states = Message.objects.filter(campaign=campaign).values_list("state", flat=True)
    assert found.outcomes.settled == len(states)
    day = reports.of_account(world.account, TODAY, TODAY)
    assert day.outcomes == found.outcomes


def test_folding_adds_to_what_was_folded(world):
    campaign = running_campaign(world)
    for _ in range(3):
        send(world, 2)
        outcomes.fold(1)
    assert OutcomeCount.objects.get().count == 6
    assert report(campaign).outcomes.sent == 6
    assert report(campaign).waiting == 194


def test_what_is_reported_twice_is_counted_once(world):
    campaign = running_campaign(world)
    claimed, token = claim(world, 2)
    sent = [Sent(one.id, "x", one.of) for one in claimed]
    handoff.handed_off(sent, token)
    handoff.handed_off(sent, token)
    handoff.failed(claimed[0].id, token, code="x", words="")
    assert report(campaign).outcomes == reports.Outcomes(sent=2)


def test_automatic_answers_are_not_counted(world):
    text_stop(world, ANNA, "HELP")
    send(world)
    assert not OutcomeDelta.objects.exists()


def test_messages_without_a_campaign_are_the_accounts(world):
    outbound.queue(world.second, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="api", actor="")
    send(world)
    waiting = outbound.queue(
        world.second,
        [Draft(BEN, numbers.show(BEN), "Hi")],
        door="api",
        actor="",
        due_at=timezone.now() + timedelta(hours=1),
    )
    assert queued.cancel(world.account.id, waiting[0].id)
    found = reports.of_account(world.account, TODAY, TODAY)
    assert found.outcomes == reports.Outcomes(sent=1, cancelled=1)
    assert [(row.sender, row.sent) for row in found.senders] == [(world.second.address, 1)]


def test_an_opt_out_names_the_message_it_answered(world):
    campaign = running_campaign(world)
    send(world, 200)
    Message.objects.filter(recipient=BEN).update(claimed_at=timezone.now() - timedelta(hours=5))
    text_stop(world, ANNA)
    text_stop(world, ANNA)  # changes nothing
    text_stop(world, BEN, "unsubscribe")
    text_stop(world, 447700900900)  # never written to
    consent.opt_out(world.account.id, 0, CLEO, Cause(Source.IMPORT))  # nobody's answer
    assert causes.attribute() == 3
    assert causes.attribute() == 0
    found = report(campaign)
    assert (found.opt_outs.count, found.opt_outs.soon) == (2, [("hour", 1), ("day", 1), ("week", 0), ("later", 0)])
    assert found.opt_outs.rate(found.outcomes.sent) == 1.0
    day = reports.of_account(world.account, TODAY, TODAY)
    assert day.opt_outs.count == 3
    assert [one.opt_outs for one in day.days] == [3]
    assert [(row.source, row.word, row.count) for row in day.keywords] == [
        ("keyword", "STOP", 2),
        ("keyword", "UNSUBSCRIBE", 1),
    ]
    assert [(row.sender, row.sent, row.opt_outs) for row in day.senders] == [(world.number.address, 200, 3)]


def test_what_was_sent_after_it_is_not_its_cause(world):
    campaign = running_campaign(world)
    send(world, 200)
    text_stop(world, ANNA)
    outbound.queue(world.second, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="api", actor="")
    send(world)  # another sender may still write to her
    assert Message.objects.filter(recipient=ANNA, state="sent").count() == 2
    causes.attribute()
    assert OptOutCause.objects.get().campaign_id == campaign.id


def test_the_bookmark_moves_behind_what_has_settled_alone(world):
    text_stop(world, ANNA)
    causes.attribute()
    assert not Bookmark.objects.exists()
    Event.objects.update(at=timezone.now() - timedelta(minutes=5))
    causes.attribute()
    assert Bookmark.objects.get().value == Event.objects.latest("id").id
    OptOutCause.objects.all().delete()
    assert causes.attribute() == 0


def test_days_are_the_accounts(world):
    world.account.time_zone = "Pacific/Auckland"  # UTC+13 in January
    of = outcomes.Of(world.account.id, 0, world.number.id)
    outcomes.note([outcomes.Came(of, "sent")], datetime(2026, 1, 14, 11, 30, tzinfo=UTC))
    outcomes.note([outcomes.Came(of, "sent")] * 2, datetime(2026, 1, 14, 10, 30, tzinfo=UTC))
    found = reports.of_account(world.account, date(2026, 1, 13), date(2026, 1, 15))
    assert [day.outcomes.sent for day in found.days] == [0, 2, 1]
    assert len(reports.of_account(world.account, date(2000, 1, 1), TODAY).days) == reports.MOST_DAYS
    assert list(reports.table(found, "days"))[2] == ["2026-01-14", *"200000000"]


@pytest.mark.parametrize("is_folded", [False, True])
@pytest.mark.parametrize(
    ("zone", "last", "first"),
    [
        ("Asia/Kolkata", "18:29", "18:30"),
        ("Asia/Kathmandu", "18:14", "18:15"),
        ("Australia/Lord_Howe", "12:59", "13:00"),
        ("America/St_Johns", "03:29", "03:30"),
        ("Europe/Berlin", "22:59", "23:00"),
    ],
)
def test_a_day_begins_within_an_hour_of_utc_too(world, zone, last, first, is_folded):
    Account.objects.filter(id=world.account.id).update(time_zone=zone)
    world.account.refresh_from_db()
    of = outcomes.Of(world.account.id, 0, world.number.id)
    for clock, count in ((last, 1), (first, 2)):
        at = datetime.fromisoformat(f"2026-01-14T{clock}:30+00:00")
        outcomes.note([outcomes.Came(of, "sent")] * count, at)
    if is_folded:
        assert outcomes.fold() == 2
    day = datetime.fromisoformat(f"2026-01-14T{first}:30+00:00").astimezone(ZoneInfo(zone)).date()
    found = reports.of_account(world.account, day - timedelta(days=1), day)
    assert [one.outcomes.sent for one in found.days] == [1, 2]


@pytest.mark.parametrize("is_folded", [False, True])
def test_the_hours_of_a_campaign_are_the_accounts(world, is_folded):
    Account.objects.filter(id=world.account.id).update(time_zone="Asia/Kolkata")
    campaign = running_campaign(world)
    send(world, 20)
    text_stop(world, ANNA)
    causes.attribute()
    if is_folded:
        outcomes.fold()
    (hour,) = reports.hours_of_campaign(again(campaign))
    assert (hour.outcomes.sent, hour.opt_outs, hour.hour.minute) == (20, 1, 30)
    rows = list(reports.hour_table([hour], ZoneInfo("Asia/Kolkata")))
    assert rows[1][0].endswith(":00+05:30")


def test_what_an_opt_out_stopped_is_counted_by_its_scope(world):
    campaign = running_campaign(world)
    consent.opt_out(world.account.id, 0, ANNA, Cause(Source.WEB_FORM))
    consent.opt_out(world.account.id, world.number.id, BEN, Cause(Source.CONSOLE))
    claimed, _ = claim(world, 1)
    assert claimed
    outbound.queue(world.number, [Draft(BEN, numbers.show(BEN), "Hi")], door="api", actor="")
    found = report(campaign)
    assert found.suppressions == [Reason("opted_out", 1), Reason("opted_out_sender", 1)]
    whole = reports.of_account(world.account, TODAY, TODAY)
    assert whole.suppressions == [Reason("opted_out_sender", 2), Reason("opted_out", 1)]
    assert ["suppressed", "opted_out_sender", "2"] in list(reports.table(whole, "reasons"))


def test_the_tables_of_an_account(world):
    campaign = running_campaign(world)
    send(world, 200)
    text_stop(world, ANNA)
    text_stop(world, 447700900900)  # never written to
    causes.attribute()
    found = reports.of_account(world.account, TODAY, TODAY)
    assert found.opt_outs.unprompted == 1
    assert found.opt_outs.soon[-1] == ("later", 0)
    assert [list(reports.table(found, name))[1] for name in reports.TABLES if name != "reasons"] == [
        [TODAY.isoformat(), "200", *"0000000", "2"],
        [world.number.address, "200", "2", "1.000"],
        ["keyword", "STOP", "2", "1.000"],
        [campaign.name, "200", "1", "0.500"],
    ]


def test_a_campaign_refused_too_often_pauses_itself_and_says_why(world):
    campaign = running_campaign(world)
    claimed, token = claim(world, 100)
    handoff.handed_off([Sent(one.id, "x", one.of) for one in claimed[:60]], token)
    for one in claimed[60:]:
        handoff.failed(one.id, token, code="30007", words="Filtered")
    feed()
    campaign = again(campaign)
    assert (campaign.state, campaign.problem) == (
        "paused",
        "The carrier refused 40 of the last 100 messages: 30007.",
    )
    feed()
    assert gate.claim(world.link.id, 10, token) == []
    running.resume(world.account, campaign.id, actor="anna")
    feed()
    assert again(campaign).state == "running"  # what was refused before counts no more


@pytest.mark.parametrize(
    ("sent", "failed", "is_too_many"), [(0, 49, False), (0, 50, True), (70, 30, True), (71, 29, False), (499, 1, False)]
)
def test_how_many_refusals_are_too_many(sent, failed, is_too_many):
    assert refusals.too_many(sent, failed) is is_too_many


def test_messages_are_exported(world):
    campaign = running_campaign(world, "phone,name\n07700900501,=Anna\n07700900502,Ben\n", "${name} STOP")
    text_stop(world, ANNA)
    for format_ in exports.FORMATS:
        job = exports.campaign(world.account, campaign.id, format_, actor="anna")
        work_all()
        job.refresh_from_db()
        assert (job.state, job.result.name) == ("done", f"Sale.{format_}")
        rows = [line.cells for line in tables.read(files.opened(job.result), job.result.name)]
        assert rows[0] == list(reports.MESSAGE_COLUMNS)
        assert rows[1][:6] == ["+447700900501", "suppressed", "opted_out", "", "'=Anna STOP", "1"]
        assert [row[1] for row in rows[1:]] == ["suppressed", "queued"]


def test_a_put_down_export_begins_again(world):
    campaign = running_campaign(world)
    job = exports.campaign(world.account, campaign.id, actor="anna")
    taken = jobs.take(leases.take("test"))
    exports.run_campaign(taken, lambda: False)
    work_all()
    job.refresh_from_db()
    assert b"".join(files.chunks(job.result)).count(b"\n") == 201


def test_messages_of_a_campaign_by_page(world):
    campaign = running_campaign(world)
    first = reports.messages(campaign, limit=3)
    assert [one.recipient for one in reports.messages(campaign, "queued", after=first[-1].recipient, limit=1)] == [
        447700900503
    ]


def test_a_stranger_sees_no_count(world):
    campaign = running_campaign(world)
    send(world, 5)
    text_stop(world, ANNA)
    causes.attribute()
    found = reports.of_account(world.other, TODAY, TODAY)
    assert found.outcomes == reports.Outcomes()
    assert (found.opt_outs.count, found.senders, found.keywords) == (0, [], [])
    with pytest.raises(campaigns.Refused):
        exports.campaign(world.other, campaign.id, actor="x")
