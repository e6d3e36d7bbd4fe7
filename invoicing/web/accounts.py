from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend

from invoicing.models import User


class ClosedSignup(DefaultAccountAdapter):
    """People are added by an access admin; nobody signs up."""

    def is_open_for_signup(self, request):
        return False


class WithPreferences(AuthenticationBackend):
    """Reads a person together with their preferences, which every page needs: one query, not two."""

    def get_user(self, user_id):
        user = User.objects.select_related("preferences").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
