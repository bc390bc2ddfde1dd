"""The audit trail as it is read: filtered, the latest first, paged by key; each page looks at a bounded part of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any  # JSON

from heed.core import tables
from heed.core.models import Audit

MOST_READ = 10_000  # rows that a page looks at where few may fit
A_PAGE = 1000  # rows of a file that are read at once
COLUMNS = ("at", "actor", "action", "subject", "detail")


@dataclass(frozen=True, slots=True)
class Wanted:
    """``area`` is what stands before the dot of an action; ``last`` is the first moment that is too late."""

    actor: str = ""
    area: str = ""
    subject: str = ""
    first: datetime | None = None
    last: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        times = {"first": self.first and self.first.isoformat(), "last": self.last and self.last.isoformat()}
        return {"actor": self.actor, "area": self.area, "subject": self.subject, **times}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Wanted:
        times = {name: datetime.fromisoformat(value[name]) for name in ("first", "last") if value.get(name)}
        return cls(**(value | times))


@dataclass(frozen=True, slots=True)
class Page:
    """``after`` is the row that the next page begins behind, None where there is none."""

    rows: list[Audit]
    after: int | None


def page(account_id: int, wanted: Wanted, after: int | None = None, *, limit: int = 50) -> Page:
    """What was done in the account, as ``wanted``. Where few rows fit, a page may be short, or empty, and still go on."""
    there = Audit.objects.filter(account_id=account_id).order_by("-id")
    if after is not None:
        there = there.filter(id__lt=after)
    end = there.values_list("id", flat=True)[MOST_READ - 1 : MOST_READ].first()
    rows = list(_fitting(there if end is None else there.filter(id__gte=end), wanted)[: limit + 1])
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else end)


def _fitting(rows: Any, wanted: Wanted) -> Any:  # QuerySets of Audit
    asked = {
        "actor__icontains": wanted.actor,
        "action__startswith": wanted.area and f"{wanted.area}.",
        "subject__icontains": wanted.subject,
        "at__gte": wanted.first,
        "at__lt": wanted.last,
    }
    return rows.filter(**{name: value for name, value in asked.items() if value})


def rows(account_id: int, wanted: Wanted) -> Iterator[tuple[str, ...]]:
    """All that is ``wanted``, as COLUMNS, the latest first; a page at a time, no snapshot."""
    after = None
    while True:
        found = page(account_id, wanted, after, limit=A_PAGE)
        yield from (_exported(row) for row in found.rows)
        if found.after is None:
            return
        after = found.after


def _exported(row: Audit) -> tuple[str, ...]:
    at = row.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    detail = json.dumps(row.detail, ensure_ascii=False, sort_keys=True) if row.detail else ""
    return (at, *(tables.guard(text) for text in (row.actor, row.action, row.subject, detail)))
