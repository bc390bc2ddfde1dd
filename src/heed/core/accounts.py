"""Accounts, members, invitations, sign-in links and API keys."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from heed.core import audit, refused
from heed.core.models import Account, ApiKey, Invitation, Member, Role, SignInLink, User
from heed.rules import codes, colours, numbers
from heed.rules.texts import clean, line

SIGN_IN_LINK_LASTS = timedelta(hours=24)
INVITATION_LASTS = timedelta(days=7)


class Refused(refused.Refused):
    """This can't be done."""


def create(name: str, *, slug: str = "", country: str = "GB", time_zone: str = "UTC", actor: str) -> Account:
    """A new account with its free keyword and its short link. Raises Refused."""
    name, country, time_zone = _checked(name, country, time_zone)
    slug = slug or slugify(name)[:40] or "account"
    if slugify(slug) != slug:
        raise Refused("A slug has small letters, digits and hyphens.", field="slug")
    with transaction.atomic(durable=True):
        if Account.objects.filter(slug=slug).exists():
            raise Refused("There is an account with this slug.", field="slug")
        account = Account.objects.create(
            name=name,
            slug=slug,
            country=country,
            time_zone=time_zone,
            free_prefix=_unused("free_prefix"),
            link_code=_unused("link_code"),
        )
        audit.note(account.id, actor, "account.create", slug)
    return account


def change(account: Account, name: str, *, country: str, time_zone: str, actor: str) -> Account:
    """Give the account another name, country or time zone. Its slug, keyword and link stay. Raises Refused."""
    name, country, time_zone = _checked(name, country, time_zone)
    with transaction.atomic(durable=True):
        account = Account.objects.select_for_update().get(pk=account.pk)
        wanted = {"name": name, "country": country, "time_zone": time_zone}
        changed = {field: value for field, value in wanted.items() if getattr(account, field) != value}
        if changed:
            for field, value in changed.items():
                setattr(account, field, value)
            account.save(update_fields=list(changed))
            audit.note(account.id, actor, "account.change", account.slug, **changed)
    return account


def change_colours(account: Account, colour: str, text_colour: str, *, actor: str) -> Account:
    """Give the account's opt-out page its colours: the button's and its words'. Two empty ones are Heed's own.

    Raises Refused for words that could not be read on the button.
    """
    colour, text_colour = _readable(colour, text_colour)
    with transaction.atomic(durable=True):
        account = Account.objects.select_for_update().get(pk=account.pk)
        if (account.colour, account.text_colour) != (colour, text_colour):
            account.colour, account.text_colour = colour, text_colour
            account.save(update_fields=["colour", "text_colour"])
            audit.note(account.id, actor, "account.colours", account.slug, colour=colour, text_colour=text_colour)
    return account


def _readable(raw_colour: str, raw_text: str) -> tuple[str, str]:
    if not raw_colour.strip() and not raw_text.strip():
        return "", ""
    colour, text_colour = colours.parse(raw_colour), colours.parse(raw_text)
    if colour is None:
        raise Refused("Write a colour like #0b5cad.", field="colour")
    if text_colour is None:
        raise Refused("Write a colour like #ffffff.", field="text_colour")
    if (contrast := colours.contrast(colour, text_colour)) < colours.READABLE:
        raise Refused(
            f"These words could not be read: their contrast is {contrast:.1f}, and people need {colours.READABLE}.",
            code="contrast",
            field="text_colour",
        )
    return colour, text_colour


def _checked(name: str, country: str, time_zone: str) -> tuple[str, str, str]:
    name, country = line(name), country.strip().upper()
    if not 1 <= len(name) <= 80:
        raise Refused("An account's name has 1 to 80 characters.", field="name")
    if country not in numbers.REGIONS:
        raise Refused("Give the country as two letters, like GB or US.", field="country")
    if time_zone not in available_timezones():
        raise Refused("Give the time zone as in Europe/London.", field="time_zone")
    return name, country, time_zone


def _unused(field: str) -> str:
    make = codes.free_keyword_prefix if field == "free_prefix" else codes.short_link
    while Account.objects.filter(**{field: (code := make(secrets.choice))}).exists():
        pass
    return code


def free_keyword(account: Account) -> str:
    return codes.free_keyword(account.free_prefix)


def opt_out_link(account: Account) -> str:
    """The address of the account's public form."""
    return f"{settings.PUBLIC_URL}/{account.link_code}"


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


# People


def add_member(account: Account, email: str, role: Role, *, actor: str, name: str = "") -> Member:
    """Make the person with this address a member, and a user if there is none. They sign in by a link at first."""
    with transaction.atomic(durable=True):
        user = User.objects.filter(email=email.strip().lower()).first() or User.objects.create_user(email, name=name)
        member, _ = Member.objects.update_or_create(account=account, user=user, defaults={"role": role.value})
        audit.note(account.id, actor, "member.add", user.email, role=role.value)
    return member


def change_person(user: User, name: str, email: str) -> User:
    """Give ``user`` another name or address, by their own wish. Raises Refused.

    Nobody takes the address that an invitation is under way to, or its holder could not join any more.
    """
    name, email = line(name), _address(email)
    if len(name) > 80:
        raise Refused("A name has at most 80 characters.", field="name")
    with transaction.atomic(durable=True):
        user = User.objects.select_for_update().get(pk=user.pk)
        was = user.email
        if email != was and _is_spoken_for(email):
            raise Refused("This address is somebody else's.", field="email")
        user.name, user.email = name, email
        user.save(update_fields=["name", "email"])
        for account_id in Member.objects.filter(user=user).values_list("account_id", flat=True):
            audit.note(account_id, was, "member.rename", email, name=name)
    return user


def _address(raw: str) -> str:
    email = clean(raw).strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise Refused("This is not an e-mail address.", field="email") from error
    return email


def _is_spoken_for(email: str) -> bool:
    invited = Invitation.objects.filter(email=email, accepted_at=None, expires_at__gt=timezone.now())
    return User.objects.filter(email=email).exists() or invited.exists()


def change_role(member: Member, role: Role, *, actor: str) -> None:
    """Give ``member`` another role. An account keeps an owner."""
    with transaction.atomic(durable=True):
        _keep_an_owner(member, role)
        Member.objects.filter(pk=member.pk).update(role=role.value)
        audit.note(member.account_id, actor, "member.change", member.user.email, role=role.value)


def remove_member(member: Member, *, actor: str) -> None:
    with transaction.atomic(durable=True):
        _keep_an_owner(member, None)
        Member.objects.filter(pk=member.pk).delete()
        audit.note(member.account_id, actor, "member.remove", member.user.email)


def _keep_an_owner(member: Member, role: Role | None) -> None:
    Account.objects.select_for_update().get(pk=member.account_id)
    others = Member.objects.filter(account_id=member.account_id, role=Role.OWNER).exclude(pk=member.pk)
    if member.role == Role.OWNER and role is not Role.OWNER and not others.exists():
        raise Refused("An account needs an owner. Make somebody else an owner first.", field="role")


def invite(account: Account, email: str, role: Role, *, by: User | None, actor: str) -> str:
    """The token of a new invitation, good once and for seven days. Earlier ones of the same person end."""
    email = _address(email)
    if Member.objects.filter(account=account, user__email=email).exists():
        raise Refused("This person is a member already.", field="email")
    token = secrets.token_urlsafe(32)
    with transaction.atomic(durable=True):
        Invitation.objects.filter(account=account, email=email, accepted_at=None).delete()
        Invitation.objects.create(
            account=account,
            email=email,
            role=role.value,
            token_hash=secret_hash(token),
            invited_by=by,
            expires_at=timezone.now() + INVITATION_LASTS,
        )
        audit.note(account.id, actor, "member.invite", email, role=role.value)
    return token


def open_invitation(token: str) -> Invitation | None:
    return (
        Invitation.objects.select_related("account")
        .filter(token_hash=secret_hash(token), accepted_at=None, expires_at__gt=timezone.now())
        .first()
    )


def accept(invitation: Invitation, user: User) -> Member:
    """Use the invitation up and make ``user`` a member. Raises Refused if somebody else used it first."""
    with transaction.atomic(durable=True):
        return _accepted(invitation, user)


def _accepted(invitation: Invitation, user: User) -> Member:
    if not Invitation.objects.filter(pk=invitation.pk, accepted_at=None).update(accepted_at=timezone.now()):
        raise Refused("This invitation has been used.")
    member, _ = Member.objects.get_or_create(account=invitation.account, user=user, defaults={"role": invitation.role})
    audit.note(invitation.account_id, user.email, "member.join", user.email, role=member.role)
    return member


def join(invitation: Invitation, name: str, password: str) -> User:
    """Make a new user by the invitation, and a member. Raises Refused if it was used, or the address taken, meanwhile."""
    with transaction.atomic(durable=True):
        if User.objects.filter(email=invitation.email).exists():
            raise Refused("There is somebody with this address already. Sign in to accept the invitation.")
        user = User.objects.create_user(invitation.email, password, name=line(name)[:80])
        _accepted(invitation, user)
    return user


def revoke_invitation(account: Account, invitation_id: int, *, actor: str) -> None:
    with transaction.atomic(durable=True):
        for invitation in Invitation.objects.filter(account=account, pk=invitation_id, accepted_at=None):
            audit.note(account.id, actor, "invitation.revoke", invitation.email)
            invitation.delete()


def sign_in_link(user: User) -> str:
    """The address of a page that signs ``user`` in once, within a day."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(user=user, token_hash=secret_hash(token), expires_at=timezone.now() + SIGN_IN_LINK_LASTS)
    return f"{settings.PUBLIC_URL}/sign-in/{token}/"


def open_sign_in_link(token: str) -> SignInLink | None:
    return (
        SignInLink.objects.select_related("user")
        .filter(token_hash=secret_hash(token), used_at=None, expires_at__gt=timezone.now(), user__is_active=True)
        .first()
    )


def use_sign_in_link(link: SignInLink) -> bool:
    """Whether ``link`` was still unused; it is used up now."""
    return bool(SignInLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now()))


# Programs


def create_api_key(account: Account, name: str, role: Role, *, actor: str) -> tuple[ApiKey, str]:
    """A key and its secret, which is shown this once and kept as a hash."""
    name = line(name)
    if not 1 <= len(name) <= 80:
        raise Refused("A key's name has 1 to 80 characters.", field="name")
    secret = f"heed_{secrets.token_urlsafe(32)}"
    with transaction.atomic(durable=True):
        key = ApiKey.objects.create(
            account=account, name=name, role=role.value, key_hash=secret_hash(secret), hint=secret[-4:]
        )
        audit.note(account.id, actor, "key.create", name, role=role.value)
    return key, secret


def revoke_api_key(account: Account, key_id: int, *, actor: str) -> None:
    with transaction.atomic(durable=True):
        for key in ApiKey.objects.filter(account=account, pk=key_id, revoked_at=None):
            ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
            audit.note(account.id, actor, "key.revoke", key.name)


def key_for(secret: str) -> ApiKey | None:
    """The working key with this secret. Notes its use at most once a minute."""
    key = (
        ApiKey.objects.select_related("account")
        .filter(key_hash=secret_hash(secret), revoked_at=None, account__closed_at=None)
        .first()
    )
    now = timezone.now()
    if key is not None and (key.last_used_at is None or key.last_used_at < now - timedelta(minutes=1)):
        ApiKey.objects.filter(pk=key.pk).filter(
            Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(minutes=1))
        ).update(last_used_at=now)
    return key
