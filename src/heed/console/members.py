"""Members: who may do what in the account; invitations, as a link to copy and by mail where mail is set up."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.contrib import messages as notices
from django.core.mail import send_mail
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from heed.console import confirm, ids, once
from heed.console.access import ConsoleRequest, administrators_only, page
from heed.core import accounts
from heed.core.models import Invitation, Member, Role

MOST_SHOWN = 500
ROLES = [
    (Role.OWNER, gettext_lazy("Everything. An account always has an owner.")),
    (Role.ADMINISTRATOR, gettext_lazy("Everything: members, API keys, and lifting opt-outs, with a reason.")),
    (Role.MARKETER, gettext_lazy("Sends, manages numbers and keywords, adds opt-outs. Can't lift an opt-out.")),
    (Role.VIEWER, gettext_lazy("Reads and exports everything, changes nothing. For compliance officers.")),
]
log = logging.getLogger(__name__)


@never_cache
@page
@require_safe
def members(request: ConsoleRequest) -> HttpResponse:
    return _show(request, **once.take(request, "invitation"))


def _show(request: ConsoleRequest, status: int = 200, /, **more: object) -> HttpResponse:
    mine = Member.objects.filter(account=request.account).select_related("user").order_by("user__email")
    pending = Invitation.objects.filter(account=request.account, accepted_at=None, expires_at__gt=timezone.now())
    context = {
        "members": [(one, ids.public(ids.MEMBER, one.id)) for one in mine[:MOST_SHOWN]],
        "pending": [(one, ids.public(ids.INVITATION, one.id)) for one in pending.order_by("-id")[:MOST_SHOWN]],
        "roles": ROLES,
        "is_mailed": bool(settings.EMAIL_HOST),
        **more,
    }
    return render(request, "console/settings/members.html", context, status=status)


@never_cache
@administrators_only
@require_POST
def invite(request: ConsoleRequest) -> HttpResponse:
    """Make an invitation; the next page shows its link, this once: only its hash is kept."""
    email, role = request.POST.get("email", "")[:254], request.POST.get("role", "")
    try:
        if role not in Role.values:
            raise accounts.Refused(_("Pick a role."), field="role")
        token = accounts.invite(request.account, email, Role(role), by=request.user, actor=request.actor)
    except accounts.Refused as error:
        return _show(request, 422, email=email, role_asked=role, errors={error.field: str(error)})
    link = settings.PUBLIC_URL + reverse("join", args=[token])
    was_mailed = "yes" if _mail(request, email.strip(), link) else ""
    once.put(request, "invitation", invited=email.strip(), link=link, was_mailed=was_mailed)
    return redirect("members")


def _mail(request: ConsoleRequest, email: str, link: str) -> bool:
    """Whether the invitation left by mail."""
    if not settings.EMAIL_HOST:
        return False
    words = {"who": str(request.user), "account": request.account.name, "link": link}
    subject = _("Join %(account)s on Heed") % words
    body = _(
        "%(who)s invites you to join %(account)s on Heed. Open this link within seven days; it works once:\n\n%(link)s"
    )
    try:
        send_mail(subject, body % words, None, [email])
    except (OSError, SMTPException):
        log.exception("An invitation could not be mailed.")
        return False
    return True


@administrators_only
@require_POST
def revoke(request: ConsoleRequest, public_id: str) -> HttpResponse:
    accounts.revoke_invitation(request.account, ids.row(ids.INVITATION, public_id), actor=request.actor)
    notices.success(request, _("The invitation is revoked. Its link does not work any more."))
    return redirect("members")


@administrators_only
@require_POST
def change_role(request: ConsoleRequest, public_id: str) -> HttpResponse:
    member, role = _found(request, public_id), request.POST.get("role", "")
    if role not in Role.values:
        notices.error(request, _("Pick a role."))
        return redirect("members")
    try:
        accounts.change_role(member, Role(role), actor=request.actor)
    except accounts.Refused as error:
        notices.error(request, str(error))
    else:
        words = {"email": member.user.email, "role": Role(role).label}
        notices.success(request, _("%(email)s is %(role)s now.") % words)
    return redirect("members")


@administrators_only
@require_POST
def remove(request: ConsoleRequest, public_id: str) -> HttpResponse:
    member = _found(request, public_id)
    email = {"email": member.user.email}
    title, consequence = (
        _("Remove %(email)s?") % email,
        _("They see nothing of this account any more. What they did stays."),
    )
    if asking := confirm.asked(request, title, consequence, _("Remove %(email)s") % email, reverse("members")):
        return asking
    try:
        accounts.remove_member(member, actor=request.actor)
    except accounts.Refused as error:
        notices.error(request, str(error))
    else:
        notices.success(request, _("%(email)s is no member any more.") % {"email": member.user.email})
    return redirect("home" if member.user_id == request.user.pk else "members")


def _found(request: ConsoleRequest, public_id: str) -> Member:
    row_id = ids.row(ids.MEMBER, public_id)
    member = Member.objects.select_related("user").filter(account=request.account, id=row_id).first()
    if member is None:
        raise Http404("There is no such member.")
    return member


urlpatterns = [
    path("settings/members/", members, name="members"),
    path("settings/members/invite/", invite, name="invite"),
    path("settings/members/<str:public_id>/role/", change_role, name="change_role"),
    path("settings/members/<str:public_id>/remove/", remove, name="remove_member"),
    path("settings/invitations/<str:public_id>/revoke/", revoke, name="revoke_invitation"),
]
