"""What becomes of one message, in the words that Twilio's clients know."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings

from heed.core.models import Event, Message
from heed.rules.codes import public_id

API_VERSION = "2010-04-01"
OPTED_OUT, UNREACHABLE, EXPIRED, UNKNOWN = "21610", "30003", "30036", "30008"
# Events' kinds and messages' states, as Twilio's statuses.
STATUSES = {
    "waiting": "scheduled",
    "queued": "queued",
    "sending": "sending",
    "sent": "sent",
    "unconfirmed": "sent",
    "delivered": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "expired": "failed",
    "suppressed": "failed",
    "cancelled": "canceled",
}
ERRORS = {"suppressed": OPTED_OUT, "expired": EXPIRED, "failed": UNKNOWN, "undelivered": UNKNOWN}


def sid(prefix: str, row_id: int) -> str:
    """A public id as Twilio writes it: two letters and 32 hex digits."""
    return public_id(settings.ID_KEY, prefix, row_id).replace("_", "")


def error_code(state: str, code: str) -> str:
    """Twilio's code for a message that did not arrive; the carrier's own where that is a number, "" for no error."""
    return code if state in ("failed", "undelivered") and code.isascii() and code.isdigit() else ERRORS.get(state, "")


def body(event: Event, message: Message | None) -> str:
    """The form that is posted; "" when the message is gone."""
    if message is None:
        return ""
    status, id_ = STATUSES[event.kind], sid("SM", message.id)
    fields = {
        "AccountSid": sid("AC", message.account_id or 0),
        "ApiVersion": API_VERSION,
        "From": message.sender.address,
        "To": message.address,
        "MessageSid": id_,
        "SmsSid": id_,
        "MessageStatus": status,
        "SmsStatus": status,
    }
    if message.pool_id:
        fields["MessagingServiceSid"] = sid("MG", message.pool_id)
    if code := error_code(event.kind, message.code):
        fields["ErrorCode"] = code
    return urlencode(fields)
