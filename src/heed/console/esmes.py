"""Settings > SMPP: the programs that bind to Heed as to a carrier. A password is shown once."""

from __future__ import annotations

from django.conf import settings as configured
from django.contrib import messages as notices
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from heed.console import ids, once
from heed.console.access import ConsoleRequest, administrators_only
from heed.core import deliveries, esmes
from heed.core.esmes import NEW, Refused, Setting
from heed.core.models import DeliveryState, Esme, EsmeAlphabet

FIELDS = ("networks", "alphabet", "refusal", "most_binds", "window", "rate")
NUMBERS = ("refusal", "most_binds", "window", "rate")


@never_cache
@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def listed(request: ConsoleRequest) -> HttpResponse:
    if request.method != "POST":
        return _list(request)
    system_id = request.POST.get("system_id", "").strip()
    try:
        esme, password = esmes.add(request.account, system_id, _setting(request), actor=request.actor)
    except Refused as error:
        return _list(request, 422, system_id=system_id[:100], typed=_typed(request), errors={error.field: str(error)})
    return _with_password(request, esme, password)


def _list(request: ConsoleRequest, status: int = 200, /, **more: object) -> HttpResponse:
    context = {
        "esmes": [(one, ids.public(ids.ESME, one.id)) for one in esmes.of(request.account)],
        "typed": _shown(NEW),
        **_common(),
        **more,
    }
    return render(request, "console/settings/esmes.html", context, status=status)


@never_cache
@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: ConsoleRequest, public_id: str) -> HttpResponse:
    esme = _found(request, public_id)
    if request.method != "POST":
        return _one(request, esme, **once.take(request, f"esme_{esme.id}"))
    try:
        esmes.change(esme, _setting(request), actor=request.actor)
    except Refused as error:
        return _one(request, esme, 422, typed=_typed(request), errors={error.field: str(error)})
    notices.success(request, _("Saved. It counts within seconds, also for binds that stand."))
    return redirect("esme", public_id)


def _one(request: ConsoleRequest, esme: Esme, status: int = 200, /, **more: object) -> HttpResponse:
    context = {
        "esme": esme,
        "id": ids.public(ids.ESME, esme.id),
        "waiting": deliveries.log(esme.endpoint, DeliveryState.WAITING).count(),
        "typed": _shown(esme),
        **_common(),
        **more,
    }
    return render(request, "console/settings/esme.html", context, status=status)


@administrators_only
@require_POST
def new_password(request: ConsoleRequest, public_id: str) -> HttpResponse:
    esme = _found(request, public_id)
    return _with_password(request, esme, esmes.change_password(esme, actor=request.actor))


@administrators_only
@require_POST
def remove(request: ConsoleRequest, public_id: str) -> HttpResponse:
    esmes.remove(_found(request, public_id), actor=request.actor)
    notices.success(request, _("Removed. Its binds end within seconds."))
    return redirect("esmes")


def _with_password(request: ConsoleRequest, esme: Esme, password: str) -> HttpResponse:
    once.put(request, f"esme_{esme.id}", password=password)
    return redirect("esme", ids.public(ids.ESME, esme.id))


def _found(request: ConsoleRequest, public_id: str) -> Esme:
    found = esmes.of(request.account).filter(id=ids.row(ids.ESME, public_id)).first()
    if found is None:
        raise Http404("There is no such page.")
    return found


def _common() -> dict[str, object]:
    return {
        "alphabets": EsmeAlphabet.choices,
        "host": configured.SMPP_HOST,
        "port": configured.SMPP_PORT,
        "tls_port": configured.SMPP_TLS_PORT,
    }


def _shown(of: Esme | Setting) -> dict[str, object]:
    """What the form has, of an ESME or of new ones."""
    takes = esmes.INBOUND in of.endpoint.kinds if isinstance(of, Esme) else of.takes_inbound
    values = {name: getattr(of, name) for name in FIELDS}
    return values | {"networks": ", ".join(of.networks or ()), "refusal": f"0x{of.refusal:02X}", "takes_inbound": takes}


def _typed(request: HttpRequest) -> dict[str, object]:
    typed: dict[str, object] = {name: request.POST.get(name, "")[:2000] for name in FIELDS}
    return typed | {"takes_inbound": "takes_inbound" in request.POST}


def _setting(request: HttpRequest) -> Setting:
    """Raises Refused for what is no number."""
    values = {name: _number(request.POST.get(name, ""), name) for name in NUMBERS}
    networks = [one for one in request.POST.get("networks", "").replace(",", " ").split() if one]
    alphabet = request.POST.get("alphabet", "")
    return Setting(alphabet=alphabet, networks=networks, takes_inbound="takes_inbound" in request.POST, **values)


def _number(raw: str, name: str) -> int:
    """Statuses are written as SMPP's tables have them, 0x0B."""
    try:
        return int(raw.strip(), 16 if raw.strip().lower().startswith("0x") else 10)
    except ValueError:
        raise Refused(_("Write a number."), field=name) from None


urlpatterns = [
    path("settings/smpp/", listed, name="esmes"),
    path("settings/smpp/<str:public_id>/", one, name="esme"),
    path("settings/smpp/<str:public_id>/password/", new_password, name="esme_password"),
    path("settings/smpp/<str:public_id>/remove/", remove, name="remove_esme"),
]
