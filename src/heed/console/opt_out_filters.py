"""What the list of opt-outs is filtered by, as addresses and forms say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.http import Http404
from django.utils.translation import gettext as _

from heed.console import days, ids, recipients
from heed.core.models import Account, Sender, Source
from heed.core.opt_out_list import ANY_SENDER, Place, Wanted
from heed.rules.consent import ALL_SENDERS
from heed.rules.texts import clean

NAMES = ("number", "scope", "source", "first", "last")
MOST_SENDERS = 500  # that the filter names
_ACCOUNT, _SENDER = "account", "sender"
_BEGINNING = datetime.min.replace(tzinfo=UTC)  # imports may be dated any time


def asked(data: Mapping[str, str]) -> dict[str, str]:
    return {name: clean(data.get(name, ""))[:60].strip() for name in NAMES}


def wanted(account: Account, asked: Mapping[str, str]) -> tuple[Wanted, dict[str, str]]:
    """What ``asked`` means, and what is wrong with it by field."""
    errors: dict[str, str] = {}
    recipient = recipients.known(asked["number"], account.country) if asked["number"] else None
    if asked["number"] and recipient is None:
        errors["number"] = _("“%(raw)s” is not a phone number.") % {"raw": asked["number"]}
    if asked["source"] and asked["source"] not in Source.values:
        errors["source"] = _("There is no such source.")
    first, last = days.between(asked, errors)
    return Wanted(
        recipient,
        _scope(account, asked["scope"], errors),
        asked["source"],
        first,
        last,
    ), errors


def scopes(account: Account) -> list[tuple[str, str]]:
    """The choices: by id, in words. Senders that are given back still have their opt-outs."""
    mine = Sender.objects.filter(account=account, pool_id=0).order_by("kind", "address")[:MOST_SENDERS]
    senders = [(ids.public(ids.SENDER, one.id), one.address) for one in mine]
    return [(_ACCOUNT, _("The account")), (_SENDER, _("One sender, whichever")), *senders]


def _scope(account: Account, raw: str, errors: dict[str, str]) -> int | None:
    if raw in ("", _ACCOUNT, _SENDER):
        return {"": None, _ACCOUNT: ALL_SENDERS, _SENDER: ANY_SENDER}[raw]
    try:
        found = Sender.objects.filter(account=account, id=ids.row(ids.SENDER, raw)).values_list("id", flat=True).first()
    except Http404:
        found = None
    if found is None:
        errors["scope"] = _("There is no such sender.")
    return found


# Where a page ends


def cursor(place: Place) -> str:
    moment = (place.since - _BEGINNING) // timedelta(microseconds=1)
    return f"{ids.public(ids.MOMENT, moment)}-{ids.public(ids.ENTRY, place.entry_id)}"


def place(cursor: str) -> Place:
    """Raises Http404 for what we never gave out."""
    moment, _dash, entry = cursor.partition("-")
    return Place(_BEGINNING + timedelta(microseconds=ids.row(ids.MOMENT, moment)), ids.row(ids.ENTRY, entry))
