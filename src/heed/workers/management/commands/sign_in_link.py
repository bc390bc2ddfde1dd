"""A link that signs somebody in once."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.core.management.base import CommandError, CommandParser

from heed.core import accounts, audit
from heed.core.models import Member, Role, User
from heed.workers.options import ACTOR, PlainCommand


class Command(PlainCommand):
    help = "Print a link that signs a person in once, within a day. Without --email: the first owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default="")

        parser.add_argument(
            "--second-factor-lost", action="store_true", help="turn the person's second factor off; give --email too"
        )

    def handle(self, *args: object, email: str, second_factor_lost: bool, **options: object) -> None:
        if second_factor_lost and not email:
            raise CommandError("Say whose second factor is lost: --email E")
        user = _user(email)
        if second_factor_lost:
            Authenticator.objects.filter(user=user).delete()
            audit.note(None, ACTOR, "second_factor.off", user.email)
        self.stdout.write(accounts.sign_in_link(user))


def _user(email: str) -> User:
    if email:
        user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody here has the address {email}.")
        return user
    owner = Member.objects.select_related("user").filter(role=Role.OWNER, user__is_active=True).order_by("id").first()
    if owner is None:
        raise CommandError("No account has an owner yet. Run: ./heed account create --name NAME --owner EMAIL")
    return owner.user
