"""A campaign from its plan to its end: people read and counted exactly, fed to the queue, held, resumed, cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from people import ANNA, BEN, CLEO
from working import CSV, plan, ready, upload, work, work_all

from heed.core import (
    audience,
    campaigns,
    consent,
    contacts,
    drafts,
    files,
    gate,
    handoff,
    jobs,
    leases,
    links,
    queued,
    running,
    senders,
    uploads,
)
from heed.core import people as people_of_files
from heed.core.audience import Counts
from heed.core.campaigns import Refused
from heed.core.consent import Cause, Doing, Verb
from heed.core.feeding import Feeder
from heed.core.models import Audit, Campaign, CampaignDraft, Message, Source
from heed.rules.timing import Window

DORA = 447700900504
MANY = "phone\n" + "".join(f"07700900{number}\n" for number in range(500, 900))


def again(campaign):
    return campaigns.find(campaign.account, campaign.id)


def start(campaign):
    return running.start(campaign.account, campaign.id, actor="anna")


def feed():
    """All that can be queued now."""
    feeder, total = Feeder(), 0
    while moved := feeder.feed():
        total += moved
    return total


def states(campaign):
    return list(Message.objects.filter(campaign=campaign).order_by("recipient").values_list("state", flat=True))


def opt_out(world, recipient, sender_id=0):
    consent.opt_out(world.account.id, sender_id, recipient, Cause(Source.CONSOLE, "test"))


# People and counts


def test_counts_are_exact_and_every_row_stands_in_one(world):
    opt_out(world, ANNA)
    opt_out(world, BEN, world.number.id)
    opt_out(world, CLEO, world.second.id)
    consent.act(Doing(Verb.HOLD, world.account.id, DORA, world.number.id, Cause(Source.REVIEW)))
    campaign = ready(world, CSV + "07700900505,Eve\n")
    assert campaign.state == "ready"
    assert audience.counts(campaign) == Counts(
        to_send=2, opted_out_account=1, opted_out_sender=1, in_review=1, duplicates=1, invalid=1, rows=7,
        parts=2, longest=1, left_another=1,
    )  # fmt: skip
    rejects = b"".join(files.chunks(campaign.rejects)).decode().splitlines()
    assert rejects == ["Mobile,First Name,reason", "nobody,X,This is not a phone number."]
    shown = audience.examples(campaign)
    assert [one.text[:8] for one in shown] == ["Hi there", "Hi Eve, "]
    assert audience.progress(campaign).percent == 100


def test_who_has_no_value_is_counted_and_not_sent_to(world):
    campaign = ready(world)
    campaigns.change(world.account, campaign.id, plan(world, text="Hi ${First name}. STOP to leave"), actor="anna")
    assert again(campaign).state == "building"
    work_all()
    campaign = again(campaign)
    assert (campaign.counts["to_send"], campaign.counts["no_value"]) == (3, 1)
    assert audience.counts(campaign).rows == 6  # kept from the reading
    start(campaign)
    feed()
    failed = Message.objects.get(campaign=campaign, recipient=CLEO)
    assert (failed.state, failed.code, failed.words) == ("failed", "no_value", "There is no value for First name.")


def test_a_list_is_read_as_it_is_now(world):
    to = contacts.create_list(world.account, "Friends", actor="test")
    for number, name in (("07700900502", "Ben"), ("07700900501", "Anna")):
        contacts.save(world.account, number, {"First Name": name}, to, actor="test")
    campaign = campaigns.create(world.account, plan(world), actor="anna")
    audience.from_list(world.account, campaign.id, to, actor="anna")
    work_all()
    assert [one.text[:8] for one in audience.examples(again(campaign))] == ["Hi Anna,", "Hi Ben, "]
    contacts.save(world.account, "07700900503", {}, to, actor="test")
    audience.again(world.account, campaign.id, actor="anna")
    work_all()
    assert audience.counts(again(campaign)).to_send == 3


def test_pasted_numbers(world):
    campaign = campaigns.create(world.account, plan(world), actor="anna")
    audience.from_pasted(world.account, campaign.id, ["07700 900501", "x", "+447700900501"], actor="anna")
    work_all()
    found = audience.counts(again(campaign))
    assert (found.to_send, found.duplicates, found.invalid) == (1, 1, 1)


def test_examples_take_few_queries(world, django_assert_max_num_queries):
    campaign = ready(world, MANY, text="Hello. STOP to leave")
    for number in range(500, 510):
        opt_out(world, 447700900000 + number)
    with django_assert_max_num_queries(4):
        assert [one.recipient for one in audience.examples(campaign)] == [447700900510, 447700900511, 447700900512]


def test_choosing_again_leaves_nothing_of_the_first_choice(world):
    campaign = ready(world)
    audience.from_pasted(world.account, campaign.id, ["07700900509"], actor="anna")
    work_all()
    assert [row[1] for row in drafts.page(campaign.id, (-1, 0), 9)] == [447700900509]
    assert (again(campaign).size, again(campaign).rejects) == (1, None)


@pytest.mark.parametrize("stop_at", range(1, 8))
def test_a_killed_build_goes_on_where_it_ended(world, monkeypatch, stop_at):
    monkeypatch.setattr(people_of_files, "WINDOW", 3)
    monkeypatch.setattr(audience, "CHUNK", 1)
    steps, step = 0, jobs.step

    def killed(*arguments):
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise KeyboardInterrupt
        step(*arguments)

    monkeypatch.setattr(jobs, "step", killed)
    campaign = campaigns.create(world.account, plan(world), actor="anna")
    file = upload(world.account)
    audience.from_upload(world.account, campaign.id, file, uploads.mapping_of(file), actor="anna")
    first = leases.take("first")
    with pytest.raises(KeyboardInterrupt):
        work(first)
    leases.end(first)
    monkeypatch.setattr(jobs, "step", step)
    work_all()
    campaign = again(campaign)
    expected = Counts(to_send=4, duplicates=1, invalid=1, rows=6, parts=4, longest=1)
    assert (campaign.state, campaign.size, audience.counts(campaign)) == ("ready", 4, expected)
    assert CampaignDraft.objects.filter(campaign_id=campaign.id).count() == 4


def test_a_text_changed_during_the_build_is_counted_again(world):
    campaign = campaigns.create(world.account, plan(world), actor="anna")
    file = upload(world.account)
    audience.from_upload(world.account, campaign.id, file, uploads.mapping_of(file), actor="anna")
    campaigns.change(world.account, campaign.id, plan(world, text="中" * 71), actor="anna")
    work()
    assert again(campaign).state == "building"
    work()
    assert (again(campaign).state, audience.counts(again(campaign)).parts) == ("ready", 8)
    assert audience.counts(again(campaign)).duplicates == 1


def test_what_cannot_be_read_goes_back_and_says_why(world):
    campaign = campaigns.create(world.account, plan(world), actor="anna")
    file = upload(world.account)
    audience.from_upload(world.account, campaign.id, file, uploads.mapping_of(file), actor="anna")
    files.delete(file)
    work_all()
    assert (again(campaign).state, again(campaign).problem) == ("draft", "The file that was uploaded is gone.")


def test_only_the_sandbox_is_given_numbers_reserved_for_fiction(world):
    type(world.link).objects.update(kind="telco")
    campaign = ready(world)
    assert audience.counts(campaign).invalid == 6
    with pytest.raises(Refused, match="nobody"):
        start(campaign)
    with pytest.raises(Refused, match="fiction"):
        running.send_test(world.account, campaign.id, "07700900501", actor="anna")


# Running


def test_a_campaign_runs_to_its_end(world):
    campaign = ready(world)
    start(campaign)
    assert feed() == 4
    assert [m.text[:9] for m in Message.objects.order_by("recipient")][:3] == ["Hi Anna, ", "Hi Ben, s", "Hi there,"]
    assert {(m.door, m.parts, m.priority) for m in Message.objects.all()} == {("campaign", 1, 6)}
    assert again(campaign).state == "running"  # they are not sent yet
    token = leases.take("dispatch")
    claimed = gate.claim(world.link.id, 10, token)
    assert len(claimed) == 4
    feed()
    assert again(campaign).state == "running"
    handoff.handed_off([handoff.Sent(one.id, "") for one in claimed], token)
    feed()
    campaign = again(campaign)
    assert (campaign.state, campaign.fed) == ("finished", 4)
    assert campaign.finished_at


def test_opt_outs_meanwhile_are_kept_out_and_kept(world):
    campaign = ready(world)
    start(campaign)
    opt_out(world, BEN)  # a draft
    feed()
    opt_out(world, ANNA)  # queued
    assert states(campaign) == ["suppressed", "suppressed", "queued", "queued"]


def test_pause_holds_what_is_queued_and_resume_goes_on(world):
    campaign = ready(world, MANY, text="Hello. STOP to leave")
    start(campaign)
    feed()
    Message.objects.filter(campaign=campaign, recipient=ANNA).update(state="waiting", due_at=timezone.now())
    claimed = gate.claim(world.link.id, 1, token := leases.take("dispatch"))
    running.pause(world.account, campaign.id, actor="anna")
    queued.move_due()
    assert gate.claim(world.link.id, 10, token) == []
    handoff.put_back([claimed[0].id], token)  # a dispatcher that ends
    feed()
    assert set(states(campaign)) == {"waiting"}
    opt_out(world, BEN)
    assert again(campaign).state == "paused"
    running.resume(world.account, campaign.id, actor="anna")
    feed()
    claimed = gate.claim(world.link.id, 500, token)
    assert len(claimed) == 399
    assert states(campaign)[BEN - 447700900500] == "suppressed"


def test_cancel_ends_it_and_what_was_claimed_may_still_go(world):
    campaign = ready(world)
    start(campaign)
    feed()
    token = leases.take("dispatch")
    claimed = gate.claim(world.link.id, 2, token)
    Message.objects.filter(recipient=DORA).update(state="waiting", due_at=timezone.now())
    running.cancel(world.account, campaign.id, actor="anna")
    queued.move_due()
    assert states(campaign) == ["sending", "sending", "cancelled", "cancelled"]
    handoff.put_back([claimed[0].id], token)
    feed()
    assert states(campaign) == ["cancelled", "sending", "cancelled", "cancelled"]
    with pytest.raises(Refused):
        running.resume(world.account, campaign.id, actor="anna")


def test_cancelled_before_it_is_fed_nothing_is_queued(world):
    campaign = ready(world)
    start(campaign)
    running.cancel(world.account, campaign.id, actor="anna")
    assert feed() == 0
    assert states(campaign) == []


def test_it_is_sent_no_faster_than_its_sender_may(world, monkeypatch):
    campaign = ready(world, MANY, text="Hello. STOP to leave")
    senders.change(world.number, senders.Setting(rate=10), actor="test")
    start(campaign)
    now = datetime.now(UTC)
    monkeypatch.setattr("heed.core.feeding.database.now", lambda: now)
    assert feed() == 20
    assert feed() == 0
    now += timedelta(seconds=1)
    assert feed() == 10
    now += timedelta(seconds=100)
    assert feed() == 20  # what was not used is not saved up


def test_the_queue_stays_short(world, monkeypatch):
    monkeypatch.setattr("heed.core.feeding.MOST_QUEUED", 30)
    campaign = ready(world, MANY, text="Hello. STOP to leave")
    start(campaign)
    assert feed() == 30
    gate.claim(world.link.id, 10, leases.take("dispatch"))
    assert feed() == 10


def test_nobody_is_written_to_at_night(world, monkeypatch):
    monkeypatch.setattr("heed.core.feeding.database.now", lambda: datetime(2026, 1, 15, 13, 30, tzinfo=UTC))
    text = "phone\n+12125550123\n+12135550123\n+447700900501\n"
    campaign = ready(world, text, window=Window(8, 21))
    start(campaign)
    feed()
    assert list(Message.objects.order_by("recipient").values_list("recipient", flat=True)) == [12125550123, ANNA]
    assert again(campaign).state == "running"
    monkeypatch.setattr("heed.core.feeding.database.now", lambda: datetime(2026, 1, 15, 16, 30, tzinfo=UTC))
    assert feed() == 1


def test_it_starts_when_it_is_scheduled(world):
    soon = timezone.now() + timedelta(hours=1)
    campaign = ready(world, start_at=soon)
    assert start(campaign).state == "scheduled"
    assert feed() == 0
    assert running.unschedule(world.account, campaign.id, actor="anna").state == "ready"
    start(campaign)
    Campaign.objects.filter(id=campaign.id).update(start_at=timezone.now())
    feed()
    assert states(campaign) == ["queued"] * 4


def test_a_paused_schedule_stays_one(world):
    campaign = ready(world, start_at=timezone.now() + timedelta(hours=1))
    start(campaign)
    running.pause(world.account, campaign.id, actor="anna")
    assert running.resume(world.account, campaign.id, actor="anna").state == "scheduled"


def test_nothing_is_queued_after_it_was_valid(world):
    campaign = ready(world, valid_until=timezone.now() + timedelta(hours=1))
    start(campaign)
    feed()
    assert Message.objects.filter(expires_at=campaign.valid_until).count() == 4
    running.pause(world.account, campaign.id, actor="anna")
    running.resume(world.account, campaign.id, actor="anna")
    Campaign.objects.filter(id=campaign.id).update(valid_until=timezone.now())
    Message.objects.update(expires_at=timezone.now())
    feed()
    assert again(campaign).state == "finished"
    assert gate.claim(world.link.id, 9, leases.take("dispatch")) == []
    assert states(campaign) == ["expired"] * 4


def test_a_sender_that_is_released_pauses_it(world):
    campaign = ready(world)
    start(campaign)
    senders.release(world.number, actor="test")
    feed()
    assert (again(campaign).state, again(campaign).problem) == ("paused", "The sender is not in use any more.")


def test_nobody_gets_it_twice_even_if_a_position_is_lost(world):
    campaign = ready(world)
    start(campaign)
    feed()
    Campaign.objects.filter(id=campaign.id).update(zones=[[zone, 0] for zone, _ in again(campaign).zones])
    feed()
    assert len(states(campaign)) == 4


def test_a_personal_link_leads_to_its_message_alone(world):
    campaign = ready(world, text="Sale. To opt out: ${opt_out_link}")
    assert audience.counts(campaign).to_send == 4
    start(campaign)
    feed()
    for message in Message.objects.all():
        base, _, code = message.text.rpartition("/")
        assert base == f"Sale. To opt out: http://testserver/{world.account.link_code}"
        assert links.message_of(world.account, code) == message
        assert links.message_of(world.other, code) is None
    assert links.message_of(world.account, "aaaaaaaaaaaaa") is None


def test_a_test_goes_to_ones_own_phone(world):
    campaign = ready(world, text="Hi ${first name}, ${city}. ${opt_out_link}")
    sent = running.send_test(world.account, campaign.id, "07700 900509", actor="anna")
    message = Message.objects.get(id=sent.id)
    assert message.text == f"Hi Anna, [city]. http://testserver/{world.account.link_code}"
    assert (message.campaign_id, message.door, message.state) == (None, "test", "queued")
    with pytest.raises(Refused):
        running.send_test(world.account, campaign.id, "x", actor="anna")


# Plans


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"text": "x" * 2000}, "text"),
        ({"window": Window(25, 26)}, "window"),
        ({"window": Window(8, 8)}, "window"),
        ({"valid_until": datetime(2020, 1, 1, tzinfo=UTC)}, "valid_until"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(world, changes, field):
    with pytest.raises(Refused) as refused:
        campaigns.create(world.account, plan(world, **changes), actor="anna")
    assert refused.value.field == field


def test_another_accounts_sender_is_refused(world):
    with pytest.raises(Refused):
        campaigns.create(world.account, plan(world, sender=world.other_number), actor="anna")


def test_people_need_a_text_and_a_sender_first(world):
    campaign = campaigns.create(world.account, plan(world, text=""), actor="anna")
    with pytest.raises(Refused):
        audience.from_pasted(world.account, campaign.id, ["07700900501"], actor="anna")


def test_what_was_confirmed_is_what_starts(world):
    campaign = ready(world)
    with pytest.raises(Refused) as refused:
        running.start(world.account, campaign.id, actor="anna", expect=3)
    assert refused.value.code == "changed"
    running.start(world.account, campaign.id, actor="anna", expect=4)
    for act in (running.start, running.unschedule, running.resume):
        with pytest.raises(Refused):
            act(world.account, campaign.id, actor="anna")
    with pytest.raises(Refused):
        campaigns.change(world.account, campaign.id, plan(world), actor="anna")


def test_a_duplicate_has_its_people_read_anew(world):
    campaign = ready(world)
    start(campaign)
    copy = campaigns.duplicate(world.account, campaign.id, actor="anna")
    assert (copy.name, copy.text, copy.state) == ("Sale (copy)", campaign.text, "draft")
    audience.again(world.account, copy.id, actor="anna")
    work_all()
    assert audience.counts(again(copy)).to_send == 4


def test_a_campaign_that_was_started_is_kept(world):
    campaign = ready(world)
    campaigns.delete(world.account, campaign.id, actor="anna")
    assert not CampaignDraft.objects.exists()
    campaign = ready(world)
    start(campaign)
    with pytest.raises(Refused):
        campaigns.delete(world.account, campaign.id, actor="anna")


def test_times_are_the_accounts(world):
    world.account.time_zone = "America/New_York"
    assert campaigns.local(world.account, datetime(2026, 7, 1, 9)) == datetime(2026, 7, 1, 13, tzinfo=UTC)
    assert campaigns.local(world.account, datetime(2026, 3, 8, 2, 30)) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


def test_a_stranger_reaches_nothing(world):
    campaign = ready(world)
    file, to = campaign.upload, contacts.create_list(world.account, "Friends", actor="test")
    mine = campaigns.create(world.other, plan(world, sender=world.other_number), actor="x")
    acts = [
        lambda: campaigns.change(world.other, campaign.id, plan(world, sender=None), actor="x"),
        lambda: campaigns.duplicate(world.other, campaign.id, actor="x"),
        lambda: campaigns.delete(world.other, campaign.id, actor="x"),
        lambda: audience.from_pasted(world.other, campaign.id, ["07700900501"], actor="x"),
        lambda: audience.again(world.other, campaign.id, actor="x"),
        lambda: audience.from_list(world.other, mine.id, to, actor="x"),
        lambda: audience.from_upload(world.other, mine.id, file, uploads.mapping_of(file), actor="x"),
        lambda: running.start(world.other, campaign.id, actor="x"),
        lambda: running.pause(world.other, campaign.id, actor="x"),
        lambda: running.resume(world.other, campaign.id, actor="x"),
        lambda: running.cancel(world.other, campaign.id, actor="x"),
        lambda: running.unschedule(world.other, campaign.id, actor="x"),
        lambda: running.send_test(world.other, campaign.id, "07700900501", actor="x"),
    ]
    for act in acts:
        with pytest.raises(Refused):
            act()
    assert campaigns.find(world.other, campaign.id) is None
    assert campaigns.page(world.other) == [mine]
    assert again(campaign).state == "ready"
    assert not Audit.objects.filter(actor="x", account=world.account).exists()
