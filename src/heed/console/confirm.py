"""Asking before what can't be undone: a page that names what goes, by name or by number, and sends the form again."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from heed.console.access import ConsoleRequest

SURE = "sure"


def asked(request: ConsoleRequest, title: str, consequence: str, button: str, back: str) -> HttpResponse | None:
    """The page that asks, with everything that the form held; None once the person is sure.

    ``title`` is the question, ``button`` the verb with its thing, ``back`` the page for who is not.
    """
    if request.POST.get(SURE):
        return None
    fields = [(name, value) for name, values in request.POST.lists() for value in values]
    context = {
        "title": title,
        "consequence": consequence,
        "button": button,
        "back": back,
        "fields": [(name, value) for name, value in fields if name != "csrfmiddlewaretoken"],
        "sure": SURE,
    }
    return render(request, "console/confirm.html", context)
