"""What every long-running process does at its start: end with its parent, and end when it holds SQLite too long."""

from __future__ import annotations

import ctypes
import os
import signal

from django.db import connection

from heed.sqlite.turnstile import end_stuck_holders

_PR_SET_PDEATHSIG = 1


def begin() -> None:
    parent = os.environ.get("HEED_PARENT")
    if parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):  # It ended before we asked.
            raise SystemExit(1)
    if connection.vendor == "sqlite":
        end_stuck_holders()
