"""An account's colours as a style sheet, which is in the address: it is the same for ever, and asks no table."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

_SHEET = ":root {{ --ground: #{}; --on-ground: #{}; }}\n"


@require_safe
def sheet(request: HttpRequest, colour: str, text_colour: str) -> HttpResponse:
    response = HttpResponse(_SHEET.format(colour, text_colour), content_type="text/css")
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
