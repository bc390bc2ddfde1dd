"""A fair queue of two lock files before SQLite's write lock, across threads and processes.

SQLite's own busy handler sleeps and retries, so that an opt-out waited up to three seconds behind a busy dispatcher.
Whoever waits here waits in the kernel: it holds ``a`` while it waits for ``b``, so the next writer is always the one that
asked before. flock belongs to the open file, so every connection has descriptors of its own.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path

_holding: dict[int, float] = {}  # descriptor → monotonic time since when it holds the turnstile


class Turnstile:
    """One connection's place in the queue. Not to be shared by threads."""

    def __init__(self, database: Path) -> None:
        self._a = _open(database.with_name(database.name + "-queue"))
        self._b = _open(database.with_name(database.name + "-write"))
        self.is_held = False

    def enter(self) -> None:
        if self.is_held:
            return
        fcntl.flock(self._a, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._b, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._a, fcntl.LOCK_UN)
        self.is_held = True
        _holding[self._b] = time.monotonic()

    def leave(self) -> None:
        if self.is_held:
            self.is_held = False
            _holding.pop(self._b, None)
            fcntl.flock(self._b, fcntl.LOCK_UN)

    def close(self) -> None:
        self.leave()
        os.close(self._a)
        os.close(self._b)


def end_stuck_holders(limit_s: float = 10) -> None:
    """End this process when one of its connections holds the turnstile over ``limit_s``: all other writers wait for it.

    SQLite then rolls the transaction back, as after any crash. For the processes of ``serve``; a migration may take long.
    """
    threading.Thread(target=_watch, args=(limit_s,), name="turnstile-watch", daemon=True).start()


def _watch(limit_s: float) -> None:
    while True:
        time.sleep(min(1, limit_s / 4))
        for since in list(_holding.values()):
            if time.monotonic() - since > limit_s:
                os.write(2, f"A write transaction took over {limit_s:g} s; this process ends.\n".encode())
                os._exit(70)  # EX_SOFTWARE; the parent starts it again


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
