"""Who is signed in, to which account, with which rights: asked once for each request, and by every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from allauth.account.forms import LoginForm
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from heed.console import kept, menu
from heed.core.models import Account, Member, Role, User

Arguments = ParamSpec("Arguments")
ACCOUNT_KEY = "account_id"  # in the session: which of their accounts the person looks at


class ConsoleRequest(HttpRequest):
    """A request of somebody signed in, to an account that they are a member of."""

    user: User  # never anonymous here
    account: Account
    role: Role
    actor: str  # who acts, as the ledger and the audit trail name them
    htmx: Any  # django-htmx's details


View = Callable[Concatenate[ConsoleRequest, Arguments], HttpResponseBase]  # a page, or a file that streams


def page(view: View[Arguments]) -> Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]:
    """A page for every member. Without a session one signs in first; without an account one is told so."""
    return _guarded(view, lambda role: True)


def senders_only(view: View[Arguments]) -> Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]:
    """A page for those who send: everyone but viewers. Others get 403."""
    return _guarded(view, lambda role: role.may_send)


def administrators_only(view: View[Arguments]) -> Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]:
    """A page for owners and administrators. Others get 403."""
    return _guarded(view, lambda role: role.may_lift)


def _guarded(
    view: View[Arguments], allows: Callable[[Role], bool]
) -> Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _door(request)
        member = member_of(request)
        if member is None:
            return render(request, "console/no_account.html", status=403)
        request.account, request.role = member.account, Role(member.role)  # type: ignore[attr-defined]
        request.actor = member.user.email  # type: ignore[attr-defined]
        if not allows(Role(member.role)):
            raise PermissionDenied("Your role does not allow this.")
        if request.method == "POST":
            request.session.pop(kept.KEY, None)
        with timezone.override(member.account.time_zone):  # Times are stored in UTC and shown in the account's zone.
            return view(request, *args, **kwargs)  # type: ignore[arg-type]  # it is a ConsoleRequest now

    return guarded  # type: ignore[return-value]  # mypy insists on the name of the first argument


def _door(request: HttpRequest) -> HttpResponse:
    """To sign in, and back to the page one was on, or to what one has sent.

    A part of a page is refused: the page says so, and keeps its words.
    """
    if getattr(request, "htmx", None):
        return HttpResponse(status=401)
    if request.method == "POST" and (text := kept.sealed(request)):
        after = format_html('<input type="hidden" name="next" value="{}">', reverse("send_again"))
        context = {"form": LoginForm(request=request), "redirect_field": after, "kept": text}
        return render(request, "account/login.html", context, status=401)
    return redirect_to_login(request.get_full_path() if request.method in ("GET", "HEAD") else _page_before(request))


def _page_before(request: HttpRequest) -> str:
    """The page whose form was sent; an action's own address answers no GET."""
    came_from = urlsplit(request.headers.get("Referer", ""))
    if came_from.netloc != request.get_host():
        return "/"
    return came_from.path + (f"?{came_from.query}" if came_from.query else "")


def member_of(request: HttpRequest) -> Member | None:
    """The membership that this session looks at: the account chosen, else the first one."""
    mine = Member.objects.select_related("account", "user").filter(
        user_id=request.user.pk or 0, account__closed_at=None
    )
    chosen = request.session.get(ACCOUNT_KEY)
    return (chosen and mine.filter(account_id=chosen).first()) or mine.order_by("account__name", "account_id").first()


def context(request: HttpRequest) -> dict[str, object]:
    """What the frame of a console page shows: ``account``, ``role``, ``accounts`` (all of the person's), ``menu``."""
    account, role = getattr(request, "account", None), getattr(request, "role", None)
    if account is None:
        # Pages that are not ours (password, second factor) stand in the same frame.
        member = member_of(request) if hasattr(request, "user") and request.user.is_authenticated else None
        if member is None:
            return {}
        account, role = member.account, Role(member.role)
    mine = Member.objects.filter(user_id=request.user.pk or 0, account__closed_at=None).order_by("account__name")
    accounts = [member.account for member in mine.select_related("account")]
    return {
        "account": account,
        "role": role,
        "accounts": accounts,
        "menu": menu.of(request, account, role or Role.VIEWER),
    }
