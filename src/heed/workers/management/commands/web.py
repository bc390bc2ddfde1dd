"""Serve pages, hooks and the API."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import CommandParser
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from heed.workers import process, start
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    is_process = True
    help = "Serve pages, hooks and the API, until SIGTERM. Any number may run on one PostgreSQL."

    def add_arguments(self, parser: CommandParser) -> None:
        start.add_arguments(parser)

    def handle(self, *args: object, host: str, port: int, **options: object) -> None:
        process.begin()
        start.refuse_taken_port(host, port)
        Granian(
            "heed.wsgi:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=1,
            blocking_threads=settings.THREADS,
            respawn_failed_workers=True,
            websockets=False,
            log_access=False,
            log_level=LogLevels.error,
        ).serve()
