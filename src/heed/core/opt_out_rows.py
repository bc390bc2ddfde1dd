"""The rows of a file of opt-outs: from its columns to acts that only ever add."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from heed.core import database, refused, senders, tables
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Account, Sender, Source
from heed.core.tables import Line
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS
from heed.rules.texts import clean

ACCOUNT = "account"  # the scope that is all senders
COLUMNS = ("phone_number", "scope", "opted_out_at", "note")
EXPORT_COLUMNS = (*COLUMNS, "source", "never_contact")

_NAMES = {"phone": "phone_number", "phonenumber": "phone_number", "number": "phone_number", "mobile": "phone_number"}
_ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


class Refused(refused.Refused):
    """This file can't be imported."""


class Rejected(ValueError):
    """This row can't be imported."""


@dataclass(frozen=True, slots=True)
class Given:
    """A row that can be imported, and the line that it came from."""

    doing: Doing
    line: Line


@dataclass(slots=True)
class Window:
    given: list[Given] = field(default_factory=list)
    rejects: list[list[str]] = field(default_factory=list)


def places_of(names: Sequence[str]) -> dict[str, int]:
    """Where the columns that an import knows stand among ``names``."""
    known = [_column(name) for name in names]
    return {name: known.index(name) for name in EXPORT_COLUMNS if name in known}


def _column(cell: str) -> str:
    name = re.sub(r"[\s_-]+", "_", cell.strip().strip("\ufeff").casefold())
    return _NAMES.get(name, name)


class Reader:
    """From a row of the file to an act, by the places of its columns. Rows without a time count as of ``undated``."""

    def __init__(
        self,
        account: Account,
        places: Mapping[str, int],
        *,
        scope: str = ACCOUNT,
        country: str,
        actor: str,
        before: Sequence[int] = (),
        undated: datetime | None = None,
    ) -> None:
        self.account, self.country, self.actor = account, country.strip().upper(), actor
        self.places, self.undated = places, undated
        self.before = before  # the columns of reasons that an earlier try has left
        if self.country not in numbers.REGIONS:
            raise Refused("Give the country as two letters, like GB or US.")
        self.zone = ZoneInfo(account.time_zone)
        self.senders = {one.key: senders.consent_id(one) for one in Sender.objects.filter(account=account)}
        self.now = database.now()
        try:
            self.scope = self._sender(scope)
        except Rejected as error:
            raise Refused(str(error)) from error

    @classmethod
    def of_header(cls, account: Account, header: Line, scope: str, country: str, actor: str) -> Reader:
        """By the names in the first row. Raises Refused if they name no phone number."""
        places = places_of(header.cells)
        if "phone_number" not in places:
            raise Refused(f"The first row must name the columns: {', '.join(COLUMNS)} (only phone_number is needed).")
        before = [place for place, cell in enumerate(header.cells) if _column(cell) == "reason"]
        return cls(account, places, scope=scope, country=country, actor=actor, before=before)

    def window(self, lines: Sequence[Line]) -> Window:
        """``lines`` as acts in order of recipient, and what can't be used, with its reason."""
        self.now = database.now()
        window = Window()
        for line in lines:
            try:
                window.given.append(Given(self.read(line), line))
            except Rejected as error:
                window.rejects.append([*self.kept(line.cells), str(error)])
        window.given.sort(key=lambda one: one.doing.recipient)
        return window

    def kept(self, cells: Sequence[str]) -> list[str]:
        return [cell for place, cell in enumerate(cells) if place not in self.before]

    def read(self, line: Line) -> Doing:
        """What ``line`` asks for. Raises Rejected."""
        if line.problem:
            raise Rejected(line.problem)
        phone, scope, at, note, source, never = (self._cell(line, name) for name in EXPORT_COLUMNS)
        return Doing(
            Verb.IMPORT,
            self.account.id,
            self._recipient(phone, is_ours=source in Source.values),
            self._sender(scope) if scope else self.scope,
            Cause(Source.IMPORT, actor=self.actor, note=tables.unguard(clean(note))),
            self._at(at),
            never=self._never(never),
        )

    def _never(self, raw: str) -> bool:
        if raw.casefold() not in _ANSWERS:
            raise Rejected("never_contact is yes or no.")
        return _ANSWERS[raw.casefold()]

    def _cell(self, line: Line, name: str) -> str:
        place = self.places.get(name, len(line.cells))
        return line.cells[place].strip() if place < len(line.cells) else ""

    def _recipient(self, raw: str, *, is_ours: bool) -> int:
        try:
            return numbers.parse_cell(raw, self.country)
        except numbers.BadNumber as error:
            # An export holds numbers that no metadata knew when their STOP came: what Heed wrote, it reads back.
            number = numbers.originator(raw) if is_ours and raw.startswith("+") else None
            if number is None:
                raise Rejected(str(error)) from error
            return number

    def _sender(self, raw: str) -> int:
        text = tables.unguard(raw.strip())
        if text.casefold() == ACCOUNT:
            return ALL_SENDERS
        found = self.senders.get(text.casefold())
        if found is None:
            with suppress(numbers.BadNumber):
                found = self.senders.get(numbers.show(numbers.parse(text, self.country)))
        if found is None:
            raise Rejected(
                f"The account has no sender “{clean(text)[:40]}”. The scope is “account” or one of its senders."
            )
        return found

    def _at(self, raw: str) -> datetime | None:
        if not raw:
            return self.undated
        try:
            at = datetime.fromisoformat(raw)
            at = (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(ZoneInfo("UTC"))
        except (ValueError, OverflowError) as error:
            raise Rejected("Write the time as 2026-03-31 or 2026-03-31T09:30:00Z.") from error
        if at > self.now:
            raise Rejected("This opt-out is dated in the future.")
        return at
