"""States, sources and reasons in words, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.core.models import Account, Decision, LedgerEntry, Message, Review, Sender, Source
from heed.rules.consent import ALL_SENDERS, Block
from heed.rules.states import CampaignState, MessageState
from heed.rules.verdicts import Verdict

Addresses = Mapping[int, str]  # of senders that the account may see, by id


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in words. ``colour`` is one of Tabler's and says nothing that the words don't."""

    words: str | Promise
    colour: str


STATES = {
    MessageState.WAITING: Badge(gettext_lazy("Waiting"), "blue"),
    MessageState.QUEUED: Badge(gettext_lazy("Queued"), "blue"),
    MessageState.SENDING: Badge(gettext_lazy("Sending"), "blue"),
    MessageState.SENT: Badge(gettext_lazy("Sent"), "green"),
    MessageState.DELIVERED: Badge(gettext_lazy("Delivered"), "green"),
    MessageState.UNDELIVERED: Badge(gettext_lazy("Undelivered"), "red"),
    MessageState.SUPPRESSED: Badge(gettext_lazy("Suppressed"), "orange"),
    MessageState.FAILED: Badge(gettext_lazy("Failed"), "red"),
    MessageState.EXPIRED: Badge(gettext_lazy("Expired"), "secondary"),
    MessageState.CANCELLED: Badge(gettext_lazy("Cancelled"), "secondary"),
    MessageState.UNCONFIRMED: Badge(gettext_lazy("Unconfirmed"), "yellow"),
}
CAMPAIGNS = {
    CampaignState.DRAFT: Badge(gettext_lazy("Draft"), "secondary"),
    CampaignState.BUILDING: Badge(gettext_lazy("Counting"), "blue"),
    CampaignState.READY: Badge(gettext_lazy("Ready to send"), "yellow"),
    CampaignState.SCHEDULED: Badge(gettext_lazy("Scheduled"), "blue"),
    CampaignState.RUNNING: Badge(gettext_lazy("Sending"), "blue"),
    CampaignState.PAUSED: Badge(gettext_lazy("Paused"), "orange"),
    CampaignState.FINISHED: Badge(gettext_lazy("Finished"), "green"),
    CampaignState.CANCELLED: Badge(gettext_lazy("Cancelled"), "secondary"),
}
VERDICTS = {
    Verdict.OPT_OUT: Badge(gettext_lazy("Opt-out"), "orange"),
    Verdict.OPT_IN: Badge(gettext_lazy("Opt-in"), "green"),
    Verdict.HELP: Badge(gettext_lazy("Help"), "blue"),
    Verdict.REVIEW: Badge(gettext_lazy("Review"), "yellow"),
    Verdict.NONE: Badge(gettext_lazy("Message"), "secondary"),
}
BAD_NUMBER = {
    "empty": gettext_lazy("No phone number was given."),
    "not_a_number": gettext_lazy("This is not a phone number."),
    "no_country": gettext_lazy("Write this number with + and its country code."),
    "too_short": gettext_lazy("This number is too short."),
    "too_long": gettext_lazy("This number is too long."),
    "not_valid": gettext_lazy("No phone can have this number."),
}
REASONS = {
    "opted_out": gettext_lazy("Opted out of the account"),
    "opted_out_sender": gettext_lazy("Opted out of the sender"),
    "in_review": gettext_lazy("A text from them is in review"),
    "carrier": gettext_lazy("Opted out at the carrier"),
    "partly_sent": gettext_lazy("Opted out while it was on its way"),
    "no_value": gettext_lazy("No value for a merge field"),
    "too_long": gettext_lazy("Too long with its merge fields"),
    "": gettext_lazy("Without a reason"),
}
DECISIONS = {
    Decision.OPT_OUT: Badge(gettext_lazy("Opt-out"), "orange"),
    Decision.NOT_AN_OPT_OUT: Badge(gettext_lazy("Not an opt-out"), "green"),
}
UNREAD = Badge(gettext_lazy("Not read yet"), "secondary")


def state(value: str) -> Badge:
    return STATES[MessageState(value)]


def campaign(value: str) -> Badge:
    return CAMPAIGNS[CampaignState(value)]


def verdict(value: str) -> Badge:
    return VERDICTS[Verdict(value)] if value else UNREAD


def reason(code: str) -> str:
    """Why messages of a campaign were not sent; a carrier's own code stands for itself."""
    return str(REASONS.get(code, code))


def decision(row: Review) -> Badge | None:
    """What was decided; None while nobody has."""
    return DECISIONS[Decision(row.decision)] if row.decision else None


def day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "j M Y")


def moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i:s")


def addresses(account: Account, sender_ids: Iterable[int]) -> dict[int, str]:
    """The addresses of ``sender_ids`` that ``account`` may see: its own senders' and the shared numbers'."""
    mine = Sender.objects.filter(Q(account=account) | Q(account=None), id__in=set(sender_ids))
    return dict(mine.values_list("id", "address"))


def entries(account: Account, entry_ids: Iterable[int | None]) -> dict[int, LedgerEntry]:
    found = LedgerEntry.objects.filter(account_id=account.id, id__in={one for one in entry_ids if one})
    return {entry.id: entry for entry in found}


def seen_by(account: Account, ledger: Iterable[LedgerEntry]) -> dict[int, str]:
    """The addresses of all senders that ``ledger`` names and ``account`` may see."""
    return addresses(account, [id_ for entry in ledger for id_ in (entry.sender_id, entry.through_id)])


def scope(sender_id: int, places: Addresses) -> str:
    return _("the account") if sender_id == ALL_SENDERS else places.get(sender_id, _("a sender"))


def how(entry: LedgerEntry, places: Addresses) -> str:
    """How an opt-out or opt-in was made: "by texting STOP to +44…"."""
    words = {"word": entry.word, "number": places.get(entry.through_id, ""), "actor": entry.actor}
    match Source(entry.source):
        case Source.KEYWORD | Source.FREE_KEYWORD if words["number"]:
            return _("by texting %(word)s to %(number)s") % words
        case Source.KEYWORD | Source.FREE_KEYWORD:
            return _("by texting %(word)s") % words
        case Source.REQUEST if words["number"]:
            return _("in their own words, texted to %(number)s") % words
        case Source.REQUEST:
            return _("in their own words")
        case Source.WEB_FORM:
            return _("on the web form")
        case Source.API:
            return _("through the API, by %(actor)s") % words if entry.actor else _("through the API")
        case Source.CONSOLE:
            return _("by hand, by %(actor)s") % words
        case Source.COMMAND:
            return _("on the command line")
        case Source.IMPORT:
            return _("by an import")
        case Source.PROVIDER:
            return _("at the carrier")
        case Source.REVIEW:
            return _("after a review, decided by %(actor)s") % words if entry.actor else _("after a review")
        case Source.DEADLINE:
            return _("as nobody had decided its review in time")


def block(found: Block | None) -> str:
    """Why the gate stops a message; "" if it does not."""
    if found is None:
        return ""
    if found.reason == "in_review":
        return _("A text from them is in review.")
    left = _("Left the account") if found.scope == "account" else _("Left this sender")
    return _("%(left)s on %(day)s.") % {"left": left, "day": day(found.since)} if found.since else f"{left}."


def why(message: Message, entry: LedgerEntry | None, places: Addresses) -> str:
    """Why ``message`` was not sent, or what is wrong with it; "" if nothing is."""
    match MessageState(message.state), message.reason:
        case MessageState.SUPPRESSED, "in_review":
            return _("Not sent: a text from this person is in review.")
        case MessageState.SUPPRESSED, "carrier":
            return _("Not sent: the carrier says that this person has opted out.")
        case MessageState.SUPPRESSED, "partly_sent":
            return _("The rest was not sent: the person opted out while it was on its way.")
        case MessageState.SUPPRESSED, _reason if entry is not None:
            words = {
                "scope": scope(entry.sender_id, places),
                "day": day(entry.effective_at),
                "how": how(entry, places),
            }
            return _("Not sent: opted out of %(scope)s on %(day)s %(how)s.") % words
        case MessageState.SUPPRESSED, _reason:
            return _("Not sent: this person has opted out.")
        case MessageState.FAILED, _reason:
            return message.words or _("The carrier refused it.")
        case MessageState.UNCONFIRMED, _reason:
            return message.words or _(
                "It may have been sent: the carrier did not answer. It is not sent again by itself."
            )
        case MessageState.EXPIRED, _reason:
            return _("It could not be sent in time.")
        case MessageState.WAITING, _reason:
            return message.words
    return ""
