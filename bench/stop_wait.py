"""How long one STOP waits on SQLite while a feeder queues and a dispatcher sends, as fast as they can.

Ours is the 99.9th percentile of the wait under load, the floor the median on an idle installation, in one run.
"""

from __future__ import annotations

import itertools
import sys
import time
from statistics import median

from bench import processes
from bench.installation import PEOPLE_FROM, make, report
from heed.core import outbound
from heed.core.models import Message, Sender
from heed.core.outbound import Draft

STOPS, GOAL_MS = 3000, 25.0


def main() -> None:
    _, sender, link = make()
    with processes.web() as address:
        url = f"{address}/hooks/sandbox/{link.token}/"
        first = itertools.count(PEOPLE_FROM, STOPS)

        def waits() -> list[float]:
            found = processes.phones(url, sender.address, STOPS, 1, next(first))["latencies"]
            return [latency * 1000 for latency in found]

        waits()
        idle = median(waits())
        with processes.run("heed", "dispatch"), processes.run("bench.stop_wait", str(sender.id)):
            time.sleep(3)
            sent_before = Message.objects.exclude(state="queued").count()
            loaded = waits()
            sent = Message.objects.exclude(state="queued").count() - sent_before
    worst = loaded[int(len(loaded) * 0.999)]
    more = {"median_ms": round(median(loaded), 2), "max_ms": round(loaded[-1], 2), "messages_meanwhile": sent}
    report(worst, idle, "ms (p99.9)", f"<= {GOAL_MS:g} ms", worst <= GOAL_MS and sent > 0, **more)


def feed(sender_id: int) -> None:
    """Queue 500 at a time, in recipient order, while there are fewer than 20,000 waiting."""
    sender = Sender.objects.get(id=sender_id)
    for first in itertools.count(449_000_000_000, 500):
        drafts = [Draft(number, f"+{number}", "Hello") for number in range(first, first + 500)]
        outbound.queue(sender, drafts, door="bench", actor="")
        while Message.objects.filter(state="queued").count() > 20_000:
            time.sleep(0.05)


if __name__ == "__main__":
    feed(int(sys.argv[1])) if len(sys.argv) > 1 else main()
