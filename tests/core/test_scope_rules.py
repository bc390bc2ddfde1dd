"""The scope rules, the order rule and the reading of keywords, as tables: what happened, the rows it left, the answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from people import ANNA, FIRST_NUMBER, SHARED_NUMBER, World

from heed.core import accounts, consent, database, gate, handoff, inbound, outbound, queued, replay, senders
from heed.core.consent import Cause, Outcome
from heed.core.inbound import Received
from heed.core.models import Connection, Consent, Inbound, LedgerEntry, Message, Sender, Source
from heed.core.outbound import Draft
from heed.core.senders import Setting, Word
from heed.rules import codes, numbers
from heed.rules.consent import Act, State
from heed.rules.values import InboundText

US_NUMBER, US_PHONE = 12125550100, 12125550150


@dataclass
class Clock:
    """Moves the clock of the program and of the database together."""

    traveller: time_machine.Coordinates

    def forward(self, **by: float) -> None:
        self.traveller.shift(timedelta(**by))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    monkeypatch.setattr(database, "now", lambda: datetime.now(UTC))
    with time_machine.travel(datetime(2026, 3, 1, 9, 0, tzinfo=UTC), tick=True) as traveller:
        yield Clock(traveller)


@dataclass
class Story:
    """One person and the senders A and B (numbers), N (a name) and S (the shared number) of one account."""

    world: World
    person: int = ANNA
    spelled: str = numbers.show(ANNA)
    received: list[Received] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    extra: dict[str, Sender] = field(default_factory=dict)

    @property
    def senders(self) -> dict[str, Sender]:
        world = self.world
        return {"A": world.number, "B": world.second, "N": world.name, "S": world.shared, **self.extra}

    def scope(self, name: str) -> int:
        return 0 if name == "all" else self.senders[name].id

    def play(self, *steps: str) -> Story:
        for step in steps:
            self._step(step)
        return self

    def _step(self, step: str) -> None:
        head, _, rest = step.partition(" ")
        account = self.world.account
        if head.endswith(":"):
            name, _, ago = head[:-1].partition("@")  # "A@-60:" is sixty seconds ago by the carrier's clock
            self.text(name, rest.replace("PREFIX", account.free_prefix), seconds=int(ago) if ago else None)
        elif head in ("on", "off"):
            senders.change(self.senders[rest], Setting(account_level_opt_out=head == "on"), actor="test")
        elif head == "form":
            self.outcomes.append(consent.opt_out(account.id, 0, self.person, Cause(Source.WEB_FORM)))
        elif head == "never":
            self.outcomes.append(
                consent.opt_out(account.id, self.scope(rest), self.person, Cause(Source.CONSOLE), never=True)
            )
        elif head == "lift":
            consent.lift(account.id, self.scope(rest), self.person, Cause(Source.CONSOLE, note="They asked by phone."))
        elif head == "import":
            name, _, ago = rest.partition("@")
            at = database.now() + timedelta(seconds=int(ago)) if ago else None
            cause = Cause(Source.IMPORT)
            verb = consent.Verb.IMPORT
            self.outcomes.append(consent.act(consent.Doing(verb, account.id, self.person, self.scope(name), cause, at)))
        elif head == "pool":
            self._pool()
        elif head == "buy":
            self.extra["C"] = senders.take_number(account, FIRST_NUMBER + 50, self.world.link, actor="test")
        elif head == "mention":
            draft = Draft(self.person, self.spelled, f"To stop, text {numbers.show(SHARED_NUMBER)}")
            outbound.queue(self.world.number, [draft], door="test", actor="")
        else:
            raise AssertionError(step)

    def _pool(self) -> None:
        """The numbers P and Q of one pool."""
        account, link = self.world.account, self.world.link
        pool = Sender.objects.create(account=account, connection=link, kind="pool", address="pool", key="pool")
        self.extra["pool"] = pool
        for name, number in (("P", FIRST_NUMBER + 60), ("Q", FIRST_NUMBER + 61)):
            self.extra[name] = senders.take_number(account, number, link, actor="test")
            self.extra[name].pool_id = pool.id
            self.extra[name].save()

    def text(self, name: str, words: str, *, seconds: int | None = None, link: Connection | None = None) -> Received:
        at = None if seconds is None else database.now() + timedelta(seconds=seconds)
        raw = InboundText("", self.spelled, self.senders[name].address, words, at)
        self.received.append(inbound.receive(link or self.world.link, [raw])[0])
        return self.received[-1]

    @property
    def rows(self) -> str:
        names = {sender.id: name for name, sender in self.senders.items()} | {0: "all"}
        found = Consent.objects.filter(account_id=self.world.account.id, recipient=self.person).exclude(
            state=State.NONE
        )
        return " ".join(sorted(f"{names[row.sender_id]}={row.state}" for row in found))

    @property
    def may(self) -> str:
        """The senders of the account that may write to the person now."""
        return " ".join(
            name
            for name, sender in self.senders.items()
            if sender.account_id
            and not gate.may_send(sender.account_id, sender.id, [self.person], pool_id=sender.pool_id)
        )

    @property
    def verdict(self) -> str:
        return self.received[-1].verdict


@pytest.fixture
def story(world: World) -> Story:
    return Story(world)


def answers() -> list[str]:
    return list(Message.objects.exclude(purpose="message").order_by("id").values_list("text", flat=True))


def _with_replies(world: World) -> None:
    setting = Setting(reply_message="Bye.", opt_in_reply="Hello again.", keywords=[Word("ARRET", "Au revoir.")])
    senders.change(world.number, setting, actor="test")


@pytest.mark.parametrize(
    ("steps", "rows", "may"),
    [
        # 1. An opt-out writes one row: the sender's, or the account's.
        (["A: STOP"], "A=out", "B N"),
        (["B: UNSUBSCRIBE"], "B=out", "A N"),
        (["A: STOP", "A: STOP"], "A=out", "B N"),
        (["A: STOP", "B: STOP"], "A=out B=out", "N"),
        (["on A", "A: STOP"], "all=out", ""),
        (["on A", "B: STOP"], "B=out", "A N"),
        (["A: STOPALL"], "all=out", ""),
        (["A: Stop all"], "all=out", ""),
        (["form"], "all=out", ""),
        (["A: PREFIXSTOP"], "all=out", ""),
        (["S: PREFIXSTOP"], "all=out", ""),
        (["S: please, PREFIX stop now"], "all=out", ""),
        (["B: PREFIX STOP"], "all=out", ""),
        # The switch decides what the next STOP writes and rewrites nothing.
        (["A: STOP", "on A"], "A=out", "B N"),
        (["A: STOP", "on A", "A: STOP"], "A=out all=out", ""),
        (["on A", "A: STOP", "off A"], "all=out", ""),
        (["on A", "A: STOP", "off A", "A: STOP"], "A=out all=out", ""),
        # A sender that comes later is covered by the account's row, and not by another sender's.
        (["form", "buy"], "all=out", ""),
        (["A: STOP", "buy"], "A=out", "B N C"),
        # 2. START on a number.
        (["A: STOP", "A: START"], "", "A B N"),
        (["A: STOP", "A: unstop."], "", "A B N"),
        (["A: STOP", "B: START"], "A=out", "B N"),
        (["on A", "A: STOP", "A: START"], "", "A B N"),
        (["form", "on A", "A: START"], "", "A B N"),
        (["form", "A: START"], "A=in all=out", "A"),
        (["form", "A: START", "A: STOP"], "A=out all=out", ""),
        (["form", "A: START", "form"], "all=out", ""),
        (["form", "A: START", "B: STOPALL"], "all=out", ""),
        (["form", "A: START", "B: STOP"], "A=in B=out all=out", "A"),
        (["form", "A: START", "on B", "B: START"], "A=in", "A B N"),
        (["A: START"], "", "A B N"),
        # 3. Nothing wider lifts a narrower opt-out.
        (["A: STOP", "on B", "B: START"], "A=out", "B N"),
        (["A: STOP", "form", "on B", "B: START"], "A=out", "B N"),
        (["A: STOP", "S: PREFIXSTART"], "A=out", "B N"),
        (["A: STOP", "form", "lift all"], "A=out", "B N"),
        (["A: STOP", "form", "lift A"], "all=out", ""),
        # Prefix + START lifts the account's opt-out, whatever made it; START words act only as the whole text.
        (["form", "S: PREFIXSTART"], "", "A B N"),
        (["A: PREFIXSTOP", "A: PREFIX start"], "", "A B N"),
        (["A: STOP", "A: please START"], "A=out", "B N"),
        (["A: STOP", "A: yes"], "A=out", "B N"),
        (["A: STOP", "A: HELP"], "A=out", "B N"),
        (["form", "S: PREFIXSTART PREFIXSTOP"], "all=out", ""),
        # A bare word on the shared number.
        (["mention", "S: STOP"], "all=out", ""),
        (["mention", "S: xxxxxSTOP"], "all=out", ""),
        (["S: STOP"], "", "A B N"),
        (["mention", "S: STOP", "S: START"], "", "A B N"),
        (["S: PREFIXSTOP", "S: START"], "", "A B N"),
        (["form", "S: START"], "all=out", ""),
        (["mention", "S: STOP", "form", "S: START"], "all=out", ""),
        (["form", "mention", "S: STOP", "S: START"], "all=out", ""),
        (["mention", "S: STOP", "A: STOP", "S: START"], "A=out", "B N"),
        (["mention", "S: STOP", "S: START", "form", "S: START"], "all=out", ""),
        # 5. Order: a START counts as of the earlier time, an opt-out as of the later; ties go to the opt-out.
        (["A: STOP", "A@-60: START"], "A=out", "B N"),
        (["A@-60: STOP", "A@-30: START"], "A=out", "B N"),
        (["A@60: STOP", "A: START"], "A=out", "B N"),
        (["A: STOP", "A@60: START"], "", "A B N"),
        (["A: START", "A@-3600: STOP"], "A=out", "B N"),
        (["form", "A@-60: START"], "all=out", ""),
        # With three senders, one of them bought after the STOP, and a START to each.
        (["A: STOP", "buy", "C: STOP"], "A=out C=out", "B N"),
        (["A: STOP", "buy", "C: START"], "A=out", "B N C"),
        (["on A", "A: STOP", "buy", "C: START"], "C=in all=out", "C"),
        (["on A", "A: STOP", "buy", "B: START"], "B=in all=out", "B"),
        (["on A", "A: STOP", "buy", "A: START"], "", "A B N C"),
        (["on A", "A: STOP", "buy", "C: START", "A: START"], "C=in", "A B N C"),
        (["on A", "A: STOP", "buy", "C: START", "C: STOP", "A: START"], "C=out", "A B N"),
        (["on A", "A: STOP", "off A", "A: START"], "A=in all=out", "A"),
        (["A: STOP", "on A", "A: START"], "", "A B N"),
        (["A: STOP", "B: STOP", "on A", "A: START"], "B=out", "A N"),
        (["A: PREFIXSTOP", "buy", "C: START"], "C=in all=out", "C"),
        (["A: STOPALL", "A: START"], "A=in all=out", "A"),
        # 4. A pool is one sender.
        (["pool", "P: STOP"], "pool=out", "A B N"),
        (["pool", "P: STOP", "Q: START"], "", "A B N pool P Q"),
        (["pool", "A: STOP"], "A=out", "B N pool P Q"),
        (["pool", "form", "P: START"], "all=out pool=in", "pool P Q"),
        (["pool", "form", "P: START", "Q: STOP"], "all=out pool=out", ""),
        (["pool", "on P", "P: STOP"], "all=out", ""),
        # "Never contact" is lifted by staff alone.
        (["never all", "S: PREFIXSTART"], "all=out", ""),
        (["never all", "on A", "A: START"], "all=out", ""),
        (["never all", "A: START"], "all=out", ""),
        (["never A", "A: START"], "A=out", "B N"),
        (["never A", "A: STOP", "A: START"], "A=out", "B N"),
        (["A: STOP", "never A", "A: START"], "A=out", "B N"),
        (["never A", "lift A"], "", "A B N"),
        # Imports add, and never lift.
        (["import all"], "all=out", ""),
        (["import A@-60"], "A=out", "B N"),
        (["A: STOP", "import A@-60"], "A=out", "B N"),
        (["A: STOP", "A: START", "import A@-60"], "", "A B N"),
        (["A: STOP", "A: START", "import A"], "A=out", "B N"),
        (["A: STOP", "A: START", "import all@-60"], "", "A B N"),
        (["A: STOP", "A: START", "import B@-60"], "B=out", "A N"),
        (["A: STOP", "lift A", "import A@-60"], "A=out", "B N"),
        (["form", "A: START", "import all"], "all=out", ""),
        (["form", "A: START", "import all@-60"], "A=in all=out", "A"),
        (["import all@-60", "on A", "A: START"], "", "A B N"),
    ],
)
def test_what_people_and_staff_do_to_the_rows(story: Story, steps: list[str], rows: str, may: str) -> None:
    story.play(*steps)
    assert (story.rows, story.may) == (rows, may)
    assert list(replay.verify()) == []
    other = story.world.other_number
    assert not gate.may_send(other.account_id or 0, other.id, [ANNA])


def test_an_account_opt_out_also_covers_a_number_bought_after_it(story: Story) -> None:
    story.play("form", "buy")
    outbound.queue(story.extra["C"], [Draft(ANNA, numbers.show(ANNA), "Hi")], door="test", actor="")
    assert Message.objects.get().state == "suppressed"


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        (["import A"], Outcome(True)),
        (["A: STOP", "import A"], Outcome(False)),
        (["A: STOP", "A: START", "import A@-60"], Outcome(False, conflict=True)),
        (["A: STOP", "A: START", "import all@-60"], Outcome(False, conflict=True)),
        (["A: STOP", "A: START", "import A"], Outcome(True)),
    ],
)
def test_an_import_says_what_it_did(story: Story, steps: list[str], outcome: Outcome) -> None:
    done = story.play(*steps).outcomes[-1]
    assert (done.changed, done.conflict) == (outcome.changed, outcome.conflict)
    assert (done.entry_id is None) == (not outcome.changed)


def test_a_start_that_comes_too_late_is_recorded(story: Story) -> None:
    story.play("A: STOP", "A@-60: START")
    assert [entry.act for entry in LedgerEntry.objects.order_by("id")] == [Act.OPT_OUT, Act.OPT_IN]


def test_the_first_time_of_an_opt_out_is_kept(story: Story) -> None:
    story.play("A: STOP")
    first = Consent.objects.get(sender_id=story.world.number.id)
    story.play("A: STOP")
    again = Consent.objects.get(sender_id=story.world.number.id)
    assert (again.since, again.entry_id) == (first.since, first.entry_id)
    assert LedgerEntry.objects.count() == 2


# Rule 6: automatic answers


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["A: STOP"], ["Bye."]),
        (["A: arrêt!"], ["Au revoir."]),
        (["A: STOP", "A: STOP"], ["Bye."]),
        (["A: STOP", "A: ARRET"], ["Bye."]),
        (["B: STOP"], []),
        (["A: STOPALL"], ["Bye."]),
        (["A: PREFIXSTOP"], ["Bye."]),
        (["form", "A: STOPALL"], []),
        (["A: STOP", "A: START"], ["Bye.", "Hello again."]),
        (["A: START"], ["Hello again."]),
        (["B: START"], []),
        (["on A", "A: STOP", "A: STOP"], ["Bye."]),
        (["form", "A: STOP"], ["Bye."]),  # it changed the number's own row
        (["on A", "form", "A: STOP"], []),
        (["A: STOP", "A: START", "A: STOP"], ["Bye.", "Hello again.", "Bye."]),
        (["A: STOP", "A@-60: START"], ["Bye.", "Hello again."]),
        (["form", "A: START", "A: PREFIXSTOP"], ["Hello again.", "Bye."]),
        (["S: PREFIXSTOP", "S: PREFIXSTART"], ["You will get no more messages from Acme."]),
        (["S: PREFIXSTOP"], ["You will get no more messages from Acme."]),
        (["S: PREFIXSTOP", "S: PREFIXSTOP"], ["You will get no more messages from Acme."]),
        (["mention", "S: STOP"], ["You will get no more messages from Acme."]),
        (["B: HELP"], ["Acme: reply STOP to stop"]),
        (["B: STOP", "B: HELP"], ["Acme: reply STOP to stop"]),
        (["B: HELP", "B: INFO"], ["Acme: reply STOP to stop"]),
        (["B: HELP", "A: HELP"], ["Acme: reply STOP to stop", "Acme: reply STOP to stop"]),
        (["A: hello"], []),
    ],
)
def test_what_is_answered(story: Story, steps: list[str], expected: list[str]) -> None:
    _with_replies(story.world)
    story.play(*steps)
    assert answers() == expected
    answered = Message.objects.exclude(purpose="message").values_list("inbound_id", flat=True)
    assert len(answered) == len(set(answered))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("A: STOP", "Bye."),  # everybody's word
        ("A: STOP bitte", "Bye."),  # nothing was written in German
        ("A: please stop texting me", "Bye."),
        ("A: stop svp", "Adieu."),
        ("A: Je ne veux plus recevoir de SMS", "Adieu."),
        ("A: désabonner", "Adieu."),
        ("A: arret", "Au revoir."),  # a keyword's own reply
        ("A: HELP", "Acme: reply STOP to stop"),
        ("A: aide", "Répondez STOP."),
        ("A: AYUDA", "Acme: reply STOP to stop"),
        ("A: START", "Hello again."),
        ("A: recommencer", "Rebonjour."),
    ],
)
def test_who_wrote_in_a_language_is_answered_in_it_where_it_was_written(story: Story, step: str, expected: str) -> None:
    french = {"reply_message": "Adieu.", "help_reply": "Répondez STOP.", "opt_in_reply": "Rebonjour."}
    setting = Setting(
        reply_message="Bye.",
        opt_in_reply="Hello again.",
        translations={"fr": french, "es": {"reply_message": "Adiós."}},
        opt_in_words=["RECOMMENCER"],
        keywords=[Word("ARRET", "Au revoir."), Word("DÉSABONNER")],
    )
    senders.change(story.world.number, setting, actor="test")
    story.play(step)
    assert answers() == [expected]


def test_help_is_answered_once_an_hour(story: Story, clock: Clock) -> None:
    story.play("A: HELP")
    clock.forward(minutes=59)
    story.play("A: HELP")
    assert len(answers()) == 1
    clock.forward(minutes=2)
    story.play("A: HELP")
    assert len(answers()) == 2


def test_an_answer_leaves_although_the_person_has_left(story: Story) -> None:
    _with_replies(story.world)
    story.play("A: STOP", "A: HELP")
    assert [one.text for one in gate.claim(story.world.link.id, 10, 7)] == ["Bye.", "Acme: reply STOP to stop"]


def test_an_answer_is_dropped_after_five_minutes(story: Story, clock: Clock) -> None:
    _with_replies(story.world)
    story.play("A: STOP")
    clock.forward(minutes=5)
    assert gate.claim(story.world.link.id, 10, 7) == []
    assert Message.objects.get().state == "expired"


def test_an_answer_to_start_does_not_leave_after_a_later_stop(story: Story) -> None:
    _with_replies(story.world)
    story.play("A: START", "A: STOP")
    assert [one.text for one in gate.claim(story.world.link.id, 10, 7)] == ["Bye."]
    assert Message.objects.get(text="Hello again.").state == "suppressed"


def test_an_answer_to_start_that_waited_passes_the_gate_again(story: Story) -> None:
    _with_replies(story.world)
    story.play("A: START")
    (claimed,) = gate.claim(story.world.link.id, 10, 7)
    handoff.wait(claimed.id, 7, seconds=0)
    story.play("form")
    assert queued.move_due() == 1
    assert gate.claim(story.world.link.id, 10, 7) == []


def test_a_start_that_lifts_nothing_welcomes_nobody(story: Story) -> None:
    _with_replies(story.world)
    story.play("never A", "A: START")
    assert gate.claim(story.world.link.id, 10, 7) == []


def test_an_answer_leaves_during_a_review(story: Story) -> None:
    _with_replies(story.world)
    story.play("A: START")
    hold = consent.Doing(consent.Verb.HOLD, story.world.account.id, ANNA, 0, Cause(Source.REVIEW))
    consent.act(hold)
    assert [one.text for one in gate.claim(story.world.link.id, 10, 7)] == ["Hello again."]


@pytest.mark.parametrize(
    ("answers_itself", "words"), [("answers_stop", "STOP"), ("answers_start", "START"), ("answers_help", "HELP")]
)
def test_what_the_carrier_answers_itself_is_mirrored_and_not_answered(
    story: Story, answers_itself: str, words: str
) -> None:
    _with_replies(story.world)
    Connection.objects.filter(id=story.world.link.id).update(**{answers_itself: True})
    for one in ("STOP", "START", "HELP"):
        story.text("A", one)
    expected = {"STOP": "Bye.", "START": "Hello again.", "HELP": "Acme: reply STOP to stop"}
    assert answers() == [answer for word, answer in expected.items() if word != words]
    assert story.rows == ""
    assert [entry.act for entry in LedgerEntry.objects.order_by("id")] == [Act.OPT_OUT, Act.OPT_IN]


# Sixty days


def test_a_released_number_takes_stops_and_is_kept_from_others_for_sixty_days(story: Story, clock: Clock) -> None:
    world = story.world
    senders.release(world.number, actor="test")
    clock.forward(days=59)
    with pytest.raises(senders.Refused, match="taken"):
        senders.take_number(world.other, FIRST_NUMBER, world.link, actor="test")
    with pytest.raises(senders.Refused, match="taken"):
        senders.add_shared(FIRST_NUMBER, world.link, actor="test")
    assert story.play("A: STOP").rows == "A=out"
    again = senders.take_number(world.account, FIRST_NUMBER, world.link, actor="test")
    assert again.id == world.number.id
    assert story.may == "B N"


def test_after_sixty_days_a_released_number_may_be_somebody_elses(story: Story, clock: Clock) -> None:
    world = story.world
    senders.release(world.number, actor="test")
    clock.forward(days=61)
    taken = senders.take_number(world.other, FIRST_NUMBER, world.link, actor="test")
    assert story.play("A: STOP").rows == ""
    assert gate.may_send(world.other.id, taken.id, [ANNA])[ANNA].scope == "sender"


def test_a_removed_keyword_acts_for_sixty_days(story: Story, clock: Clock) -> None:
    senders.change(story.world.number, Setting(keywords=[Word("ADIOS")]), actor="test")
    senders.change(story.world.number, Setting(keywords=[]), actor="test")
    clock.forward(days=59)
    story.play("A: adios")
    assert story.verdict == "opt_out"
    clock.forward(days=2)
    story.play("A: adios")
    assert story.verdict == "none"
    number = story.world.number
    outbound.queue(number, [Draft(ANNA, numbers.show(ANNA), "Text Adios to leave")], door="test", actor="")
    clock.forward(days=59)
    assert story.play("A: ADIOS!").verdict == "opt_out"  # sixty days after the last message that named it
    clock.forward(days=2)
    assert story.play("A: adios").verdict == "none"


def test_a_carriers_clock_far_ahead_makes_no_stop_outlast_a_start(story: Story, clock: Clock) -> None:
    story.play("A@-86400: STOP")  # seconds ago: this one comes from tomorrow
    clock.forward(minutes=6)
    assert story.play("A: START").rows == ""


# Who wrote, and to what


@pytest.mark.parametrize(
    ("spelled", "recipient"),
    [
        ("+99912345678", 99912345678),  # no metadata knows it
        ("447700900555", 447700900555),
        ("00447700900555", 447700900555),
        ("+44 7700 900555", 447700900555),
        ("07700900555", 447700900555),  # as a person of the number's own country writes it
        ("+5215512345678", 525512345678),
        ("+551187654321", 5511987654321),
        ("+541123456789", 5491123456789),
        ("+12345", 12345),
    ],
)
def test_a_stop_counts_from_a_phone_never_seen_however_it_is_spelled(
    story: Story, spelled: str, recipient: int
) -> None:
    story.spelled, story.person = spelled, recipient
    assert story.play("A: STOP").rows == "A=out"


def test_a_stop_from_an_old_spelling_stops_messages_to_the_new_one(story: Story) -> None:
    story.spelled, story.person = "+5215512345678", 525512345678
    _with_replies(story.world)
    draft = Draft(numbers.parse("+52 55 1234 5678"), "+525512345678", "Hola")
    outbound.queue(story.world.number, [draft], door="test", actor="")
    story.play("A: STOP")
    assert Message.objects.get(purpose="message").state == "suppressed"
    assert Message.objects.get(purpose="answer").address == "+5215512345678"


@pytest.mark.parametrize("spelled", ["60777", "BANK", "", "😀", "12", "+1234567890123456", "0"])
def test_a_short_code_or_a_name_is_stored_and_never_answered(story: Story, spelled: str) -> None:
    story.spelled = spelled
    _with_replies(story.world)
    story.play("A: STOP", "A: HELP", "A: PREFIXSTOP")
    assert [row.recipient for row in Inbound.objects.all()] == [None] * 3
    assert not LedgerEntry.objects.exists()
    assert answers() == []


LOOKS_LIKE_STOP = [
    "stop", "STOP.", " Stop ! ", "“STOP”", "'stop'", "ＳＴＯＰ", "s t o p", "STOP🛑", "🛑 stop", "ST\u200bOP",
    "\ufeffSTOP", "stop\r\n", "STOPP", "stooooop", "ЅТОР", "st0p", "5top", "STÖP", "UNSUBSCRIBE", "unsub", "S\u00adTOP",
    "\u202eSTOP\u202c", "STOP\0",
]  # fmt: skip


@pytest.mark.parametrize("words", LOOKS_LIKE_STOP)
def test_stop_is_recognised_however_it_is_typed(story: Story, words: str) -> None:
    story.play(f"A: {words}")
    assert (story.verdict, story.rows) == ("opt_out", "A=out")


@pytest.mark.parametrize(
    "words",
    [
        "I'm at the bus stop",
        "stop by at five",
        "the weekend",
        "nonstop",
        "",
        " ",
        "yes",
        "no",
        "can't stop",
    ],
)
def test_a_word_inside_a_text_is_not_enough(story: Story, words: str) -> None:
    story.play(f"A: {words}")
    assert (story.verdict, story.rows) == ("none", "")


@pytest.mark.parametrize("words", ["QUIT", "END", "REVOKE", "OPT OUT", "opt-out", "optout", "Cancel."])
def test_the_american_words_act_on_american_numbers_alone(story: Story, words: str) -> None:
    world = story.world
    story.extra["U"] = senders.take_number(world.account, US_NUMBER, world.link, actor="test")
    story.person, story.spelled = US_PHONE, numbers.show(US_PHONE)
    assert story.play(f"A: {words}").rows == ""
    assert story.play(f"U: {words}").rows == "all=out"  # American numbers start with the account-level switch on


def test_a_number_starts_at_account_level_only_if_it_is_american_or_the_account_says_so(world: World) -> None:
    def level(number: int) -> bool:
        return senders.take_number(world.account, number, world.link, actor="test").account_level_opt_out

    assert not level(447700900090)
    assert level(US_NUMBER)
    world.account.new_numbers_account_level = True
    assert level(447700900091)


def test_own_words_to_come_back_act_as_the_whole_text(story: Story) -> None:
    senders.change(story.world.number, Setting(opt_in_words=["RESUME"]), actor="test")
    assert story.play("A: STOP", "A: please resume").rows == "A=out"
    assert story.play("A: Resume!").rows == ""
    assert story.play("B: STOP", "B: RESUME").rows == "B=out"


def test_somebody_elses_free_keyword_on_this_number_leaves_them_alone(story: Story) -> None:
    world = story.world
    _with_replies(world)
    story.text("A", codes.free_keyword(world.other.free_prefix))
    assert (story.rows, answers()) == ("", [])
    assert gate.may_send(world.other.id, world.other_number.id, [ANNA])


def test_two_free_keywords_leave_two_accounts_with_one_answer(story: Story) -> None:
    world = story.world
    keywords = [codes.free_keyword(account.free_prefix) for account in (world.account, world.other)]
    story.text("S", " ".join(keywords))
    assert gate.may_send(world.account.id, 0, [ANNA])
    assert gate.may_send(world.other.id, 0, [ANNA])
    assert answers() == ["You will get no more messages from Acme, Other."]


def test_a_bare_stop_on_the_shared_number_leaves_the_only_account_there_is(db: None) -> None:
    link = Connection.objects.create(kind="sandbox", name="Sandbox", token="only")  # noqa: S106
    account = accounts.create("Acme", actor="test")
    senders.add_shared(SHARED_NUMBER, link, actor="test")
    inbound.receive(link, [InboundText("", numbers.show(ANNA), numbers.show(SHARED_NUMBER), "STOP")])
    assert gate.may_send(account.id, 0, [ANNA])


def test_a_text_through_one_accounts_connection_changes_nothing_of_another(story: Story) -> None:
    world = story.world
    story.play("A: STOP")
    link = Connection.objects.create(account=world.other, kind="sandbox", name="Theirs", token="theirs")  # noqa: S106
    for words in ("START", "STOPALL", "HELP"):
        assert story.text("A", words, link=link).verdict == "none"
    assert story.rows == "A=out"
    assert Inbound.objects.filter(account=world.account).count() == 1


@pytest.mark.parametrize("never_first", [True, False])
def test_lifting_what_the_person_asked_for_needs_a_reason_also_when_staff_made_it_never(
    story: Story, never_first: bool
) -> None:
    steps = ["never A", "A: STOP"] if never_first else ["A: STOP", "never A"]
    story.play(*steps)
    assert consent.needs_reason(story.world.account.id, story.world.number.id, ANNA)
    story.play("lift A", "never A")
    assert not consent.needs_reason(story.world.account.id, story.world.number.id, ANNA)


def test_the_network_answers_keywords_on_toll_free_numbers(story: Story) -> None:
    world = story.world
    free = senders.take_number(world.account, 18005550100, world.link, actor="test")
    senders.change(free, Setting(reply_message="Bye.", opt_in_reply="Hi."), actor="test")
    story.extra["F"] = free
    story.play("F: STOP", "F: START")
    assert answers() == []
    story.play("F: please stop texting me")
    assert answers() == ["Bye."]
