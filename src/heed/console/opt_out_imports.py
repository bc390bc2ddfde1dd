"""Opt-outs from a file: uploaded, looked at, then imported in the background. An import never lifts one."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from heed.console import columns, ids
from heed.console.access import ConsoleRequest, senders_only
from heed.core import opt_out_files, uploads
from heed.core.models import Sender, StoredFile
from heed.core.opt_out_files import ACCOUNT, How
from heed.core.opt_out_rows import EXPORT_COLUMNS
from heed.rules.texts import clean

MOST_SENDERS = 500


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: ConsoleRequest) -> HttpResponse:
    error = ""
    if request.method == "POST":
        try:
            return redirect("import_opt_outs", ids.public(ids.FILE, columns.store(request).id))
        except uploads.Refused as refused:
            error = str(refused)
    context = {"error": error, "columns": EXPORT_COLUMNS}
    return render(request, "console/opt_outs/upload.html", context, status=422 if error else 200)


@senders_only
@require_http_methods(["GET", "HEAD", "POST"])
def import_file(request: ConsoleRequest, file_id: str) -> HttpResponse:
    """How the file is read, which can be changed, and the button that begins."""
    file, errors = columns.file_of(request, file_id), {}
    scope = clean(request.POST.get("scope", ACCOUNT))
    if request.method == "POST":
        try:
            job = opt_out_files.import_upload(request.account, file, _how(request, scope), actor=request.actor)
            return redirect("job", ids.public(ids.JOB, job.id))
        except opt_out_files.Refused as refused:
            errors[refused.field or "scope"] = str(refused)
    shown = columns.shown(request, file)
    addresses = Sender.objects.filter(account=request.account, pool_id=0).order_by("kind", "address")
    context = shown | {
        "errors": errors,
        "scope": scope,
        "senders": addresses.values_list("address", flat=True)[:MOST_SENDERS],
        "used": _used(file, str(shown["phone"]), has_header=bool(shown["has_header"])),
    }
    return render(request, "console/opt_outs/import.html", context, status=422 if errors else 200)


def _how(request: ConsoleRequest, scope: str) -> How:
    phone = request.POST.get("phone", "")[:6]
    return How(
        int(phone) if phone.isdecimal() else -1,
        clean(request.POST.get("country", "")),
        bool(request.POST.get("header")),
        scope,
    )


def _used(file: StoredFile, phone: str, *, has_header: bool) -> list[str]:
    """The columns besides the number that are read, as the file names them."""
    place = int(phone) if phone.isdecimal() else -1
    named = opt_out_files.places(file, How(place, "", has_header))
    header = uploads.header(file)
    return [header[at] for name, at in named.items() if name != "phone_number"]


urlpatterns = [
    path("opt-outs/import/", upload, name="upload_opt_outs"),
    path("opt-outs/import/<str:file_id>/", import_file, name="import_opt_outs"),
]
