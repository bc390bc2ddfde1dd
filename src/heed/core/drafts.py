"""The statements on drafts, by hand: a campaign has millions. Their key is the order that they are sent in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection

from heed.core import database

Draft = tuple[int, int, str]  # zone, recipient, merge fields as JSON


def known(campaign_id: int, zone: int, recipients: Iterable[int]) -> set[int]:
    """Those of ``recipients``, all of this zone, who have a draft."""
    found = database.run(
        f"""SELECT recipient FROM core_campaigndraft WHERE campaign_id = %s AND zone = %s
        AND recipient {database.among_numbers()}""",  # noqa: S608 (our own text)
        [campaign_id, zone, database.numbers_value(sorted(recipients))],
    )
    return {row[0] for row in found}


def insert(campaign_id: int, drafts: Sequence[Draft]) -> int:
    """Add ``drafts``; how many were not there yet."""
    if not drafts:
        return 0
    with connection.cursor() as cursor:
        if database.is_postgresql():
            cursor.execute(
                """INSERT INTO core_campaigndraft (campaign_id, zone, recipient, fields)
                SELECT %s, * FROM unnest(%s::int[], %s::bigint[], %s::text[]) ON CONFLICT DO NOTHING""",
                [campaign_id, *map(list, zip(*drafts, strict=True))],
            )
        else:
            cursor.executemany(
                "INSERT INTO core_campaigndraft VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [(campaign_id, *draft) for draft in drafts],
            )
        return int(cursor.rowcount)


def page(campaign_id: int, after: tuple[int, int], limit: int) -> list[Draft]:
    """The drafts behind (zone, recipient), in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT zone, recipient, fields FROM core_campaigndraft
            WHERE campaign_id = %s AND (zone, recipient) > (%s, %s) ORDER BY zone, recipient LIMIT %s""",
            [campaign_id, *after, limit],
        )
        found: list[Draft] = cursor.fetchall()
        return found


def of_zone(campaign_id: int, zone: int, after: int, limit: int) -> list[tuple[int, str]]:
    """The recipients of one zone behind ``after``, in order, with their merge fields."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT recipient, fields FROM core_campaigndraft
            WHERE campaign_id = %s AND zone = %s AND recipient > %s ORDER BY recipient LIMIT %s""",
            [campaign_id, zone, after, limit],
        )
        found: list[tuple[int, str]] = cursor.fetchall()
        return found


def clear(campaign_id: int, limit: int) -> int:
    """Delete the first ``limit`` drafts; how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM core_campaigndraft WHERE campaign_id = %s AND (zone, recipient) IN (
                SELECT zone, recipient FROM core_campaigndraft WHERE campaign_id = %s
                ORDER BY zone, recipient LIMIT %s)""",
            [campaign_id, campaign_id, limit],
        )
        return int(cursor.rowcount)
