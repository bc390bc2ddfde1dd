"""Counts of what may be millions of rows: exact up to a bound, "10,000+" beyond it."""

from __future__ import annotations

from typing import Any  # Rows of whatever table.

from django.db.models import QuerySet

MOST = 10_000
MANY_WAITING = 99  # what the menu counts up to


def bounded(found: QuerySet[Any], most: int = MOST) -> int:
    """How many there are; of more than ``most``, ``most`` + 1."""
    return found.order_by()[: most + 1].count()


def shown(count: int, most: int = MOST) -> str:
    return f"{most:,}+" if count > most else f"{count:,}"


def waiting(found: QuerySet[Any]) -> str:
    """How many reviews wait, in the menu's few digits."""
    return shown(bounded(found, MANY_WAITING), MANY_WAITING)
