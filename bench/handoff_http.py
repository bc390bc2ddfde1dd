"""Hand-off over HTTP: the dispatcher claims, asks the gate, hands off to a Kannel on loopback and marks.

The floor is a bare aiohttp client that makes the same calls to the same server, as many at a time, and writes nothing down.
"""

from __future__ import annotations

import asyncio
import os

import aiohttp

from bench import processes
from bench.installation import alternate, fill, make, rate, report, seed_opt_outs
from heed import carriers
from heed.core import connections, senders
from heed.core.models import Connection, Message
from heed.providers.kannel import Kannel
from heed.rules.values import Outgoing
from heed.workers.dispatcher import WINDOW, Dispatcher

OPT_OUTS, MESSAGES = 1_000_000, 2_000 if os.environ.get("HEED_BENCH_SMALL") else 10_000
HANDED_OFF = MESSAGES * 9 // 10  # the others are to people who left
GOAL = 0.6


def main() -> None:
    account, _, _ = make()
    seed_opt_outs(account.id, OPT_OUTS)
    with processes.gateway() as address:
        url = f"{address}/cgi-bin/sendsms"
        values = {"url": url, "username": "heed", "password": "quiet-river", "secret": "river"}
        link = carriers.add("kannel", "Kannel", values, answered=(), account=None, actor="bench")
        sender = senders.take_number(account, 447700900002, link, actor="bench")
        headers = _headers(link)

        def ours() -> float:
            fill(account.id, sender.id, link.id, MESSAGES)
            return rate(HANDED_OFF, lambda: asyncio.run(_dispatch()))

        mine, bare = alternate(ours, lambda: rate(HANDED_OFF, lambda: asyncio.run(_bare(url, headers))), rounds=3)
    if Message.objects.filter(state="sent").count() != HANDED_OFF:
        raise SystemExit("Not every message was handed off.")
    report(mine, bare, "messages/s", f">= {GOAL}", mine / bare >= GOAL, opt_outs=OPT_OUTS, in_flight=WINDOW)


async def _dispatch() -> None:
    """A dispatcher from its start until all are handed off and written down."""
    process = Dispatcher()
    running = asyncio.create_task(process.run())
    while await process.database(Message.objects.filter(state__in=("queued", "sending")).exists):
        await asyncio.sleep(0.05)
    process.stopping.set()
    await running


async def _bare(url: str, headers: dict[str, str]) -> None:
    left = iter(range(HANDED_OFF))

    async def call(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url, data=b"Hello", headers=headers) as response:
                await response.read()

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        await asyncio.gather(*(call(session) for _ in range(WINDOW)))


def _headers(link: Connection) -> dict[str, str]:
    """Those that a message goes out with."""
    one = Kannel(connections.settings_of(link), connections.hook_url(link))
    return {
        **one.authentication(),
        **one.headers(Outgoing("tid" + "0" * 32, "+447700900002", "+447000000000", "Hello")),
    }


if __name__ == "__main__":
    main()
