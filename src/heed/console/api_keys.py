"""API keys: what programs sign in with. A key is shown once; what is kept can't be turned back into it."""

from __future__ import annotations

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from heed.console import confirm, ids, once
from heed.console.access import ConsoleRequest, administrators_only
from heed.console.members import ROLES
from heed.core import accounts
from heed.core.models import ApiKey, Role

MOST_SHOWN = 500
KEY_ROLES = [(role, words) for role, words in ROLES if role is not Role.OWNER]  # owners are people


@never_cache
@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def api_keys(request: ConsoleRequest) -> HttpResponse:
    if request.method != "POST":
        return _show(request, **once.take(request, "key"))
    name, role = request.POST.get("name", ""), request.POST.get("role", "")
    try:
        if role not in [one for one, _words in KEY_ROLES]:
            raise accounts.Refused(_("Pick a role."), field="role")
        key, secret = accounts.create_api_key(request.account, name, Role(role), actor=request.actor)
    except accounts.Refused as error:
        return _show(request, 422, name=name[:200], role_asked=role, errors={error.field: str(error)})
    once.put(request, "key", created=key.name, secret=secret)
    return redirect("api_keys")


def _show(request: ConsoleRequest, status: int = 200, /, **more: object) -> HttpResponse:
    mine = ApiKey.objects.filter(account=request.account, revoked_at=None).order_by("-id")
    context = {
        "keys": [(key, ids.public(ids.KEY, key.id)) for key in mine[:MOST_SHOWN]],
        "roles": KEY_ROLES,
        "role_asked": Role.MARKETER,
        **more,
    }
    return render(request, "console/settings/api_keys.html", context, status=status)


@administrators_only
@require_POST
def revoke(request: ConsoleRequest, public_id: str) -> HttpResponse:
    key = ApiKey.objects.filter(account=request.account, id=ids.row(ids.KEY, public_id)).first()
    if key is None:
        raise Http404("There is no such key.")
    name = {"name": key.name}
    title, button = _("Revoke “%(name)s”?") % name, _("Revoke “%(name)s”") % name
    consequence = _("Programs that use it are refused at once. It can’t be taken back.")
    if asking := confirm.asked(request, title, consequence, button, reverse("api_keys")):
        return asking
    accounts.revoke_api_key(request.account, key.id, actor=request.actor)
    notices.success(request, _("The key is revoked. Programs that use it are refused from now on."))
    return redirect("api_keys")


urlpatterns = [
    path("settings/api-keys/", api_keys, name="api_keys"),
    path("settings/api-keys/<str:public_id>/revoke/", revoke, name="revoke_api_key"),
]
