"""Do what must happen by itself."""

from __future__ import annotations

import signal
import threading

from heed.workers import process, worker
from heed.workers.options import PlainCommand


class Command(PlainCommand):
    is_process = True
    help = "Do what must happen by itself: due messages, campaigns, imports, reviews, counts; until SIGTERM."

    def handle(self, *args: object, **options: object) -> None:
        process.begin()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        worker.run(stopping)
