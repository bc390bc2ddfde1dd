"""Serve pages, hooks and the API."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from heed.workers import process


class Command(BaseCommand):
    help = "Serve pages, hooks and the API, until SIGTERM. Any number may run on one PostgreSQL."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: object, host: str, port: int, **options: object) -> None:
        process.begin()
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
