"""Hand queued messages to the carriers."""

from __future__ import annotations

import asyncio

from heed.workers import process
from heed.workers.dispatcher import Dispatcher
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    is_process = True
    help = "Hand queued messages to the carriers, until SIGTERM. Any number may run on one PostgreSQL."

    def handle(self, *args: object, **options: object) -> None:
        process.begin()
        asyncio.run(_run())


async def _run() -> None:
    await Dispatcher().run()
