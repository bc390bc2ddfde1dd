"""Accounts, the people in them, and the keys of their programs."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone


class Account(models.Model):
    """A tenant. Never deleted: its opt-outs, keyword and link outlive it."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=40, unique=True)
    country = models.CharField(max_length=2, default="GB")
    time_zone = models.CharField(max_length=40, default="UTC")
    free_prefix = models.CharField(max_length=8, unique=True)  # folded: what comes before STOP in its free keyword
    link_code = models.CharField(max_length=8, unique=True)
    colour = models.CharField(max_length=7, blank=True)  # of the opt-out page's button; "" for Heed's own
    text_colour = models.CharField(max_length=7, blank=True)  # of the words on it
    new_numbers_account_level = models.BooleanField(default=False)  # "all numbers, and those bought later"
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Users(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, name: str = "") -> User:
        user = self.model(email=email.strip().lower(), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person who signs in, by e-mail address. Rights come from Member, account by account."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=80, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = Users()

    def __str__(self) -> str:
        return self.name or self.email


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMINISTRATOR = "administrator", "Administrator"
    MARKETER = "marketer", "Marketer"
    VIEWER = "viewer", "Viewer"

    @property
    def may_send(self) -> bool:
        return self is not Role.VIEWER

    @property
    def may_lift(self) -> bool:
        """Lift opt-outs, manage members and keys."""
        return self in (Role.OWNER, Role.ADMINISTRATOR)


class Member(models.Model):
    account = models.ForeignKey(Account, models.PROTECT)
    user = models.ForeignKey(User, models.CASCADE)
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.account}"


class Invitation(models.Model):
    """A link that lets its holder join an account once. Only the token's hash is kept."""

    account = models.ForeignKey(Account, models.CASCADE)
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.email} to {self.account}"


class SignInLink(models.Model):
    """A one-time link. Its GET shows a button, its POST uses it up."""

    user = models.ForeignKey(User, models.CASCADE)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"for {self.user}"


class ApiKey(models.Model):
    """A program's key. 256 random bits, so a plain SHA-256 keeps it."""

    account = models.ForeignKey(Account, models.PROTECT)
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=16, choices=Role.choices)
    key_hash = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=4)  # its last characters, to tell keys apart
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} …{self.hint}"
