"""Counts of what may be millions of rows: exact up to a bound, "10,000+" beyond it."""

from __future__ import annotations

from typing import Any  # Rows of whatever table.

from django.db.models import QuerySet

MOST = 10_000


def bounded(found: QuerySet[Any]) -> int:
    """How many there are; of more than MOST, MOST + 1."""
    return found.order_by()[: MOST + 1].count()


def shown(count: int) -> str:
    return f"{MOST:,}+" if count > MOST else f"{count:,}"
