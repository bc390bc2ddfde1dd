"""The message box: what stands under a text while it is written. Parts, what forces UCS-2, ways out, the lint."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from django.utils.translation import gettext as _

from heed.console import countries as names
from heed.core import exits, links, outbound
from heed.core.models import Account, Sender
from heed.rules import merging, segments, wording
from heed.rules.merging import Template
from heed.rules.wording import Lint, Ways

MOST_TEXT = 10_000  # characters that are counted; ten parts have 1,530
MOST_FORCING = 10  # characters that are named
PERSONAL = "${opt_out_link}"
NONE = Lint("")


def under(
    account: Account, sender: Sender | None, text: str, countries: Iterable[str], *, merges: bool = False
) -> dict[str, object]:
    """What the templates of the message box show. With ``merges`` the text has fields, and may have a personal link.

    ``countries`` are those of the recipients; where none is known yet, the account's own counts.
    """
    ways = outbound.ways_out(account, sender) if sender else Ways()
    offered = _named(ways)
    if merges and sender:
        offered.append((_("By personal link"), wording.link_line(PERSONAL)))
    text = text[:MOST_TEXT]
    counted = segments.count(text.strip())
    lint = exits.lint(account, sender, text, set(countries) or {account.country}) if sender and text.strip() else NONE
    return {
        "counted": counted,
        "most_parts": outbound.MOST_PARTS,
        "is_too_long": counted.parts > outbound.MOST_PARTS,
        "forcing": [_character(char) for char in counted.forcing[:MOST_FORCING]],
        "ways": offered,
        "warning": lint.problem,
        "demanded_by": [names.name(code) for code in lint.demanded_by],
    }


def sample(account: Account, text: str) -> str:
    """``text`` with fields filled by their default or else their name, and a personal link as long as any."""
    template = Template.of(text)
    values = {field.key: f"[{field.name}]" for field in template.fields if field.default is None}
    if template.needs_link:
        values[merging.OPT_OUT_LINK] = links.personal(account, 0)
    return template.fill(values)[0]


def with_line(text: str, line: str) -> str:
    """Without script a line can't go where the cursor is; it goes to the end."""
    return f"{text.rstrip()}\n{line}" if text.strip() else line


def _named(ways: Ways) -> list[tuple[str, str]]:
    """The ways out by name, each with the line that offers it."""
    names = {"keyword": _("By reply"), "free_keyword": _("By free keyword"), "link": _("By web form")}
    return [(names[way], line) for way, line in ways.lines().items()]


def _character(char: str) -> str:
    """``char`` as people can see it: one without a shape of its own by its name in Unicode."""
    is_seen = char.isprintable() and not char.isspace() and not unicodedata.combining(char)
    return char if is_seen else unicodedata.name(char, f"U+{ord(char):04X}").lower()
