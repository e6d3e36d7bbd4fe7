"""Signing in with django-allauth, as a desk of staff wants it."""

import time

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.signals import authentication_step_completed
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from invoicing.access.keys import SECOND_FACTOR
from invoicing.models import User
from invoicing.models.sealing import seal, unseal

CONFIRMED_AT = "confirmed_at"
"""Where a session keeps when its person was last asked who they are."""


class ClosedSignup(DefaultAccountAdapter):
    """People are added by an access admin; nobody signs up."""

    def is_open_for_signup(self, request):
        return False

    def _get_login_attempts_cache_key(self, request, **credentials):
        """Tries are counted by e-mail and address together, in the cache all processes share: whoever guesses elsewhere does
        not lock the owner out.
        """
        return f"{super()._get_login_attempts_cache_key(request, **credentials)}:{self.get_client_ip(request)}"


class SealedFactors(DefaultMFAAdapter):
    """Secrets of second factors are sealed like provider keys, and rotate with them."""

    def encrypt(self, text):
        return seal(text, bound_to=SECOND_FACTOR)

    def decrypt(self, encrypted_text):
        return unseal(encrypted_text, bound_to=SECOND_FACTOR)


class WithPreferences(AuthenticationBackend):
    """Reads a person together with their preferences, which every page needs: one query, not two."""

    def get_user(self, user_id):
        user = User.objects.select_related("preferences").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None


@receiver(user_logged_in)
def _signed_in(request, **given) -> None:
    request.session[CONFIRMED_AT] = time.time()


@receiver(authentication_step_completed)
def _confirmed_elsewhere(request, user, method="", reauthenticated=False, **given) -> None:
    """On the account pages. There a password is enough, which it is not where somebody has a second factor."""
    if reauthenticated and (method != "password" or not has_second_factor(user)):
        request.session[CONFIRMED_AT] = time.time()


def has_second_factor(user) -> bool:
    return Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
