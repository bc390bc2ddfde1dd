"""Imports and exports: how each goes, what it left out, and the file that it wrote. They go on while nobody looks."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages as notices
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from heed.console import columns, confirm, ids
from heed.console.access import ConsoleRequest, page
from heed.console.words import Badge
from heed.core import contacts, exports, files, jobs, opt_out_files
from heed.core.models import Account, Job, JobState, StoredFile

A_PAGE = 50
TITLES: dict[str, str | Promise] = {
    opt_out_files.IMPORT: gettext_lazy("Import of opt-outs"),
    contacts.IMPORT: gettext_lazy("Import of contacts"),
    exports.OPT_OUTS: gettext_lazy("Export of opt-outs"),
    exports.CAMPAIGN: gettext_lazy("Export of a campaign’s messages"),
    exports.AUDIT: gettext_lazy("Export of the audit log"),
}
EXPORTS = frozenset({exports.OPT_OUTS, exports.CAMPAIGN, exports.AUDIT})
STATES = {
    JobState.WAITING: Badge(gettext_lazy("Waiting"), "blue"),
    JobState.RUNNING: Badge(gettext_lazy("Running"), "blue"),
    JobState.DONE: Badge(gettext_lazy("Done"), "green"),
    JobState.FAILED: Badge(gettext_lazy("Failed"), "red"),
    JobState.CANCELLED: Badge(gettext_lazy("Cancelled"), "secondary"),
}


@dataclass(frozen=True, slots=True)
class Line:
    job: Job
    id: str
    title: str
    badge: Badge
    file: str
    counts: list[tuple[str, int]]
    back: str  # the page that it was begun from

    @property
    def is_export(self) -> bool:
        return self.job.kind in EXPORTS


def line(job: Job) -> Line:
    file = job.result or job.upload
    return Line(
        job,
        ids.public(ids.JOB, job.id),
        str(TITLES[job.kind]),
        STATES[JobState(job.state)],
        file.name if file else "",
        _counts(job),
        _back(job),
    )


def _counts(job: Job) -> list[tuple[str, int]]:
    """What an import has done, in the order of the rows' ways."""
    names: dict[str, str] = {}
    if job.kind == opt_out_files.IMPORT:
        names = {
            "added": _("Opted out now"),
            "already": _("Opted out before"),
            "conflicts": _("Texted START since"),
            "invalid": _("Invalid"),
        }
    elif job.kind == contacts.IMPORT:
        names = {"added": _("New in the list"), "already": _("In it already"), "invalid": _("Invalid")}
    return [(words, int(job.counts.get(name, 0))) for name, words in names.items()]


def _back(job: Job) -> str:
    match job.kind:
        case contacts.IMPORT:
            return reverse("contact_list", args=[ids.public(ids.LIST, job.subject_id)])
        case exports.CAMPAIGN:
            return reverse("campaign", args=[ids.public(ids.CAMPAIGN, job.subject_id)])
        case exports.AUDIT:
            return reverse("audit_log")
    return reverse("opt_outs")


@page
@require_safe
def index(request: ConsoleRequest) -> HttpResponse:
    before = request.GET.get("before", "")
    found = _jobs(request.account)
    if before:
        found = found.filter(id__lt=ids.row(ids.JOB, before))
    rows = [line(one) for one in found.order_by("-id")[: A_PAGE + 1]]
    older = urlencode({"before": rows[A_PAGE - 1].id}) if len(rows) > A_PAGE else ""
    context = {"lines": rows[:A_PAGE], "older": older, "is_first": not before, "newest": ""}
    return render(request, "console/jobs/list.html", context)


def _jobs(account: Account) -> QuerySet[Job]:
    return Job.objects.filter(account=account, kind__in=list(TITLES)).select_related("upload", "result", "rejects")


@page
@require_safe
@vary_on_headers("HX-Request")
def job(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """One of them; while it is open the page asks for the part that moves again."""
    found = _job(request, public_id)
    context = {"line": line(found), "job": found, "id": public_id}
    if request.htmx and not request.htmx.boosted:
        if not found.is_open:
            return HttpResponseClientRefresh()
        return render(request, "console/jobs/progress.html", context)
    return render(request, "console/jobs/job.html", context)


def _job(request: ConsoleRequest, public_id: str) -> Job:
    found = _jobs(request.account).filter(id=ids.row(ids.JOB, public_id)).first()
    if found is None:
        raise Http404("There is no such import or export.")
    return found


@page
@require_safe
def result(request: ConsoleRequest, public_id: str) -> StreamingHttpResponse:
    return _file(request, _job(request, public_id).result)


@page
@require_safe
def rejects(request: ConsoleRequest, public_id: str) -> StreamingHttpResponse:
    """The rows that were not used, each with its reason."""
    return _file(request, _job(request, public_id).rejects)


def _file(request: ConsoleRequest, stored: StoredFile | None) -> StreamingHttpResponse:
    file = files.find(request.account, stored.id) if stored else None
    if file is None:
        raise Http404("There is no such file.")
    return columns.download(file, file.name)


@page
@require_POST
def cancel(request: ConsoleRequest, public_id: str) -> HttpResponse:
    """What it has done so far stays."""
    found = _job(request, public_id)
    if found.kind not in EXPORTS and not request.role.may_send:
        raise PermissionDenied("Your role does not allow this.")
    title, button = _("Cancel it?"), _("Cancel the export") if found.kind in EXPORTS else _("Cancel the import")
    done = _("%(n)s of its rows are done; what they did stays.") % {"n": f"{found.done:,}"}
    if asking := confirm.asked(request, title, done, button, reverse("job", args=[public_id])):
        return asking
    if jobs.stop(request.account, found.id):
        notices.success(request, _("It is cancelled. What it had done stays."))
    else:
        notices.info(request, _("It had ended already."))
    return redirect("job", public_id)


urlpatterns = [
    path("jobs/", index, name="jobs"),
    path("jobs/<str:public_id>/", job, name="job"),
    path("jobs/<str:public_id>/file/", result, name="job_file"),
    path("jobs/<str:public_id>/rejects/", rejects, name="job_rejects"),
    path("jobs/<str:public_id>/cancel/", cancel, name="cancel_job"),
]
