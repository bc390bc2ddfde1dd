"""Hand queued messages to the carriers."""

from __future__ import annotations

import asyncio

from django.core.management.base import BaseCommand

from heed.workers import process
from heed.workers.dispatcher import Dispatcher


class Command(BaseCommand):
    help = "Hand queued messages to the carriers, until SIGTERM. Any number may run on one PostgreSQL."

    def handle(self, *args: object, **options: object) -> None:
        process.begin()
        asyncio.run(_run())


async def _run() -> None:
    await Dispatcher().run()
