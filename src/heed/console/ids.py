"""The public ids that stand in the console's addresses and forms. A page's cursor is the id of its last row."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404

from heed.rules import codes

MESSAGE, INBOUND, ENTRY, SENDER, MOMENT = "tid", "inb", "ent", "num", "hst"
WEBHOOK, DELIVERY, EVENT = "whk", "dlv", "evt"
CONNECTION = "lnk"
MEMBER, INVITATION, KEY, ESME, REVIEW = "mem", "inv", "key", "sme", "rev"
CAMPAIGN, FILE, LIST, CONTACT, TEMPLATE, JOB, NOTE = "cmp", "fil", "lst", "con", "tpl", "job", "aud"


def public(kind: str, row_id: int) -> str:
    return codes.public_id(settings.ID_KEY, kind, row_id)


def row(kind: str, public_id: str) -> int:
    """The row's id in ``public_id``. Raises Http404 for what we never gave out."""
    found = codes.row_id(settings.ID_KEY, kind, public_id)
    if found is None:
        raise Http404("There is no such page.")
    return found
