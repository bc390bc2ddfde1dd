"""The console's menu: which page groups there are, and in which one a page stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from heed.console import counting
from heed.core import reviews
from heed.core.models import Account, Role


@dataclass(frozen=True, slots=True)
class Entry:
    """One page group. ``pages`` are the names of its other pages; ``senders`` hides it from who may not send.

    ``waiting`` counts what waits there for somebody; "" if nothing does.
    """

    page: str
    title: str | Promise
    icon: str
    pages: tuple[str, ...] = ()
    senders: bool = False
    waiting: Callable[[Account], str] = lambda account: ""


@dataclass(frozen=True, slots=True)
class Group:
    title: str | Promise
    entries: Sequence[Entry]


def _open_reviews(account: Account) -> str:
    count = counting.waiting(reviews.queue(account))
    return "" if count == "0" else count


_OWN_SIGN_IN = (
    "account_change_password",
    "account_set_password",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
)

_WEBHOOKS = ("webhooks", "webhook", "webhook_secret", "delivery")
_ESMES = ("esmes", "esme")
_CONNECTIONS = ("connections", "add_connection", "connection")
_SETTINGS = (
    "opt_out_page",
    "profile",
    "members",
    "invite",
    "api_keys",
    *_ESMES,
    *_CONNECTIONS,
    *_WEBHOOKS,
    *_OWN_SIGN_IN,
)

_CAMPAIGN = (
    "new_campaign",
    "campaign",
    "edit_campaign",
    "campaign_recipients",
    "campaign_columns",
    "campaign_messages",
)

_CONTACTS = (
    "contact_list",
    "add_contact_list",
    "change_contact_list",
    "upload_contacts",
    "import_contacts",
    "add_contact",
    "contact",
    "change_contact",
)

GROUPS = (
    Group("", [Entry("home", _("Home"), "home")]),
    Group(
        _("Messages"),
        [
            Entry("quick_send", _("Quick send"), "send", senders=True),
            Entry("campaigns", _("Campaigns"), "speakerphone", _CAMPAIGN),
            Entry("templates", _("Templates"), "template", ("new_template", "edit_template")),
            Entry("reports", _("Reports"), "chart-bar"),
            Entry("messages", _("Messages"), "messages", ("message",)),
            Entry("inbox", _("Inbox"), "inbox", ("conversation", "reply")),
            Entry("reviews", _("Reviews"), "list-check", ("review", "decided_reviews"), waiting=_open_reviews),
            Entry("contacts", _("Contacts"), "address-book", _CONTACTS),
        ],
    ),
    Group(
        _("Opt-outs"),
        [
            Entry(
                "opt_outs",
                _("Opt-outs"),
                "hand-stop",
                ("add_opt_outs", "opt_out_history", "upload_opt_outs", "import_opt_outs"),
            ),
            Entry("why_not", _("Why not?"), "shield"),
            Entry("jobs", _("Imports and exports"), "download", ("job",)),
        ],
    ),
    Group(
        _("Set-up"),
        [
            Entry(
                "numbers",
                _("Numbers"),
                "phone",
                (
                    "buy_number",
                    "add_number",
                    "number",
                    "add_name",
                    "release_number",
                    "apply_to_account",
                    "sender_speed",
                ),
            ),
            Entry("handset", _("Handset"), "device-mobile"),
            Entry("audit_log", _("Audit log"), "history"),
            Entry("settings", _("Settings"), "settings", _SETTINGS),
        ],
    ),
)


@dataclass(frozen=True, slots=True)
class Shown:
    title: str | Promise
    icon: str
    address: str
    is_current: bool
    waiting: str


@dataclass(frozen=True, slots=True)
class ShownGroup:
    title: str | Promise
    entries: list[Shown]


def of(request: HttpRequest, account: Account, role: Role) -> list[ShownGroup]:
    """The menu as somebody with ``role`` sees it on the page of ``request``."""
    here = request.resolver_match.url_name if request.resolver_match else ""
    return [
        ShownGroup(
            group.title,
            [
                Shown(
                    entry.title,
                    entry.icon,
                    reverse(entry.page),
                    here in (entry.page, *entry.pages),
                    entry.waiting(account),
                )
                for entry in group.entries
                if role.may_send or not entry.senders
            ],
        )
        for group in GROUPS
    ]
