"""The virtual handset: be a phone of the sandbox, see what arrives, reply STOP."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages as notices
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from heed import carriers
from heed.console import ids, recipients, words
from heed.console.access import ConsoleRequest, page, senders_only
from heed.core import inbound
from heed.core.models import (
    Account,
    Connection,
    Consent,
    Inbound,
    LedgerEntry,
    Message,
    SandboxDelivery,
    Sender,
    SenderKind,
)
from heed.rules import codes, numbers
from heed.rules.consent import State
from heed.rules.states import MessageState
from heed.rules.texts import clean
from heed.rules.values import InboundText

FIRST_PHONE = 447700900500
A_SCREEN = 60  # bubbles
MOST_TEXT = 1600
QUICK_WORDS = ("STOP", "START", "HELP")
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bubble:
    """One thing on the screen: ``kind`` is "got", "wrote" or "stopped" (what the gate kept from this phone)."""

    at: datetime
    kind: str
    party: str
    text: SafeString | str
    link: str = ""

    @property
    def other(self) -> str:
        """The other end, as people write it."""
        return recipients.pretty(self.party)


@page
@require_safe
def handset(request: ConsoleRequest) -> HttpResponse:
    phone, error = _phone(request.GET.get("phone", ""), request.account)
    bubbles = screen(request.account, phone)
    choices = _numbers(request.account)
    party = next((bubble.party for bubble in reversed(bubbles) if bubble.kind != "stopped"), "")
    context = _shown(request.account, phone, bubbles) | {
        "pretty": numbers.pretty(phone),
        "error": error,
        "asked": request.GET.get("phone", "")[:40] if error else numbers.pretty(phone),
        "choices": [(one, recipients.pretty(one.address)) for one in choices],
        "chosen": request.GET.get("to") or party,
        "quick_words": QUICK_WORDS,
    }
    return render(request, "console/handset/phone.html", context)


def _shown(account: Account, phone: int, bubbles: Sequence[Bubble]) -> dict[str, object]:
    """What changes while the page stands: the screen and the ticks of the steps."""
    steps = _steps(account, phone, bubbles)
    now_at = next((at for at, step in enumerate(steps) if not step.is_done), len(steps))
    return {
        "phone": numbers.show(phone),
        "bubbles": bubbles,
        "seen": _seen(bubbles),
        "steps": steps,
        "now_at": now_at,
        "now": timezone.now(),
    }


@page
@require_safe
def refresh(request: ConsoleRequest) -> HttpResponse:
    """The screen again, or 204 while nothing has changed, so that it is not read out twice."""
    phone, _error = _phone(request.GET.get("phone", ""), request.account)
    bubbles = screen(request.account, phone)
    if request.GET.get("seen") == _seen(bubbles):
        return HttpResponse(status=204)
    context = _shown(request.account, phone, bubbles) | {"is_part": True}
    return render(request, "console/handset/screen.html", context)


@senders_only
@require_POST
def text(request: ConsoleRequest) -> HttpResponse:
    """Send a text from the phone, as its network would."""
    phone, error = _phone(request.POST.get("phone", ""), request.account)
    to, said = request.POST.get("to", ""), clean(request.POST.get("word") or request.POST.get("text", ""))
    sender = next((one for one in _numbers(request.account) if one.address == to), None)
    if error:
        notices.error(request, error)
    elif sender is None:
        notices.error(request, _("Pick a number to text to."))
    elif not said.strip():
        notices.error(request, _("Write a text first."))
    elif len(said) > MOST_TEXT:
        notices.error(request, _("A phone can't send more than %(most)s characters.") % {"most": f"{MOST_TEXT:,}"})
    else:
        raw = InboundText(f"{_keys(request.account)}{secrets.token_hex(16)}", numbers.show(phone), sender.address, said)
        inbound.receive(sender.connection, [raw])
    return redirect(f"{reverse('handset')}?{urlencode({'phone': numbers.show(phone), 'to': to[:40]})}")


def _phone(raw: str, account: Account) -> tuple[int, str]:
    """The phone asked for, and what is wrong with the asking."""
    if not raw.strip():
        return FIRST_PHONE, ""
    number = recipients.known(raw, account.country) or recipients.known(raw, "GB")
    if number is None or not any(number in carriers.phones(link) for link in _sandboxes()):
        return FIRST_PHONE, _("The sandbox's phones are +44 7700 900500 to +44 7700 900999.")
    return number, ""


def _sandboxes() -> list[Connection]:
    return list(Connection.objects.filter(kind="sandbox")) or [Connection(kind="sandbox")]


def _numbers(account: Account) -> list[Sender]:
    """What the phone can text to: the account's sandbox numbers, those released last, and the shared ones."""
    mine = Q(account=account) | Q(account=None, closed_at=None)
    found = Sender.objects.filter(mine, connection__kind="sandbox").exclude(kind__in=[SenderKind.NAME, SenderKind.POOL])
    return sorted(
        found.select_related("connection"),
        key=lambda one: (one.closed_at is not None, one.account_id is None, one.address),
    )


# The screen


def screen(account: Account, phone: int) -> list[Bubble]:
    """What this account's senders and the shared numbers have to do with the phone; the newest is the last."""
    bubbles = [*_got(account, phone), *_wrote(account, phone), *_stopped(account, phone)]
    return sorted(bubbles, key=lambda bubble: bubble.at)[-A_SCREEN:]


def _got(account: Account, phone: int) -> Iterator[Bubble]:
    """Deliveries carry the id of their message, which says whose they are: two accounts may share a sender name."""
    deliveries = SandboxDelivery.objects.filter(to=phone).order_by("-id")[: A_SCREEN * 5]
    sent = {one: codes.row_id(settings.ID_KEY, ids.MESSAGE, one.reference) for one in deliveries}
    rows = Message.objects.filter(id__in=[id_ for id_ in sent.values() if id_])
    shown = set(rows.filter(account=account).values_list("id", flat=True))
    shown |= set(rows.filter(account=None, inbound__in=_shared_texts(account, phone)).values_list("id", flat=True))
    yield from (
        Bubble(one.at, "got", one.from_address, _tappable(one.text)) for one, id_ in sent.items() if id_ in shown
    )


def _wrote(account: Account, phone: int) -> Iterator[Bubble]:
    mine = Inbound.objects.filter(account=account, recipient=phone).order_by("-id")[:A_SCREEN]
    for row in [*mine, *_shared_texts(account, phone).order_by("-id")[:A_SCREEN]]:
        yield Bubble(row.received_at, "wrote", row.to_address, row.text)


def _keys(account: Account) -> str:
    """How the ids of texts begin that were written on this page."""
    return f"handset-{account.id}-"


def _shared_texts(account: Account, phone: int) -> QuerySet[Inbound]:
    """What the phone wrote to shared numbers that is this account's to see.

    That is what acted on it, and what it wrote here itself; where it is alone, everything.
    """
    texts = Inbound.objects.filter(account=None, recipient=phone, sender__kind=SenderKind.SHARED)
    if not Account.objects.exclude(id=account.id).exists():
        return texts
    acted = LedgerEntry.objects.filter(account_id=account.id, recipient=phone, inbound_id__isnull=False)
    return texts.filter(Q(id__in=acted.values("inbound_id")) | Q(key__provider_id__startswith=_keys(account)))


def _stopped(account: Account, phone: int) -> Iterator[Bubble]:
    found = Message.objects.filter(account=account, recipient=phone, state=MessageState.SUPPRESSED)
    rows = list(found.select_related("sender").order_by("-id")[:A_SCREEN])
    ledger = words.entries(account, [row.entry_id for row in rows])
    places = words.seen_by(account, ledger.values())
    for row in rows:
        link = reverse("message", args=[ids.public(ids.MESSAGE, row.id)])
        why = words.why(row, ledger.get(row.entry_id or 0), places)
        yield Bubble(row.settled_at or row.created_at, "stopped", row.sender.address, why, link)


def _tappable(text: str) -> SafeString:
    """``text`` with its http and https addresses as links; nothing else in it is markup."""
    pieces, at = [], 0
    for match in _LINK.finditer(text):
        address = match[0].rstrip(".,;:!?)'”’")
        link = '<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>'
        pieces += [conditional_escape(text[at : match.start()]), format_html(link, address, address)]
        at = match.start() + len(address)
    return format_html_join("", "{}", ((piece,) for piece in [*pieces, conditional_escape(text[at:])]))


def _seen(bubbles: Sequence[Bubble]) -> str:
    facts = "".join(f"{bubble.at.isoformat()}{bubble.kind}{bubble.party}{bubble.text}" for bubble in bubbles)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


# The four steps


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    detail: str
    link: str
    is_done: bool


def _steps(account: Account, phone: int, bubbles: Sequence[Bubble]) -> list[Step]:
    """How a newcomer sees what Heed is for; each step is ticked when this phone has seen it."""
    kinds = {bubble.kind for bubble in bubbles}
    number = Sender.objects.filter(account=account, closed_at=None, kind=SenderKind.NUMBER).order_by("id").first()
    asked = {"from": number.address if number else "", "to": numbers.show(phone)}
    send = f"{reverse('quick_send')}?{urlencode(asked)}"
    has_left = Consent.objects.filter(account_id=account.id, recipient=phone, state=State.OUT).exists()
    return [
        Step(_("Buy a number"), _("Any number of the sandbox will do."), reverse("buy_number"), number is not None),
        Step(_("Send a text to this phone"), _("It arrives on the screen."), send, "got" in kinds),
        Step(
            _("Reply STOP"),
            _("Press STOP on the phone."),
            reverse("opt_out_history", args=[phone]),
            has_left or "stopped" in kinds,
        ),
        Step(_("Send again"), _("See that it is stopped, and why."), send, "stopped" in kinds),
    ]


urlpatterns = [
    path("handset/", handset, name="handset"),
    path("handset/screen/", refresh, name="handset_screen"),
    path("handset/text/", text, name="handset_text"),
]
