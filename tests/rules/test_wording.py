"""Whether a message offers a way out that works."""

from __future__ import annotations

from datetime import date

import pytest

from heed.rules.packs import policy
from heed.rules.wording import Lint, Ways, exits, lint, lint_for, marketing_in

NUMBER = Ways(
    "+447700900001", ("STOP", "UNSUBSCRIBE", "Fin"), "szwbhSTOP", "+447700900400", "https://sms.example/hnULc"
)
NAME = Ways("", (), "szwbhSTOP", "+447700900400", "https://sms.example/hnULc")


def test_a_number_offers_three_lines_and_a_name_two():
    lines = {
        "keyword": "To opt out, text STOP to +447700900001",
        "free_keyword": "To opt out, text szwbhSTOP to +447700900400",
        "link": "To opt out: https://sms.example/hnULc",
    }
    assert NUMBER.lines() == lines
    assert NAME.lines() == {way: line for way, line in lines.items() if way != "keyword"}
    assert list(Ways("+447700900001", free_keyword="szwbhSTOP").lines()) == ["keyword"]


def test_a_country_may_say_how_the_way_out_is_put() -> None:
    french = Ways("36123", ("STOP",), stop_line=policy("FR", TODAY).exit_line)
    assert french.lines() == {"keyword": "STOP au 36123"}
    assert exits("Soldes ! STOP au 36123", french) == ["keyword"]


@pytest.mark.parametrize(("way", "line"), NUMBER.lines().items())
def test_every_line_offered_is_a_way_out(way, line):
    assert way in exits(f"Sale today! {line}.", NUMBER)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Reply STOP to leave", ["keyword"]),
        ("Reply FIN to leave", ["keyword"]),
        ("text stop to 07700 900001", ["keyword"]),
        ("text stop to 07700 900002", []),
        ("Stop by on Friday", []),
        ("NONSTOP fun", []),
        ("Send SZWBH STOP and leave", ["keyword", "free_keyword"]),
        ("see sms.example/hnULc", ["link"]),
        ("see sms.example/hnulc", []),
        ("see sms.example/hnULcX", []),
        ("", []),
    ],
)
def test_ways_out_of_a_number(text, found):
    assert exits(text, NUMBER) == found


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Reply STOP to leave", "reply_to_name"),
        ("Sale today", "no_exit"),
        ("szwbhSTOP to leave", "no_exit"),  # to which number?
        ("text szwbhSTOP to 07700 900400", ""),
        ("To opt out: https://sms.example/hnULc", ""),
    ],
)
def test_a_sender_name_takes_no_reply(text, wrong):
    assert lint(text, NAME) == wrong


def test_nothing_is_offered_and_nothing_found_without_ways():
    assert Ways().lines() == {}
    assert lint("STOP https://", Ways()) == "reply_to_name"


TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "ways", "countries", "found"),
    [
        ("Sale today", NUMBER, ("US",), Lint("no_exit")),
        ("Sale today", NUMBER, ("US", "FR", "GB", "FR"), Lint("no_exit", ("FR", "GB"))),
        ("Sale today", NAME, ("US", "ZZ"), Lint("no_exit", ("US",))),
        ("Reply STOP to leave", NAME, ("DE",), Lint("reply_to_name", ("DE",))),
        ("Reply STOP to leave", NUMBER, ("FR", "US"), Lint("")),
    ],
)
def test_where_a_way_out_is_demanded(text, ways, countries, found):
    assert lint_for(text, ways, countries, TODAY) == found
    assert lint_for(text, ways, countries, date(2000, 1, 1)).demanded_by == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("You will get no more messages from Acme.", ""),
        ("Bye. 20% off if you stay!", "20%"),
        ("Bye. Vouchers from £5", "£5"),
        ("Bye, and see our SALE", "sale"),
        ("Au revoir. Profitez des soldes !", "soldes"),
        ("Text STOP to 07700 900001", ""),
    ],
)
def test_an_answer_has_no_marketing(text, found):
    assert marketing_in(text) == found
