"""Signing in with django-allauth, as a desk of staff wants it."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.adapter import DefaultMFAAdapter

from invoicing.access.keys import SECOND_FACTOR
from invoicing.models import User
from invoicing.models.sealing import seal, unseal


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
