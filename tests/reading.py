"""What a page says to people: its words without its markup."""

from __future__ import annotations

import html
import re

from django.http import HttpResponse


def said(page: HttpResponse) -> str:
    """The words of ``page`` in reading order, each gap one space."""
    text = re.sub(r"(?s)<(script|title)\b.*?</\1>|<[^>]+>", " ", page.content.decode())
    return re.sub(r"\s+", " ", html.unescape(text)).strip()


def fields(page: HttpResponse) -> dict[str, str]:
    """What the hidden fields and the text areas of ``page`` hold, as a browser reads them."""
    text = page.content.decode()
    found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))
    found |= dict(re.findall(r'(?s)<textarea[^>]* name="(\w+)"[^>]*>\n?(.*?)</textarea>', text))
    return {name: html.unescape(value) for name, value in found.items()}
