"""Whether a text may go without a way out. Where its destinations' rules demand one it may not, unless an administrator
says why; elsewhere it is warned of."""

from __future__ import annotations

from collections.abc import Iterable

from heed.core import accounts, audit, database, outbound, refused
from heed.core.models import Account, Sender
from heed.rules import merging, numbers, wording
from heed.rules.merging import Template
from heed.rules.texts import line
from heed.rules.wording import Lint

MOST_REASON = 300


class Refused(refused.Refused):
    """This text may not go without a way to opt out."""


def countries_of(recipients: Iterable[int]) -> set[str]:
    return {numbers.country_of(recipient) for recipient in recipients}


def lint(account: Account, sender: Sender, text: str, countries: Iterable[str]) -> Lint:
    """What is wrong with the ways out of ``text``, and where they are demanded. Merge fields count as their default."""
    filled = Template.of(text).fill({merging.OPT_OUT_LINK: accounts.opt_out_link(account)})[0]
    return wording.lint_for(filled, outbound.ways_out(account, sender), countries, database.now().date())


def check(
    account: Account, sender: Sender, text: str, countries: Iterable[str], *, reason: str, subject: str, actor: str
) -> None:
    """Raise Refused if ``text`` may not go to ``countries``. With a ``reason`` it may, and the audit trail has it.

    Who may give a reason is asked before. Call it inside the transaction of the act.
    """
    demanded_by = lint(account, sender, text, countries).demanded_by
    if not demanded_by:
        return
    reason = line(reason)[:MOST_REASON]
    if not reason:
        where = ", ".join(demanded_by)
        raise Refused(f"Messages to {where} must say how to opt out. Add a line under Opt-outs.", code="no_exit")
    audit.note(account.id, actor, "send.without_exit", subject, reason=reason, countries=list(demanded_by))
