"""Texts that may be an opt-out: held until a person, or the deadline, has decided."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from people import ANNA, BEN, CLEO, FIRST_NUMBER, SHARED_NUMBER, World

from heed.core import consent, database, gate, inbound, outbound, replay, reviews, senders
from heed.core.answers import MOST_AN_HOUR
from heed.core.consent import Cause
from heed.core.models import Decision, Event, LedgerEntry, Message, Review, Sender, Source
from heed.core.outbound import Draft
from heed.core.senders import Setting
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS, State
from heed.rules.deadlines import after_weekdays
from heed.rules.values import InboundText
from heed.workers import worker


def text(world: World, words: str, *, to: int = FIRST_NUMBER, sender: int | str = ANNA) -> inbound.Received:
    raw = InboundText("", sender if isinstance(sender, str) else numbers.show(sender), numbers.show(to), words)
    return inbound.receive(world.link, [raw])[0]


def blocks(world: World, *others: Sender) -> list[str]:
    """Why nothing may go to Anna from the first number, and from ``others``."""
    asked = [world.number, *others]
    found = [gate.may_send(one.account_id or 0, one.id, [ANNA]).get(ANNA) for one in asked]
    return [f"{one.reason} {one.scope}" if one else "" for one in found]


def only() -> Review:
    return Review.objects.get()


def acts() -> list[tuple[str, str]]:
    return list(LedgerEntry.objects.order_by("id").values_list("act", "source"))


def sound() -> bool:
    """Whether the consent rows are what a replay of the ledger gives."""
    return list(replay.verify()) == []


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    moment = datetime.now(UTC) + timedelta(**by)
    monkeypatch.setattr(database, "now", lambda: moment)


def test_it_holds_at_the_scope_of_its_opt_out(world: World) -> None:
    draft = Draft(ANNA, numbers.show(ANNA), "Sale!")
    outbound.queue(world.number, [draft], door="test", actor="")
    outbound.queue(world.second, [draft], door="test", actor="")
    assert text(world, "not interested").verdict == "review"
    assert blocks(world, world.second, world.other_number) == ["in_review sender", "", ""]
    assert list(Message.objects.order_by("id").values_list("state", "reason")) == [
        ("suppressed", "in_review"),
        ("queued", ""),
    ]
    assert (only().sender_id, only().recipient, only().account) == (world.number.id, ANNA, world.account)
    assert acts() == [("hold", "review")]
    assert Event.objects.filter(kind="review_opened", account=world.account).count() == 1
    assert sound()


@pytest.mark.parametrize(("words", "level"), [("wrong number", False), ("not interested", True)])
def test_it_holds_the_account_where_an_opt_out_would_leave_it(world: World, words: str, level: bool) -> None:
    senders.change(world.number, Setting(account_level_opt_out=level), actor="test")
    text(world, words)
    assert blocks(world, world.second, world.name, world.other_number) == ["in_review account"] * 3 + [""]


def test_an_opt_out_ends_the_hold_and_leaves(world: World) -> None:
    text(world, "not interested")
    assert reviews.decide(only(), Decision.OPT_OUT, actor="anna", note="Clear.").changed
    assert blocks(world, world.second) == ["opted_out sender", ""]
    review = only()
    assert (review.decision, review.decided_by, review.note) == ("opt_out", "anna", "Clear.")
    assert acts() == [("hold", "review"), ("opt_out", "review"), ("release", "review")]
    assert consent.needs_reason(world.account.id, world.number.id, ANNA)
    assert Event.objects.filter(kind="review_decided").count() == Event.objects.filter(kind="opt_out").count() == 1
    assert Message.objects.count() == 0  # the five minutes of a confirmation are over
    assert sound()


def test_not_an_opt_out_ends_the_hold_and_is_kept_as_evidence(world: World) -> None:
    received = text(world, "not interested")
    reviews.decide(only(), Decision.NOT_AN_OPT_OUT, actor="anna", note="Meant the blue one.")
    assert blocks(world) == [""]
    kept = LedgerEntry.objects.get(act="release")
    assert (kept.inbound_id, kept.actor, kept.note, len(kept.evidence)) == (
        received.id,
        "anna",
        "Meant the blue one.",
        64,
    )
    assert (kept.rule, kept.word) == ("not interested", "not interested")
    assert only().release_entry_id == kept.id
    assert sound()


def test_what_was_suppressed_meanwhile_is_not_sent_later(world: World) -> None:
    text(world, "not interested")
    outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Sale!")], door="test", actor="")
    assert Message.objects.get().reason == "in_review" or gate.claim(world.link.id, 10, 7) == []
    reviews.decide(only(), Decision.NOT_AN_OPT_OUT, actor="anna")
    assert gate.claim(world.link.id, 10, 7) == []
    assert Message.objects.get().state == "suppressed"


def test_nobody_decides_twice(world: World) -> None:
    text(world, "not interested")
    review = only()
    reviews.decide(review, Decision.NOT_AN_OPT_OUT, actor="anna")
    with pytest.raises(reviews.Decided) as refused:
        reviews.decide(review, Decision.OPT_OUT, actor="ben")
    assert refused.value.review.decided_by == "anna"
    assert blocks(world) == [""]


def test_two_reviews_are_two_holds(world: World) -> None:
    text(world, "not interested")
    text(world, "stpo")
    first, second = reviews.queue(world.account)
    reviews.decide(first, Decision.NOT_AN_OPT_OUT, actor="anna")
    assert blocks(world) == ["in_review sender"]
    reviews.decide(second, Decision.NOT_AN_OPT_OUT, actor="anna")
    assert blocks(world) == [""]
    assert sound()


def test_the_same_words_again_open_no_second_review(world: World) -> None:
    text(world, "not interested")
    text(world, "Not interested!")
    assert Review.objects.count() == 1
    reviews.decide(only(), Decision.NOT_AN_OPT_OUT, actor="anna")
    text(world, "not interested")
    assert reviews.queue(world.account).count() == 1


def test_a_stop_meanwhile_leaves_and_the_decision_touches_nothing_else(world: World) -> None:
    text(world, "not interested")
    text(world, "STOP")
    assert blocks(world) == ["opted_out sender"]
    reviews.decide(only(), Decision.NOT_AN_OPT_OUT, actor="anna")
    assert blocks(world) == ["opted_out sender"]
    assert sound()


def test_a_start_meanwhile_does_not_end_the_hold(world: World) -> None:
    senders.change(world.number, Setting(opt_in_reply="Hello again."), actor="test")
    text(world, "not interested")
    assert text(world, "START").verdict == "opt_in"
    assert blocks(world) == ["in_review sender"]
    claimed = gate.claim(world.link.id, 10, 7)
    assert [one.text for one in claimed] == ["Hello again."]
    reviews.decide(only(), Decision.NOT_AN_OPT_OUT, actor="anna")
    assert blocks(world) == [""]


def test_who_has_left_already_needs_no_review(world: World) -> None:
    text(world, "STOP")
    text(world, "not interested")
    assert not Review.objects.exists()
    consent.opt_out(world.account.id, ALL_SENDERS, BEN, Cause(Source.WEB_FORM))
    text(world, "wrong number", sender=BEN)
    assert not Review.objects.exists()
    text(world, "wrong number", sender=CLEO)
    assert Review.objects.count() == 1


def test_a_text_to_a_shared_number_is_for_each_account_that_named_it(world: World) -> None:
    text(world, "wrong number", to=SHARED_NUMBER)
    assert not Review.objects.exists()
    draft = Draft(ANNA, numbers.show(ANNA), f"To stop, text {numbers.show(SHARED_NUMBER)}")
    outbound.queue(world.number, [draft], door="test", actor="")
    outbound.queue(world.other_number, [draft], door="test", actor="")
    text(world, "wrong number", to=SHARED_NUMBER)
    assert set(Review.objects.values_list("account_id", "sender_id")) == {(world.account.id, 0), (world.other.id, 0)}
    assert blocks(world, world.other_number) == ["in_review account"] * 2


def test_from_a_name_there_is_nobody_to_ask_about(world: World) -> None:
    assert text(world, "not interested", sender="BANK").verdict == "review"
    assert not Review.objects.exists()


def test_the_opt_out_button_decides_the_review_of_its_text(world: World) -> None:
    received = text(world, "not interested")
    row = inbound.Inbound.objects.select_related("sender").get(id=received.id)
    assert inbound.opt_out(row, actor="anna").changed
    assert (only().decision, only().decided_by) == ("opt_out", "anna")
    assert blocks(world) == ["opted_out sender"]
    assert not inbound.opt_out(row, actor="anna").changed
    assert consent.standing_of(world.account.id, ANNA)[world.number.id].held == 0


# The deadline


@pytest.mark.parametrize(
    ("start", "weekdays", "end"),
    [
        ("2026-11-23", 5, "2026-11-30"),  # a Monday
        ("2026-11-27", 1, "2026-11-30"),  # a Friday
        ("2026-11-28", 5, "2026-12-04"),  # a Saturday
        ("2026-11-29", 5, "2026-12-04"),
        ("2026-11-24", 10, "2026-12-08"),
        ("2026-11-24", 0, "2026-11-24"),
    ],
)
def test_weekdays(start: str, weekdays: int, end: str) -> None:
    assert after_weekdays(datetime.fromisoformat(start), weekdays) == datetime.fromisoformat(end)


@pytest.mark.parametrize(("person", "weekdays"), [(ANNA, 5), (12125550150, 10), (16135550150, 10), (99912345678, 5)])
def test_it_is_due_as_the_country_of_the_person_demands(world: World, person: int, weekdays: int) -> None:
    text(world, "wrong number", sender=person)
    assert only().due_at == after_weekdays(only().opened_at, weekdays)


def test_undecided_at_the_deadline_it_is_an_opt_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    text(world, "not interested")
    assert reviews.expire() == 0
    later(monkeypatch, days=8)
    assert reviews.expire() == 1
    assert reviews.expire() == 0
    assert blocks(world, world.second) == ["opted_out sender", ""]
    assert (only().decision, only().decided_by) == ("opt_out", "")
    assert acts()[1:] == [("opt_out", "deadline"), ("release", "deadline")]
    assert consent.standing_of(world.account.id, ANNA)[world.number.id].state is State.OUT
    assert sound()


def test_one_that_can_not_be_decided_keeps_no_other_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    text(world, "not interested")
    text(world, "not interested", sender=BEN)
    later(monkeypatch, days=8)
    decide = reviews._decide

    def raise_for_anna(review: Review, *rest: object) -> object:
        return 1 / 0 if review.recipient == ANNA else decide(review, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(reviews, "_decide", raise_for_anna)
        assert reviews.expire() == 1
    assert reviews.expire() == 1


def test_the_worker_minds_the_deadlines() -> None:
    assert {reviews.expire, reviews.warn} <= {duty for duty, _ in worker.DUTIES}


def test_of_two_who_decide_at_once_one_is_told(live_world: World) -> None:
    text(live_world, "not interested")
    review, barrier = only(), threading.Barrier(2)
    told: list[str] = []

    def decide(decision: Decision) -> None:
        barrier.wait()
        try:
            reviews.decide(review, decision, actor=decision)
            told.append("done")
        except reviews.Decided:
            told.append("decided")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(one,)) for one in Decision]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["decided", "done"]
    assert LedgerEntry.objects.filter(act="release").count() == 1
    rows = consent.read([(live_world.account.id, ANNA)])[live_world.account.id, ANNA]
    assert all(row.held == 0 for row in rows.values())  # there is none where it was no opt-out
    assert sound()


def test_staff_are_told_once_that_it_is_near(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    text(world, "not interested")
    assert reviews.warn() == 0
    near: Callable[[], datetime] = lambda: only().due_at - timedelta(hours=23)  # noqa: E731
    moment = near()
    monkeypatch.setattr(database, "now", lambda: moment)
    assert (reviews.warn(), reviews.warn()) == (1, 0)
    assert Event.objects.filter(kind="review_due").count() == 1


# Machines


def test_two_machines_that_answer_each_other_come_to_an_end(world: World) -> None:
    senders.change(
        world.number, Setting(reply_message="Bye. Text START to come back.", opt_in_reply="Hi."), actor="test"
    )
    for _ in range(10):
        text(world, "STOP")
        text(world, "START")
    assert Message.objects.count() == 5


@pytest.mark.parametrize(
    ("ours", "theirs", "first"),
    [
        (
            Setting(reply_message="START", opt_in_reply="STOP"),
            Setting(reply_message="START", opt_in_reply="STOP"),
            "STOP",
        ),
        (Setting(help_reply="INFO"), Setting(help_reply="HELP"), "HELP"),
        (Setting(reply_message="HELP", help_reply="STOP"), Setting(opt_in_reply="STOP", help_reply="START"), "STOP"),
        (Setting(opt_in_reply="START"), Setting(opt_in_reply="UNSTOP"), "START"),
    ],
)
def test_two_installations_that_answer_each_other_come_to_an_end(
    world: World, ours: Setting, theirs: Setting, first: str
) -> None:
    """Each number's answers are texted to the other until one is silent; both answer whatever they can."""
    here, there = world.number, world.other_number
    senders.change(here, ours, actor="test")
    senders.change(there, theirs, actor="test")
    text(world, first, to=FIRST_NUMBER, sender=there.address)
    said = 0
    while answer := Message.objects.filter(id__gt=said).order_by("id").first():
        said = answer.id
        to = here if answer.sender_id == there.id else there
        text(world, answer.text, to=int(to.key[1:]), sender=answer.sender.address)
    assert 1 <= Message.objects.count() <= 2 * MOST_AN_HOUR


def test_an_auto_responder_opts_nobody_out(world: World) -> None:
    assert text(world, "Automatic reply: I am out of the office until Monday").verdict == "none"
    assert text(world, "I'm driving right now. Reply STOP to get no more of these.").verdict == "review"
    assert blocks(world) == ["in_review sender"]
    assert Message.objects.count() == 0
