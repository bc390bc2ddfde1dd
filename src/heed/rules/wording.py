"""What is said by text message: the lines that offer a way out, and the answers. Data, not gettext."""

from __future__ import annotations

from collections.abc import Sequence

SHARED_HELP = (
    "This number takes opt-outs for several senders. Text the whole keyword that you were given to stop its messages."
)
SHARED_UNKNOWN = (
    "We could not tell which messages you want to stop. Please text the whole keyword that you were given, "
    "like abcdeSTOP."
)


def help_answer(account: str) -> str:
    return f"{account}: reply STOP to stop"


def left_answer(accounts: Sequence[str]) -> str:
    """The one confirmation of a shared number, naming the accounts left; long lists are counted."""
    names = ", ".join(accounts[:3]) + (f" and {len(accounts) - 3} more" if len(accounts) > 3 else "")
    return f"You will get no more messages from {names}."


def stop_line(number: str) -> str:
    return f"To opt out, text STOP to {number}"


def free_keyword_line(keyword: str, number: str) -> str:
    return f"To opt out, text {keyword} to {number}"


def link_line(address: str) -> str:
    return f"To opt out: {address}"
