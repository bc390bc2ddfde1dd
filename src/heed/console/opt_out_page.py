"""Settings: the account's opt-out page. Its link, the link as a QR code for posters, and its colours."""

from __future__ import annotations

import io

import segno
from django.contrib import messages as notices
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from heed.console.access import ConsoleRequest, page
from heed.core import accounts
from heed.core.models import Account

OWN = ("#0b5cad", "#ffffff")  # Heed's, as in static/public/opt-out.css
KINDS = {"svg": "image/svg+xml", "png": "image/png"}
PNG_SCALE = 24  # pixels of a dot: some 800 in all, enough for a poster


@page
@require_http_methods(["GET", "HEAD", "POST"])
def opt_out_page(request: ConsoleRequest) -> HttpResponse:
    account = request.account
    if request.method != "POST":
        return _show(request, account.colour or OWN[0], account.text_colour or OWN[1])
    if not request.role.may_lift:
        raise PermissionDenied("Your role does not allow this.")
    colour, text_colour = request.POST.get("colour", "")[:20], request.POST.get("text_colour", "")[:20]
    if request.POST.get("do") == "own" or (colour.lower(), text_colour.lower()) == OWN:
        colour = text_colour = ""
    try:
        accounts.change_colours(account, colour, text_colour, actor=request.actor)
    except accounts.Refused as error:
        return _show(request, colour, text_colour, {error.field: str(error)})
    notices.success(request, _("The opt-out page has these colours now."))
    return redirect("opt_out_page")


def _show(request: ConsoleRequest, colour: str, text_colour: str, errors: dict[str, str] | None = None) -> HttpResponse:
    context = {
        "link": accounts.opt_out_link(request.account),
        "colour": colour,
        "text_colour": text_colour,
        "sample": (request.account.colour or OWN[0])[1:],
        "text_sample": (request.account.text_colour or OWN[1])[1:],
        "errors": errors or {},
    }
    return render(request, "console/settings/opt_out_page.html", context, status=422 if errors else 200)


@page
@require_safe
def qr_code(request: ConsoleRequest, kind: str) -> HttpResponse:
    """The link as a picture, to show or, with ``download``, to keep."""
    response = HttpResponse(_drawn(request.account, kind), content_type=KINDS[kind])
    if "download" in request.GET:
        response["Content-Disposition"] = f'attachment; filename="opt-out-{request.account.slug}.{kind}"'
    return response


def _drawn(account: Account, kind: str) -> bytes:
    """Black on white whatever the account's colours: scanners need the contrast. Level M bears a scratch on a poster."""
    code = segno.make(accounts.opt_out_link(account), error="m", micro=False)
    out = io.BytesIO()
    if kind == "svg":
        code.save(out, kind="svg", scale=8, light="white", title=_("QR code of the opt-out page"), svgclass=None)
    else:
        code.save(out, kind="png", scale=PNG_SCALE, light="white")
    return out.getvalue()


urlpatterns = [
    path("settings/opt-out-page/", opt_out_page, name="opt_out_page"),
    path("settings/opt-out-page/qr.svg", qr_code, {"kind": "svg"}, name="qr_code_svg"),
    path("settings/opt-out-page/qr.png", qr_code, {"kind": "png"}, name="qr_code_png"),
]
