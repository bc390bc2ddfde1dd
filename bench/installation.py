"""A fresh installation to measure, and how a result is printed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from heed.core import accounts, sandbox, senders  # noqa: E402
from heed.core.models import Account, Connection, Sender  # noqa: E402

PEOPLE_FROM = 447_000_000_000  # made-up recipients; nothing here is ever handed to a carrier
IS_SQLITE = connection.vendor == "sqlite"


def make() -> tuple[Account, Sender, Connection]:
    call_command("migrate", verbosity=0)
    link = sandbox.connection_of()
    account = accounts.create("Bench", actor="bench")
    return account, senders.take_number(account, 447700900001, link, actor="bench"), link


def series(first: int, last: int) -> str:
    """A table expression with the numbers from ``first`` to ``last`` in a column ``n``."""
    if IS_SQLITE:
        return f"(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s) s"
    return f"(SELECT generate_series({first}, {last}) AS n) s"


def seed_opt_outs(account_id: int, count: int, every: int = 10, first: int = PEOPLE_FROM) -> None:
    """``count`` people who left the account: every ``every``-th number from ``first`` on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_consent (account_id, recipient, sender_id, state, held, never, entry_id) "
            f"SELECT {account_id}, {first} + n * {every}, 0, 'out', 0, {'0' if IS_SQLITE else 'false'}, 1 "
            f"FROM {series(0, count - 1)}"
        )
        cursor.execute("ANALYZE")


def fill(account_id: int, sender_id: int, link_id: int, count: int) -> None:
    """Queue ``count`` messages, one in ten to somebody of ``seed_opt_outs``."""
    recipient = f"{PEOPLE_FROM} + (n * 7919) % 10000000"
    with connection.cursor() as cursor:
        # TRUNCATE leaves no dead rows behind.
        cursor.execute("DELETE FROM core_event" if IS_SQLITE else "TRUNCATE core_event, core_message")
        cursor.execute("DELETE FROM core_message")
        cursor.execute(
            "INSERT INTO core_message (account_id, sender_id, pool_id, connection_id, recipient, address, text, parts, "
            "purpose, state, reason, code, words, priority, claim, tries, correlation_id, provider_id, door, actor, "
            f"created_at) SELECT {account_id}, {sender_id}, 0, {link_id}, {recipient}, "
            f"'+' || ({recipient}), 'Hello', 1, 'message', 'queued', '', '', '', 5, 0, 0, '', "
            f"'', 'bench', '', CURRENT_TIMESTAMP FROM {series(1, count)}"
        )
        cursor.execute("ANALYZE core_message")


def alternate(ours: Callable[[], float], floor: Callable[[], float], rounds: int = 5) -> tuple[float, float]:
    """The medians of ``rounds`` alternating rounds, after one of each to warm up."""
    ours(), floor()
    both: list[tuple[float, float]] = [(ours(), floor()) for _ in range(rounds)]
    return median(one for one, _ in both), median(other for _, other in both)


def rate(count: int, run: Callable[[], Any]) -> float:
    """``count`` divided by the seconds that ``run`` takes."""
    began = time.perf_counter()
    run()
    return count / (time.perf_counter() - began)


def report(ours: float, floor: float, unit: str, goal: str, met: bool, **more: Any) -> None:
    """Print one result: a line of JSON."""
    values = {"ours": round(ours, 3), "floor": round(floor, 3), "unit": unit, "ratio": round(ours / floor, 3)}
    print(json.dumps(values | {"goal": goal, "met": met} | more), flush=True)
