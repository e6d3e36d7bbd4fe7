from allauth.account.adapter import DefaultAccountAdapter


class ClosedSignup(DefaultAccountAdapter):
    """People are added by an access admin; nobody signs up."""

    def is_open_for_signup(self, request):
        return False
