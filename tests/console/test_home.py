"""Home: the steps of a newcomer, and how things stand today."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from people import ANNA, BEN, World, signed_in
from reading import said
from working import ready, upload, work_all

from heed.core import causes, contacts, gate, handoff, inbound, outbound, outcomes, uploads
from heed.core.handoff import Sent
from heed.core.models import Campaign, Inbound, Job, OptOutCause
from heed.core.outbound import Draft
from heed.core.outcomes import Came, Of
from heed.rules import numbers
from heed.rules.values import InboundText


@pytest.fixture
def lived(world: World) -> World:
    """Anna and Ben were sent to, Anna left, and the next message to her was stopped."""
    send(world)
    for one in gate.claim(world.link.id, 10, 7):
        handoff.handed_off([Sent(one.id, "id", one.of)], 7)
    inbound.receive(world.link, [InboundText("1", numbers.show(ANNA), world.number.address, "STOP")])
    send(world)
    causes.attribute()
    return world


def send(world: World) -> None:
    drafts = [Draft(phone, numbers.show(phone), "Hello") for phone in (ANNA, BEN)]
    outbound.queue(world.number, drafts, door="test", actor="test")


def home(user) -> str:
    return said(signed_in(user).get("/"))


TODAY = "2 Messages sent today 1 Not sent: opted out or in review 1 Texts received today 1 People who left today"


def test_it_counts_what_happened_today(lived: World) -> None:
    assert TODAY in home(lived.owner)
    assert TODAY in home(lived.viewer)


def test_a_stranger_sees_nothing_of_it(lived: World) -> None:
    shown = home(lived.stranger)
    assert (
        "0 Messages sent today 0 Not sent: opted out or in review 0 Texts received today 0 People who left today"
        in shown
    )


def test_yesterday_is_not_today(lived: World) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    Inbound.objects.update(received_at=yesterday)
    OptOutCause.objects.update(at=yesterday)
    assert "0 Texts received today 0 People who left today" in home(lived.owner)


def test_it_asks_little(lived: World, django_assert_max_num_queries) -> None:
    client = signed_in(lived.owner)
    with django_assert_max_num_queries(20):
        client.get("/")


# What needs somebody


def test_what_paused_or_failed_is_told_with_a_way_there(world: World) -> None:
    campaign = ready(world)
    problem = "The carrier refused 40 of the last 100 messages: 30007."
    Campaign.objects.filter(id=campaign.id).update(state="paused", problem=problem)
    friends = contacts.create_list(world.account, "Friends", actor="test")
    file = upload(world.account)
    contacts.import_upload(world.account, friends, file, uploads.mapping_of(file), actor="test")
    work_all()
    bad = upload(world.account, name="bad.csv")
    others = contacts.create_list(world.account, "Others", actor="test")
    Job.objects.create(
        account=world.account, kind=contacts.IMPORT, subject_id=others.id, upload=bad, state="failed",
        problem="It was no table.", finished_at=timezone.now(),
    )  # fmt: skip
    shown = home(world.viewer)
    for words in (
        f"The campaign “Sale” paused itself: {problem} Look at it",
        "Rows of “people.csv” that could not be used: 1 See which",
        "“bad.csv” could not be finished: It was no table. Look at it",
    ):
        assert words in shown
    assert "Sale" not in home(world.stranger)
    Job.objects.update(finished_at=timezone.now() - timedelta(days=4))
    assert "could not be" not in home(world.owner)


def test_a_job_that_went_well_afterwards_is_not_told_of(world: World) -> None:
    friends = contacts.create_list(world.account, "Friends", actor="test")
    for state in ("failed", "done"):
        Job.objects.create(
            account=world.account, kind=contacts.IMPORT, subject_id=friends.id, state=state, finished_at=timezone.now()
        )
    assert "could not be finished" not in home(world.owner)


@pytest.mark.parametrize(
    ("lately", "before", "is_told"),
    [((50, 50), (5, 95), True), ((5, 45), (5, 95), False), ((4, 96), (1, 99), False), ((9, 91), (8, 92), False)],
)
def test_a_share_of_stopped_messages_that_rises_is_told(world: World, lately, before, is_told) -> None:
    of = Of(world.account.id, 0, world.number.id)
    for (stopped, sent), back in ((lately, 1), (before, 20)):
        came = {Came(of, "suppressed", "opted_out"): stopped, Came(of, "sent"): sent}
        outcomes.note(came, timezone.now() - timedelta(days=back))
    assert ("More of your messages are stopped by opt-outs" in home(world.owner)) is is_told


def test_the_last_thirty_days_are_drawn(lived: World) -> None:
    page = signed_in(lived.owner).get("/").content.decode()
    assert 'aria-label="Sent 2, suppressed 1, failed 0.' in page
    assert 'aria-label="Opt-outs: 1.' in page
    assert "chart-bars" not in signed_in(lived.stranger).get("/").content.decode()
