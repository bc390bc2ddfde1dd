"""The list of opt-outs: every filter, page by page, and never another account's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from people import ANNA, BEN, CLEO

from heed.core import consent, opt_out_list
from heed.core.consent import Cause
from heed.core.models import Source
from heed.core.opt_out_list import ANY_SENDER, Wanted
from heed.rules.consent import ALL_SENDERS

DAYS = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in range(1, 9)]
PEOPLE = (ANNA, BEN, CLEO)
SOURCES = (Source.KEYWORD, Source.IMPORT)


@pytest.fixture
def made(world):
    """Opt-outs of three people from two scopes, by two sources in turn, dated out of order; one of them is lifted."""
    places = (ALL_SENDERS, world.number.id)
    for at, (person, place) in enumerate(product(PEOPLE, places)):
        consent.opt_out(world.account.id, place, person, Cause(SOURCES[at % 2]), at=DAYS[(at * 5) % 8])
    consent.lift(world.account.id, world.number.id, CLEO, Cause(Source.CONSOLE))
    consent.opt_out(world.other.id, ALL_SENDERS, ANNA, Cause(Source.KEYWORD), at=DAYS[0])
    return world


def walk(world, wanted, limit=2):
    """All pages, as (recipient, sender id)."""
    rows, after = [], None
    while True:
        page = opt_out_list.page(world.account.id, wanted, after, limit=limit)
        assert len(page.rows) <= limit
        rows += page.rows
        if page.after is None:
            return rows
        after = page.after


def keys(rows):
    return [(row.recipient, row.sender_id) for row in rows]


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_every_filter_finds_what_a_look_at_all_rows_finds(made, limit, monkeypatch):
    monkeypatch.setattr(opt_out_list, "READ_AT_ONCE", 2)
    everything = walk(made, Wanted(), 50)
    assert len(everything) == 5
    assert [row.entry_id for row in everything] == sorted((row.entry_id for row in everything), reverse=True)
    sources = dict(zip(product(PEOPLE, (ALL_SENDERS, made.number.id)), SOURCES * 3, strict=True))
    scopes = (None, ALL_SENDERS, ANY_SENDER, made.number.id, made.second.id)
    spans = ((None, None), (DAYS[2], None), (None, DAYS[5]), (DAYS[1], DAYS[6]))
    for person, scope, source, (first, last) in product((None, ANNA), scopes, ("", *SOURCES), spans):
        wanted = Wanted(person, scope, source, first, last)
        fit = [
            row
            for row in everything
            if person in (None, row.recipient)
            and (scope in (None, row.sender_id) or (scope == ANY_SENDER and row.sender_id != ALL_SENDERS))
            and source in ("", sources[row.recipient, row.sender_id])
            and (first is None or row.since >= first)
            and (last is None or row.since < last)
        ]
        if (first or last) and not source and not person:
            fit.sort(key=lambda row: (row.since, row.entry_id), reverse=True)
        assert keys(walk(made, wanted, limit)) == keys(fit), wanted


def test_a_page_looks_at_a_bounded_part(made, monkeypatch):
    monkeypatch.setattr(opt_out_list, "READ_AT_ONCE", 1)
    monkeypatch.setattr(opt_out_list, "MOST_READ", 1)
    wanted = Wanted(scope=made.second.id, first=DAYS[0])
    page = opt_out_list.page(made.account.id, wanted, limit=1)
    assert (page.rows, page.after is None) == ([], False)
    assert walk(made, wanted, 1) == []


def test_many_of_one_moment_are_paged_too(world):
    for person in range(ANNA, ANNA + 7):
        consent.opt_out(world.account.id, ALL_SENDERS, person, Cause(Source.IMPORT), at=DAYS[3])
    rows = walk(world, Wanted(first=DAYS[3], last=DAYS[3] + timedelta(seconds=1)))
    assert sorted(row.recipient for row in rows) == list(range(ANNA, ANNA + 7))


def test_what_was_wanted_survives_a_job():
    wanted = Wanted(ANNA, ANY_SENDER, "keyword", DAYS[0], DAYS[1])
    assert Wanted.from_json(wanted.to_json()) == wanted
    assert Wanted.from_json(Wanted().to_json()) == Wanted()
    assert (Wanted().is_narrow, wanted.is_narrow) == (False, True)
