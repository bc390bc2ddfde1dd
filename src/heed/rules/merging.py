"""Merge fields: ``${firstname}``, and ``${firstname|there}`` with what stands for a missing value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from heed.rules.columns import key

OPT_OUT_LINK = "optoutlink"  # ``${opt_out_link}``: the personal link, which no column fills
_FIELD = re.compile(r"\$\{\s*([^${}|]{1,60}?)\s*(?:\|\s*([^${}|]{0,100}?)\s*)?\}")


@dataclass(frozen=True, slots=True)
class Field:
    """``name`` is as it was written, ``key`` what it is filled by, ``default`` None where nothing stands for it."""

    name: str
    key: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A text taken apart once, to be filled for many people: ``texts`` stand around ``fields``."""

    texts: tuple[str, ...]
    fields: tuple[Field, ...]

    @classmethod
    def of(cls, text: str) -> Template:
        pieces = _FIELD.split(text)
        fields = zip(pieces[1::3], pieces[2::3], strict=True)
        return cls(tuple(pieces[0::3]), tuple(Field(name, key(name), default) for name, default in fields))

    @property
    def needs_link(self) -> bool:
        return any(field.key == OPT_OUT_LINK for field in self.fields)

    def fill(self, values: Mapping[str, str]) -> tuple[str, str]:
        """The text with its fields filled from ``values`` (by key), and the name of one without a value, or ""."""
        if not self.fields:
            return self.texts[0], ""
        filled, missing = self.texts[0], ""
        for field, text in zip(self.fields, self.texts[1:], strict=True):
            value = values.get(field.key) or field.default
            if value is None:
                missing, value = missing or field.name, ""
            filled += value + text
        return filled, missing


def merged(text: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """``text`` for one person, by names as a program gives them; and the names of those that it gave no value.

    A program's empty value is meant, unless a default stands for it.
    """
    by_key = {key(name): value for name, value in values.items()}
    missing: list[str] = []

    def value(found: re.Match[str]) -> str:
        given = by_key.get(key(found[1]))
        if given is None and found[2] is None:
            missing.append(found[1])
            return found[0]
        return given or found[2] or ""

    return _FIELD.sub(value, text), missing
