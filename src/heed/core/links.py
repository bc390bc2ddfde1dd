"""Personal opt-out links: behind the account's own link, a code that says which message it came in."""

from __future__ import annotations

from django.conf import settings

from heed.core import accounts
from heed.core.models import Account, Message
from heed.rules import codes


def personal(account: Account, message_id: int) -> str:
    return f"{accounts.opt_out_link(account)}/{codes.personal_code(settings.ID_KEY, message_id)}"


def message_of(account: Account, code: str) -> Message | None:
    """The message of this account whose personal link bears ``code``, or None: nobody can make a code up."""
    message_id = codes.message_of(settings.ID_KEY, code)
    return Message.objects.filter(account=account, id=message_id).first() if message_id else None
