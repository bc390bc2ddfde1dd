"""The audit log: who changed, sent, exported what, and when; filtered, paged by key, and as a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from heed.console import audit_words, days, ids
from heed.console.access import ConsoleRequest, page
from heed.core import audit_log, exports
from heed.core.audit_log import Wanted
from heed.core.models import Audit
from heed.rules.texts import clean

NAMES = ("actor", "area", "subject", "first", "last")


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    actor: str
    action: str
    subject: str
    details: list[tuple[str, str]]


@page
@require_safe
def index(request: ConsoleRequest) -> HttpResponse:
    before, asked = request.GET.get("before", ""), _asked(request)
    wanted, errors = _wanted(asked)
    after = ids.row(ids.NOTE, before) if before else None
    found = audit_log.Page([], None) if errors else audit_log.page(request.account.id, wanted, after)
    kept = {name: value for name, value in asked.items() if value}
    context = {
        "lines": [_line(row) for row in found.rows],
        "asked": asked,
        "areas": audit_words.AREAS.items(),
        "errors": errors,
        "is_filtered": bool(kept),
        "is_first": not before,
        "newest": urlencode(kept),
        "older": urlencode(kept | {"before": ids.public(ids.NOTE, found.after)}) if found.after else "",
    }
    return render(request, "console/audit/log.html", context, status=422 if errors else 200)


@page
@require_POST
def export(request: ConsoleRequest) -> HttpResponse:
    """Begin to write what the page shows, of all its pages, to a file; everybody who reads may."""
    wanted, errors = _wanted(_asked(request))
    try:
        if errors:
            raise exports.Refused(next(iter(errors.values())))
        job = exports.audit_trail(request.account, wanted, request.POST.get("format", ""), actor=request.actor)
    except exports.Refused as error:
        notices.error(request, str(error))
        return redirect("audit_log")
    return redirect("job", ids.public(ids.JOB, job.id))


def _asked(request: ConsoleRequest) -> dict[str, str]:
    data = request.POST if request.method == "POST" else request.GET
    return {name: clean(data.get(name, ""))[:120].strip() for name in NAMES}


def _wanted(asked: dict[str, str]) -> tuple[Wanted, dict[str, str]]:
    """What ``asked`` means, and what is wrong with it by field."""
    errors: dict[str, str] = {}
    if asked["area"] and asked["area"] not in audit_words.AREAS:
        errors["area"] = _("There is no such kind.")
    first, last = days.between(asked, errors)
    return Wanted(asked["actor"], asked["area"], asked["subject"], first, last), errors


def _line(row: Audit) -> Line:
    return Line(row.at, row.actor, audit_words.action(row.action), row.subject, audit_words.details(row.detail))


urlpatterns = [
    path("audit/", index, name="audit_log"),
    path("audit/export/", export, name="export_audit_log"),
]
