"""Every scope rule and order rule as a table: a sequence of acts, and the rows that it leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from heed.rules import consent
from heed.rules.consent import ALL_SENDERS, Row

A, B = 7, 8  # two senders of one account
T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def play(*acts: str) -> dict[int, Row]:
    """Rows after acts such as "stop A 1" (minute 1), "start A 2 on" (the switch is on), "lift all", "hold A"."""
    rows: dict[int, Row] = {}
    for act in acts:
        verb, who, *rest = act.split()
        sender = {"A": A, "B": B, "all": ALL_SENDERS}[who]
        at = T0 + timedelta(minutes=int(rest[0])) if rest else T0
        match verb:
            case "stop":
                rows |= consent.opt_out(rows, sender, at)
            case "never":
                rows |= consent.opt_out(rows, sender, at, never=True)
            case "start":
                rows |= consent.start(rows, sender, at, account_level=rest[-1] == "on") or {}
            case "lift":
                rows |= consent.lift(rows, sender)
            case "hold":
                rows |= consent.hold(rows, sender)
            case "release":
                rows |= consent.release(rows, sender)
    return rows


@pytest.mark.parametrize(
    ("acts", "states"),
    [
        # 1. An opt-out writes one row; the account's also clears `in` rows.
        (["stop A 1"], "A=out"),
        (["stop all 1"], "all=out"),
        (["stop all 1", "start A 2 off", "stop all 3"], "all=out A=none"),
        (["stop all 1", "start A 2 off", "stop A 3"], "all=out A=out"),
        (["stop B 1", "stop all 2"], "B=out all=out"),
        # 2. START on a number.
        (["stop A 1", "start A 2 off"], "A=none"),
        (["stop all 1", "start A 2 on"], "A=none all=none"),
        (["stop all 1", "start A 2 off"], "all=out A=in"),
        (["stop A 1", "stop all 2", "start A 3 on"], "A=none all=none"),
        (["stop A 1", "stop all 2", "start A 3 off"], "A=in all=out"),
        (["start A 1 off"], "A=none"),
        # 3. Nothing wider lifts a narrower opt-out.
        (["stop A 1", "start all 2 off"], "A=out all=none"),
        (["stop A 1", "stop all 2", "start B 3 on"], "A=out all=none B=none"),
        (["stop A 1", "stop all 2", "lift all"], "A=out all=none"),
        (["stop A 1", "stop all 2", "lift A"], "A=none all=out"),
        # 5. Order: a START that is older than the standing opt-out is only recorded; ties go to the opt-out.
        (["stop A 2", "start A 1 off"], "A=out"),
        (["stop A 2", "start A 2 off"], "A=out"),
        (["start A 3 off", "stop A 2"], "A=out"),
        (["stop A 1", "stop A 3", "start A 2 off"], "A=out"),
        (["stop all 2", "start A 1 on"], "all=out"),
        (["stop A 1", "stop all 3", "start A 2 off"], "A=out all=out"),
        # "Never contact" is lifted by staff alone.
        (["never all 1", "start A 2 on"], "all=out"),
        (["never all 1", "start A 2 off"], "all=out"),
        (["never A 1", "lift A"], "A=none"),
        (["never A 1", "stop A 2", "start A 3 off"], "A=out"),
    ],
)
def test_what_acts_do_to_the_rows(acts: list[str], states: str) -> None:
    names = {A: "A", B: "B", ALL_SENDERS: "all"}
    assert {f"{names[key]}={row.state}" for key, row in play(*acts).items()} == set(states.split())


@pytest.mark.parametrize(
    ("acts", "from_a", "from_b"),
    [
        ([], None, None),
        (["stop A 1"], "opted_out sender", None),
        (["stop all 1"], "opted_out account", "opted_out account"),
        (["stop all 1", "start A 2 off"], None, "opted_out account"),
        (["stop all 1", "start A 2 on"], None, None),
        (["stop A 1", "stop all 2"], "opted_out sender", "opted_out account"),
        (["hold A"], "in_review sender", None),
        (["hold all"], "in_review account", "in_review account"),
        (["hold A", "hold A", "release A"], "in_review sender", None),
        (["hold A", "release A"], None, None),
        (["stop all 1", "start A 2 off", "hold all"], "in_review account", "opted_out account"),
        (["hold A", "stop A 1", "release A"], "opted_out sender", None),
        (["hold A", "start A 1 off"], "in_review sender", None),
    ],
)
def test_who_may_be_written_to(acts: list[str], from_a: str | None, from_b: str | None) -> None:
    rows = play(*acts)
    for sender, expected in ((A, from_a), (B, from_b)):
        block = consent.may_send(rows, sender)
        assert (block and f"{block.reason} {block.scope}") == expected


POOL = B


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ([], None),
        (["stop A 1"], "opted_out sender"),
        (["stop B 1"], "opted_out sender"),
        (["stop all 1"], "opted_out account"),
        (["stop all 1", "start B 2 off"], None),
        (["stop all 1", "start A 2 off"], "opted_out account"),  # the number's own `in` does not speak for its pool
        (["stop all 1", "start B 2 off", "stop A 3"], "opted_out sender"),
        (["stop all 1", "start B 2 off", "hold A"], "in_review sender"),
        (["hold B"], "in_review sender"),
        (["hold B", "hold all"], "in_review account"),
    ],
)
def test_a_pool_is_one_sender_and_the_number_picked_may_block_too(acts: list[str], expected: str | None) -> None:
    block = consent.may_send(play(*acts), A, POOL)
    assert (block and f"{block.reason} {block.scope}") == expected


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        (["stop A 1"], None),
        (["stop all 1"], "opted_out account"),
        (["stop all 1", "start A 2 off"], "opted_out account"),
        (["hold all"], "in_review account"),
        (["hold A"], None),
    ],
)
def test_the_account_as_a_whole_is_asked_as_all_senders(acts: list[str], expected: str | None) -> None:
    block = consent.may_send(play(*acts), ALL_SENDERS)
    assert (block and f"{block.reason} {block.scope}") == expected


def test_the_first_time_is_kept() -> None:
    row = play("stop A 1", "stop A 5")[A]
    assert row.since == T0 + timedelta(minutes=1)
    assert row.last_out_at == T0 + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("acts", "scope", "minute", "conflict"),
    [
        (["stop A 1", "start A 5 off"], A, 3, True),
        (["stop A 1", "start A 5 off"], A, 5, False),
        (["stop A 1", "start A 5 off"], ALL_SENDERS, 3, True),
        (["stop A 1", "start A 5 off"], B, 3, False),
        (["start A 5 off"], ALL_SENDERS, 3, True),
        (["stop A 1", "lift A"], A, 0, False),
        ([], ALL_SENDERS, 3, False),
    ],
)
def test_an_import_older_than_a_start_conflicts(acts: list[str], scope: int, minute: int, conflict: bool) -> None:
    assert consent.import_conflicts(play(*acts), scope, T0 + timedelta(minutes=minute)) is conflict


def test_a_start_counts_from_the_earlier_time_and_an_opt_out_from_the_later() -> None:
    later = T0 + timedelta(minutes=1)
    assert consent.start_counts_from(T0, later) == consent.start_counts_from(later, T0) == T0
    assert consent.opt_out_counts_from(T0, later) == consent.opt_out_counts_from(later, T0) == later
    assert consent.start_counts_from(None, T0) == consent.opt_out_counts_from(None, T0) == T0


def test_a_clock_far_ahead_is_believed_for_five_minutes() -> None:
    assert consent.opt_out_counts_from(T0 + timedelta(days=400), T0) == T0 + timedelta(minutes=5)
