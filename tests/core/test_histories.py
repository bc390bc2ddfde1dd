"""Random histories through the doors that people and staff use: what may never happen, and consent against its ledger.

What must hold is said here of what people see, and not by the rules' own functions, so that a wrong rule is found too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from people import ANNA, World

from heed.core import consent, database, gate, inbound, outbound, replay, senders
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Message, Sender, Source
from heed.core.outbound import Draft
from heed.core.senders import Setting
from heed.rules import consent as rules
from heed.rules import numbers
from heed.rules.values import InboundText

LEAVING = ("STOP", "STOPALL", "unsubscribe", "PREFIXSTOP")
COMING_BACK = ("START", "unstop", "PREFIXSTART")
NEITHER = ("HELP", "hello", "yes", "please START", "🛑")
EVERYTHING = ("STOPALL", "PREFIXSTOP")


@dataclass(frozen=True)
class Step:
    kind: str
    sender: str
    words: str
    minutes: int | None
    is_on: bool


STEPS = st.builds(
    Step,
    kind=st.sampled_from(
        ["text"] * 8 + ["switch", "form", "never", "lift", "import", "hold", "release", "mention", "buy", "released"]
    ),
    sender=st.sampled_from(["A", "A", "B", "P", "Q", "S", "all"]),
    words=st.sampled_from(LEAVING * 2 + COMING_BACK * 2 + NEITHER),
    minutes=st.sampled_from([None, None, None, -30, 30]),
    is_on=st.booleans(),
)


FORM, START = Step("form", "A", "", None, False), Step("text", "A", "START", None, False)


class Life:
    """One person, and of the account two numbers, two numbers of a pool, and whatever is bought on the way."""

    def __init__(self, world: World) -> None:
        self.world, self.account = world, world.account
        pool = self._sender("pool", "pool")
        self.senders = {
            "A": world.number,
            "B": world.second,
            "P": self._sender("number", "+447700900071", pool.id),
            "Q": self._sender("number", "+447700900072", pool.id),
            "S": world.shared,
        }
        self.writing = [world.number, world.second, self.senders["P"], self.senders["Q"], world.name]

    def _sender(self, kind: str, address: str, pool_id: int = 0) -> Sender:
        return Sender.objects.create(
            account=self.account, connection=self.world.link, kind=kind, address=address, key=address, pool_id=pool_id
        )

    def out_of(self) -> set[int]:
        """The senders that may not write to the person because of an opt-out."""
        return {
            one.id
            for one in self.writing
            if (block := gate.may_send(self.account.id, one.id, [ANNA], pool_id=one.pool_id).get(ANNA))
            and block.reason == "opted_out"
        }

    def live(self, step: Step) -> None:
        before = self.out_of()
        getattr(self, f"_{step.kind}")(step)
        after = self.out_of()
        comes_back = step.kind == "text" and step.words in COMING_BACK
        if not comes_back and step.kind != "lift":
            assert before <= after, "only START and staff lift"
        if comes_back or step.kind in ("lift", "hold", "release", "switch", "mention"):
            assert after <= before, "none of these opts out"
        if step.kind == "form" or (
            step.kind == "text" and step.words in EVERYTHING and step.sender not in ("S", "all")
        ):
            assert after == {one.id for one in self.writing}
        if step.kind == "text" and step.words in LEAVING and step.sender in "ABPQ":
            told = senders.consent_id(self.senders[step.sender])
            assert {one.id for one in self.writing if senders.consent_id(one) == told} <= after
        assert not gate.may_send(self.world.other.id, self.world.other_number.id, [ANNA])

    def _text(self, step: Step) -> None:
        sender = self.senders.get(step.sender, self.world.shared)
        at = None if step.minutes is None else database.now() + timedelta(minutes=step.minutes)
        words = step.words.replace("PREFIX", self.account.free_prefix)
        inbound.receive(self.world.link, [InboundText("", numbers.show(ANNA), sender.address, words, at)])

    def _switch(self, step: Step) -> None:
        if step.sender in "AB":
            senders.change(self.senders[step.sender], Setting(account_level_opt_out=step.is_on), actor="test")

    def _form(self, step: Step) -> None:
        consent.opt_out(self.account.id, 0, ANNA, Cause(Source.WEB_FORM))

    def _never(self, step: Step) -> None:
        consent.opt_out(self.account.id, self._scope(step), ANNA, Cause(Source.CONSOLE), never=True)

    def _lift(self, step: Step) -> None:
        self._act(Verb.LIFT, step, Source.CONSOLE)

    def _import(self, step: Step) -> None:
        self._act(Verb.IMPORT, step, Source.IMPORT)

    def _hold(self, step: Step) -> None:
        self._act(Verb.HOLD, step, Source.REVIEW)

    def _release(self, step: Step) -> None:
        self._act(Verb.RELEASE, step, Source.REVIEW)

    def _act(self, verb: Verb, step: Step, source: Source) -> None:
        at = None if step.minutes is None else database.now() - timedelta(minutes=30)
        consent.act(Doing(verb, self.account.id, ANNA, self._scope(step), Cause(source), at))

    def _scope(self, step: Step) -> int:
        return 0 if step.sender in ("S", "all") else senders.consent_id(self.senders[step.sender])

    def _mention(self, step: Step) -> None:
        draft = Draft(ANNA, numbers.show(ANNA), f"To stop, text {self.world.shared.address}")
        outbound.queue(self.world.number, [draft], door="test", actor="")

    def _buy(self, step: Step) -> None:
        if len(self.writing) < 7:
            number = 447700900080 + len(self.writing)
            self.writing.append(senders.take_number(self.account, number, self.world.link, actor="test"))

    def _released(self, step: Step) -> None:
        if step.sender in "AB":
            number = self.senders[step.sender]
            senders.release(number, actor="test")
            senders.take_number(self.account, int(number.address), self.world.link, actor="test")

    def ends(self) -> None:
        assert list(replay.verify()) == []
        rows = consent.standing_of(self.account.id, ANNA)
        for one in self.writing:
            block = rules.may_send(rows, one.id, one.pool_id)
            assert gate.may_send(self.account.id, one.id, [ANNA], pool_id=one.pool_id).get(ANNA) == block
            (queued,) = outbound.queue(one, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="test", actor="")
            assert queued.state == ("suppressed" if block else "queued")
        answered = list(Message.objects.exclude(inbound=None).values_list("inbound_id", flat=True))
        assert len(answered) == len(set(answered))


@pytest.fixture
def life(world: World) -> Life:
    return Life(world)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEPS, max_size=9))
@example(steps=[FORM, START, FORM])
@example(steps=[Step("text", "A", "STOP", None, False), Step("hold", "A", "", None, False), START])
def test_whatever_people_and_staff_do(life: Life, steps: list[Step]) -> None:
    before, bought = transaction.savepoint(), len(life.writing)
    try:
        for step in steps:
            life.live(step)
        life.ends()
    finally:
        transaction.savepoint_rollback(before)
        del life.writing[bought:]
        for sender in life.senders.values():
            sender.refresh_from_db()
