"""Lists, newest first and a page at a time; public ids and cursors, which tell nobody a count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any  # Any: rows of several tables, JSON of answers

from django.conf import settings
from ninja import Query
from pydantic import BeforeValidator, WithJsonSchema

from heed.api.errors import ApiError, not_here
from heed.rules import codes, timing

Limit = Annotated[int, Query(ge=1, le=1000, description="How many items at most")]
Next = Annotated[str, Query(description="The `next` of the page before this one")]


def _time(raw: object) -> datetime:
    try:
        time = datetime.fromisoformat(raw.strip() if isinstance(raw, str) else "")
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("Write a time as in 2026-11-24T09:30:00Z.") from error


Time = Annotated[
    datetime,
    BeforeValidator(_time),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "ISO 8601; UTC where no zone is given",
            "examples": ["2026-11-24T09:30:00Z"],
        }
    ),
]


def time_shown(value: datetime | None) -> str | None:
    return timing.show(value) if value else None


def shown(prefix: str, row_id: int) -> str:
    return codes.public_id(settings.ID_KEY, prefix, row_id)


def row_id(prefix: str, public: str) -> int:
    """The row behind a public id. An unknown one is 404."""
    found = codes.row_id(settings.ID_KEY, prefix, public)
    if found is None:
        raise not_here()
    return found


def start_of(cursor: str) -> int | None:
    """The id that a page starts below."""
    if not cursor:
        return None
    found = codes.row_id(settings.ID_KEY, "cur", cursor)
    if found is None:
        raise ApiError(400, "This is no cursor that a list gave.", "invalid", "next")
    return found


def page_of(rows: list[Any], limit: int, item: Callable[[Any], dict[str, Any]], *, key: str = "id") -> dict[str, Any]:
    """One page from up to ``limit`` + 1 rows, newest first by ``key``."""
    more = shown("cur", getattr(rows[limit - 1], key)) if len(rows) > limit else None
    return {"items": [item(row) for row in rows[:limit]], "next": more}
