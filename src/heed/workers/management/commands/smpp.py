"""Take binds of programs that speak SMPP."""

from __future__ import annotations

import asyncio

from django.core.management.base import CommandError

from heed.workers import process, start
from heed.workers.front.server import Front, doors
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    is_process = True
    help = "Take binds of programs that speak SMPP, until SIGTERM. Any number may run on one PostgreSQL."

    def handle(self, *args: object, **options: object) -> None:
        if not start.smpp_ports():
            raise CommandError("Set HEED_SMPP_PORT or HEED_SMPP_TLS_PORT: where programs are to bind.")
        process.begin()
        asyncio.run(_run())


async def _run() -> None:
    await Front(doors()).run()
