"""How a log line looks: time, level, words. No full phone number gets into one."""

from __future__ import annotations

import logging
import re

import structlog
from structlog.typing import EventDict, WrappedLogger

from heed.rules.numbers import mask

# Full numbers, also as people group them; national ones; short ones behind a plus. Not times, versions or ids in words.
_NUMBER = re.compile(
    r"(?<![\w.:-])(?:\+[1-9]|00[1-9]|0[1-9]|[1-9])(?:[ .()/-]{0,2}[0-9]){8,14}(?![\w:])|(?<!\w)\+[1-9][0-9]{4,8}\b"
)
_DAY = re.compile(r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]")


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
            event[key] = _NUMBER.sub(_masked, event[key])
    return event


def _masked(found: re.Match[str]) -> str:
    digits = "".join(filter(str.isdecimal, found[0]))
    return found[0] if _DAY.match(found[0]) else mask(int(digits))
