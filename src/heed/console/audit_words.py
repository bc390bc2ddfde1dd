"""What staff and programs did, in words: each action of the audit trail, and the details beside it."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# By what stands before the dot of an action: what one filters by.
AREAS: dict[str, str | Promise] = {
    "account": gettext_lazy("Account"),
    "audit": gettext_lazy("Audit log"),
    "campaign": gettext_lazy("Campaigns"),
    "connection": gettext_lazy("Connections"),
    "contact": gettext_lazy("Contacts"),
    "contacts": gettext_lazy("Imports of contacts"),
    "esme": gettext_lazy("SMPP"),
    "key": gettext_lazy("API keys"),
    "invitation": gettext_lazy("Invitations"),
    "list": gettext_lazy("Contact lists"),
    "member": gettext_lazy("Members"),
    "message": gettext_lazy("Messages"),
    "name": gettext_lazy("Sender names"),
    "number": gettext_lazy("Numbers"),
    "opt_outs": gettext_lazy("Lists of opt-outs"),
    "pool": gettext_lazy("Pools"),
    "send": gettext_lazy("Sending"),
    "sender": gettext_lazy("Releases"),
    "template": gettext_lazy("Templates"),
    "webhook": gettext_lazy("Webhooks"),
}
ACTIONS: dict[str, str | Promise] = {
    "account.create": gettext_lazy("Made the account"),
    "account.change": gettext_lazy("Changed the account"),
    "account.colours": gettext_lazy("Changed the colours of the opt-out page"),
    "audit.export": gettext_lazy("Exported the audit log"),
    "campaign.cancel": gettext_lazy("Cancelled the campaign"),
    "campaign.change": gettext_lazy("Changed the campaign"),
    "campaign.create": gettext_lazy("Made the campaign"),
    "campaign.delete": gettext_lazy("Deleted the campaign"),
    "campaign.duplicate": gettext_lazy("Duplicated the campaign"),
    "campaign.export": gettext_lazy("Exported the messages of the campaign"),
    "campaign.pause": gettext_lazy("Paused the campaign"),
    "campaign.people": gettext_lazy("Chose the recipients of the campaign"),
    "campaign.resume": gettext_lazy("Resumed the campaign"),
    "campaign.start": gettext_lazy("Started the campaign"),
    "campaign.unschedule": gettext_lazy("Took the campaign off its schedule"),
    "connection.add": gettext_lazy("Added the connection"),
    "connection.change": gettext_lazy("Changed the connection"),
    "connection.close": gettext_lazy("Closed the connection"),
    "connection.resume": gettext_lazy("Resumed the connection"),
    "connection.stop": gettext_lazy("Stopped the connection"),
    "contact.add": gettext_lazy("Added the contact"),
    "contact.change": gettext_lazy("Changed the contact"),
    "contact.delete": gettext_lazy("Deleted the contact"),
    "contacts.import": gettext_lazy("Imported contacts from"),
    "esme.add": gettext_lazy("Added the program that binds as"),
    "esme.change": gettext_lazy("Changed the program that binds as"),
    "esme.password": gettext_lazy("Changed the password of the program that binds as"),
    "esme.remove": gettext_lazy("Removed the program that binds as"),
    "invitation.revoke": gettext_lazy("Took back the invitation of"),
    "key.create": gettext_lazy("Made the API key"),
    "key.revoke": gettext_lazy("Revoked the API key"),
    "list.create": gettext_lazy("Made the contact list"),
    "list.delete": gettext_lazy("Deleted the contact list"),
    "list.rename": gettext_lazy("Renamed the contact list to"),
    "member.add": gettext_lazy("Added the member"),
    "member.change": gettext_lazy("Changed the role of"),
    "member.invite": gettext_lazy("Invited"),
    "member.join": gettext_lazy("Joined the account as"),
    "member.remove": gettext_lazy("Removed the member"),
    "member.rename": gettext_lazy("Changed their own name or address to"),
    "message.delete": gettext_lazy("Deleted the message"),
    "name.add": gettext_lazy("Added the sender name"),
    "number.apply_to_account": gettext_lazy("Opted people out of the account who had left"),
    "number.buy": gettext_lazy("Took the number"),
    "number.change": gettext_lazy("Changed the sender"),
    "number.change_all": gettext_lazy("Turned the account-level switch of all numbers of"),
    "opt_outs.export": gettext_lazy("Exported opt-outs"),
    "opt_outs.import": gettext_lazy("Imported opt-outs from"),
    "pool.join": gettext_lazy("Put into a pool"),
    "send.without_exit": gettext_lazy("Sent without a way out"),
    "sender.release": gettext_lazy("Released"),
    "template.change": gettext_lazy("Changed the template"),
    "template.create": gettext_lazy("Made the template"),
    "template.delete": gettext_lazy("Deleted the template"),
    "webhook.change": gettext_lazy("Changed the webhook"),
    "webhook.create": gettext_lazy("Made the webhook"),
    "webhook.pause": gettext_lazy("Paused the webhook"),
    "webhook.remove": gettext_lazy("Removed the webhook"),
    "webhook.replay": gettext_lazy("Sent events again to"),
    "webhook.rotate": gettext_lazy("Changed the secret of the webhook"),
    "webhook.test": gettext_lazy("Sent a test to"),
}


def action(code: str) -> str:
    """What was done; an action without words, of a newer version maybe, stands for itself."""
    return str(ACTIONS.get(code, code))


def details(found: Mapping[str, object]) -> list[tuple[str, str]]:
    """What was given beside it, in order of name: as it is kept, but readable."""
    return [(name.replace("_", " "), _value(value)) for name, value in sorted(found.items())]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or _("none")
    return _("none") if value is None or value == "" else str(value)
