"""Settings: the account's name, country and time zone, and one's own way of signing in."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages as notices
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from heed.console import countries
from heed.console.access import ConsoleRequest, page
from heed.core import accounts


@page
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: ConsoleRequest) -> HttpResponse:
    account = request.account
    if request.method != "POST":
        return _show(request, {"name": account.name, "country": account.country, "time_zone": account.time_zone}, {})
    if not request.role.may_lift:
        raise PermissionDenied("Your role does not allow this.")
    typed = {name: request.POST.get(name, "") for name in ("name", "country", "time_zone")}
    try:
        accounts.change(
            account, typed["name"], country=typed["country"], time_zone=typed["time_zone"], actor=request.actor
        )
    except accounts.Refused as error:
        return _show(request, typed, {error.field: str(error)})
    notices.success(request, _("The account is saved."))
    return redirect("settings")


def _show(request: ConsoleRequest, typed: dict[str, str], errors: dict[str, str]) -> HttpResponse:
    context = {
        "typed": typed,
        "errors": errors,
        "countries": countries.choices(),
        "time_zones": _time_zones(),
        "has_password": request.user.has_usable_password(),
        "has_second_factor": is_mfa_enabled(request.user),
    }
    return render(request, "console/settings/account.html", context, status=422 if errors else 200)


@page
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required()  # type: ignore[untyped-decorator]  # allauth has no types
def profile(request: ConsoleRequest) -> HttpResponse:
    """One's own name and address; the password is asked for first, if there is one."""
    typed = {"name": request.user.name, "email": request.user.email}
    errors: dict[str, str] = {}
    if request.method == "POST":
        typed = {name: request.POST.get(name, "")[:300] for name in ("name", "email")}
        try:
            accounts.change_person(request.user, typed["name"], typed["email"])
        except accounts.Refused as error:
            errors = {error.field: str(error)}
        else:
            EmailAddress.objects.filter(user=request.user).delete()  # the old one signs in no more
            notices.success(request, _("Your name and your e-mail address are saved."))
            return redirect("settings")
    context = {"typed": typed, "errors": errors}
    return render(request, "console/settings/profile.html", context, status=422 if errors else 200)


@cache
def _time_zones() -> list[str]:
    """Those that are named for a place, and UTC."""
    areas = (
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    )
    return ["UTC", *sorted(zone for zone in available_timezones() if zone.partition("/")[0] in areas)]


urlpatterns = [
    path("settings/", settings, name="settings"),
    path("settings/you/", profile, name="profile"),
]
