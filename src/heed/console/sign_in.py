"""Signing in: allauth for passwords and second factors, without open sign-up; one-time links; invitations."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.contrib import messages as notices
from django.contrib.auth import login, logout
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from heed.console import kept
from heed.console.access import ACCOUNT_KEY, ConsoleRequest, page
from heed.core import accounts
from heed.core.models import Invitation, User


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up by themselves; an invitation makes a user."""
        return False

    def pre_login(self, request: HttpRequest, user: User, **details: object) -> HttpResponse | None:
        """The password was right; a second factor may still be asked for."""
        kept.carry_over(request)
        refused: HttpResponse | None = super().pre_login(request, user, **details)
        return refused


def _sign_in(request: HttpRequest, user: User) -> None:
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """A one-time link: looking at it shows a button, pressing that uses it up."""
    found = accounts.open_sign_in_link(token)
    if found is None:
        return render(request, "console/sign_in/used.html", status=404)
    if request.method != "POST":
        return render(request, "console/sign_in/link.html", {"email": found.user.email})
    if not accounts.use_sign_in_link(found):
        return render(request, "console/sign_in/used.html", status=404)
    logout(request)  # whoever was signed in here until now
    if not found.user.has_usable_password():
        notices.info(request, _("Set a password under Settings to sign in without a link."))
    # Who has a second factor is asked for it: the link stands for the password alone.
    answer: HttpResponse = perform_login(request, found.user)
    return answer


@never_cache
@page
@require_safe
def send_again(request: ConsoleRequest) -> HttpResponse:
    """What one sent when one's session had ended, to be sent again."""
    form = kept.opened(request.session.get(kept.KEY, ""))
    return render(request, "console/sign_in/send_again.html", {"kept": form}) if form else redirect("home")


# Invitations


class Joining(forms.Form):
    """What somebody new gives to join an account."""

    name = forms.CharField(label=gettext_lazy("Your name"), max_length=80)
    password = forms.CharField(
        label=gettext_lazy("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, data: QueryDict | None, email: str) -> None:
        super().__init__(data)
        self.email = email

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.email, name=self.cleaned_data.get("name", "")))
        return password


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation: who is new makes a user by it, who has one signs in and accepts."""
    invitation = accounts.open_invitation(token)
    if invitation is None:
        return render(request, "console/sign_in/used.html", {"is_invitation": True}, status=404)
    context: dict[str, object] = {"invitation": invitation, "account_name": invitation.account.name}
    if request.user.is_authenticated:
        return _accept(request, invitation, context)
    if User.objects.filter(email=invitation.email).exists():
        return render(request, "console/sign_in/sign_in_first.html", context)
    form = Joining(request.POST if request.method == "POST" else None, invitation.email)
    if request.method == "POST" and form.is_valid():
        try:
            user = accounts.join(invitation, form.cleaned_data["name"], form.cleaned_data["password"])
        except accounts.Refused as error:
            notices.error(request, str(error))
            return redirect("account_login")
        _sign_in(request, user)
        return redirect("home")
    return render(request, "console/sign_in/join.html", context | {"form": form}, status=422 if form.errors else 200)


def _accept(request: HttpRequest, invitation: Invitation, context: dict[str, object]) -> HttpResponse:
    user = request.user
    if not isinstance(user, User) or user.email != invitation.email:
        return render(request, "console/sign_in/somebody_else.html", context, status=403)
    if request.method != "POST":
        return render(request, "console/sign_in/accept.html", context)
    try:
        accounts.accept(invitation, user)
    except accounts.Refused as error:
        notices.error(request, str(error))
        return redirect("home")
    request.session[ACCOUNT_KEY] = invitation.account_id
    notices.success(request, _("You are a member of %(account)s now.") % {"account": invitation.account.name})
    return redirect("home")


urlpatterns = [
    path("send-again/", send_again, name="send_again"),
    path("sign-in/<str:token>/", link, name="sign_in_link"),
    path("join/<str:token>/", join, name="join"),
]
