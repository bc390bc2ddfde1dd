"""How a log line looks: time, level, words. No full phone number gets into one."""

from __future__ import annotations

import logging
import re

import structlog
from structlog.typing import EventDict, WrappedLogger

from heed.rules.numbers import mask

_NUMBER = re.compile(r"\+?\b[1-9][0-9]{9,14}\b")


def formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            mask_numbers,
            structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
        ],
        foreign_pre_chain=[structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.stdlib.add_log_level],
    )


def mask_numbers(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Every text of ``event`` with its phone numbers as +44•••••123."""
    for key in ("event", "exception"):
        if isinstance(event.get(key), str):
            event[key] = _NUMBER.sub(lambda found: mask(int(found[0].lstrip("+"))), event[key])
    return event
