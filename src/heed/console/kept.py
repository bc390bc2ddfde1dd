"""What somebody sent when their session had ended: it travels through signing in, signed, and is given back after it.

It came with a token of ours against forgery, or it would not have come this far; and nothing of it acts by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.core import signing
from django.http import HttpRequest

KEY = "kept"  # of the hidden field that carries it, and of the session that has it then
MOST = 200_000  # characters as it travels
LASTS = timedelta(hours=12)
_SALT = "heed.kept"


@dataclass(frozen=True, slots=True)
class Kept:
    """A form: where it was sent, and its fields in order."""

    path: str
    fields: list[tuple[str, str]]

    @property
    def written(self) -> list[str]:
        """What a person wrote of it, to be recognised by; the rest is ids and choices."""
        return [value for _name, value in self.fields if any(map(str.isspace, value.strip()))]


def sealed(request: HttpRequest) -> str:
    """The form that ``request`` sent; "" if it can't be kept, as it has a file or is too long. No password is kept."""
    if request.FILES:
        return ""
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and "password" not in name
    ]
    text = signing.dumps([request.get_full_path(), fields], salt=_SALT, compress=True)
    return text if len(text) <= MOST else ""


def opened(text: str) -> Kept | None:
    """The form in ``text``, if ``sealed`` made it, and not too long ago."""
    try:
        path, fields = signing.loads(text, salt=_SALT, max_age=LASTS)
    except signing.BadSignature:
        return None
    return Kept(path, [(name, value) for name, value in fields])


def carry_over(request: HttpRequest) -> None:
    """Let the session that ``request`` begins have what came along with the password."""
    if opened(text := request.POST.get(KEY, "")):
        request.session[KEY] = text
