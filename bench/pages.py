"""Pages of the console at ten million opt-outs and a million messages: what the server takes for each, and for the worst.

Each page is asked for as an owner's browser does, through the whole chain, and the median of five counts. The floor is the
time that a page may take.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from statistics import median

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.utils import timezone

from bench.installation import IS_SQLITE, PEOPLE_FROM, make, report, series
from heed.console import ids
from heed.core import accounts, consent, inbound, senders
from heed.core.consent import Cause
from heed.core.models import Account, Role, Sender, Source
from heed.rules import numbers
from heed.rules.values import InboundText

IS_SMALL = bool(os.environ.get("HEED_BENCH_SMALL"))
OPT_OUTS, MESSAGES = (1_000_000, 100_000) if IS_SMALL else (10_000_000, 1_000_000)
PERSON = 447700900501
MOST_MS, ROUNDS = 200, 5


def main() -> None:
    account, sender, link = make()
    _seed(account, sender)
    user = accounts.add_member(account, "owner@example.com", Role.OWNER, actor="bench").user
    user.password = make_password("bench")
    user.save(update_fields=["password"])
    inbound.receive(link, [InboundText("", numbers.show(PERSON), sender.address, "Who is this?")])
    consent.opt_out(account.id, 0, PERSON, Cause(Source.CONSOLE, "bench"))
    client = Client()
    client.force_login(user)
    times = {name: _ms(client, path) for name, path in _pages(account, sender).items()}
    for name, ms in sorted(times.items(), key=lambda one: -one[1]):
        print(f"{connection.vendor} {name}: {ms:.0f} ms", file=sys.stderr)
    worst = max(times, key=lambda name: times[name])
    most = times[worst]
    report(most, MOST_MS, "ms", f"<= {MOST_MS} ms", most <= MOST_MS, page=worst, opt_outs=OPT_OUTS, messages=MESSAGES)


def _pages(account: Account, sender: Sender) -> Mapping[str, str]:
    number = ids.public(ids.SENDER, sender.id)
    someone = PEOPLE_FROM + OPT_OUTS * 5
    today = timezone.localdate()
    return {
        "home": "/",
        "messages": "/messages/",
        "messages suppressed": "/messages/?state=suppressed",
        "messages to one number": f"/messages/?number=%2B{someone}",
        "inbox": "/inbox/",
        "conversation": f"/inbox/{PERSON}/",
        "reviews": "/reviews/",
        "contacts": "/contacts/",
        "opt-outs": "/opt-outs/",
        "opt-outs of one number": f"/opt-outs/?number=%2B{someone}",
        "opt-outs by import": "/opt-outs/?source=import",
        "opt-outs of a sender": f"/opt-outs/?scope={number}",
        "opt-outs of today": f"/opt-outs/?first={today}&last={today}",
        "history": f"/opt-outs/{PERSON}/",
        "why not": f"/why-not/?number=%2B{someone}",
        "reports": "/reports/",
        "campaigns": "/campaigns/",
        "numbers": "/numbers/",
        "number": f"/numbers/{number}/",
        "audit log": "/audit/",
        "audit log filtered": "/audit/?area=webhook",
        "jobs": "/jobs/",
        "settings": "/settings/",
    }


def _ms(client: Client, path: str) -> float:
    times = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")
    return median(times[1:])


def _seed(account: Account, sender: Sender) -> None:
    """People who left on the days of a year; messages of a month, one in ten suppressed; what staff did."""
    senders.change(sender, senders.Setting(keywords=[senders.Word("END", "Bye")]), actor="bench")
    now = timezone.now()
    moment = (
        "datetime('{}', '-' || (n % {}) || ' seconds')" if IS_SQLITE else "timestamptz '{}' - (n % {}) * interval '1 s'"
    )
    year, month = (moment.format(now.isoformat(sep=" ", timespec="seconds")[:19], 86_400 * days) for days in (365, 30))
    false = "0" if IS_SQLITE else "false"
    states = "CASE WHEN n % 10 = 0 THEN 'suppressed' ELSE 'delivered' END"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_consent (account_id, recipient, sender_id, state, held, never, entry_id, since) "
            f"SELECT {account.id}, {PEOPLE_FROM} + n * 10, 0, 'out', 0, {false}, {OPT_OUTS} - n, {year} "
            f"FROM {series(0, OPT_OUTS - 1)}"
        )
        cursor.execute(
            "INSERT INTO core_message (account_id, sender_id, pool_id, connection_id, recipient, address, text, parts, "
            "purpose, state, reason, code, words, priority, claim, tries, correlation_id, provider_id, door, actor, "
            f"created_at, settled_at) SELECT {account.id}, {sender.id}, 0, {sender.connection_id}, "
            f"{PEOPLE_FROM} + (n * 7919) % {OPT_OUTS * 10}, '+447700900501', 'Hello', 1, 'message', {states}, "
            "CASE WHEN n % 10 = 0 THEN 'opted_out' ELSE '' END, '', '', 5, 0, 1, '', '', 'quick_send', 'bench', "
            f"{month}, {month} FROM {series(1, MESSAGES)}"
        )
        cursor.execute(
            "INSERT INTO core_audit (account_id, at, actor, action, subject, detail) "
            f"SELECT {account.id}, {month}, 'bench', 'template.create', 'Sale', '{{}}' FROM {series(1, MESSAGES // 10)}"
        )
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    main()
