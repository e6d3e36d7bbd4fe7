"""Signing in through the company's own identity provider (OpenID Connect), set by the environment."""

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from invoicing.access import directory
from invoicing.access.people import CannotChange
from invoicing.models import AuditEntry, User
from invoicing.web import errors

PROVIDER_ID = "desk"


class Staff(DefaultSocialAccountAdapter):
    """Lets in who is known by a confirmed e-mail, or whose groups stand for a role. Nobody else signs up."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        groups = groups_of(sociallogin)
        person = sociallogin.user if sociallogin.is_existing else self._known_by_email(sociallogin)
        if person is not None and not person.is_active:
            raise _refused(request, _("Your account here is locked. Ask an access admin."))
        if person is None:
            if not directory.mapped_roles(groups):
                raise _refused(request, _("Nobody has added you here, and none of your groups stands for a role."))
            if not sociallogin.user.email:
                raise _refused(request, _("Your identity provider did not confirm an e-mail address."))
            return
        if not sociallogin.is_existing:
            sociallogin.connect(request, person)
        self._follow(request, person, groups)
        sociallogin.user = User.objects.get(pk=person.pk)  # its session epoch may be a new one

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(directory.mapped_roles(groups_of(sociallogin)) and _confirmed(sociallogin))

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form=None):
        sociallogin.user.username = sociallogin.user.email[:150]
        sociallogin.user.set_unusable_password()
        sociallogin.save(request)
        person = sociallogin.user
        AuditEntry.objects.record("person.added", target=f"user:{person.pk}", email=person.email, by="directory")
        self._follow(request, person, groups_of(sociallogin))
        sociallogin.user.refresh_from_db()
        return sociallogin.user

    @staticmethod
    def _follow(request: HttpRequest, person: User, groups) -> None:
        try:
            directory.follow(person, groups)
        except CannotChange as problem:
            raise _refused(request, str(problem)) from None

    @staticmethod
    def _known_by_email(sociallogin: SocialLogin) -> User | None:
        email = _confirmed(sociallogin)
        return User.objects.filter(email__iexact=email).first() if email else None


def groups_of(sociallogin: SocialLogin) -> list[str]:
    """What the groups claim holds, wherever the provider puts it: in the token or in the user's facts."""
    said = sociallogin.account.extra_data or {}
    for part in (said, said.get("id_token") or {}, said.get("userinfo") or {}):
        found = part.get(settings.DESK_OIDC_GROUPS) if isinstance(part, dict) else None
        if isinstance(found, str):
            return [found]
        if isinstance(found, list):
            return [each for each in found if isinstance(each, str)]
    return []


def _confirmed(sociallogin: SocialLogin) -> str:
    """The e-mail address the provider vouches for, if it does."""
    return next((each.email for each in sociallogin.email_addresses if each.verified), "")


def _refused(request: HttpRequest, text: str) -> ImmediateHttpResponse:
    return ImmediateHttpResponse(errors.problem(request, errors.FORBIDDEN, text=text))
