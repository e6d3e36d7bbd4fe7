from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac

ROLES = {
    "viewer": "sees invoices and documents",
    "operator": "acts at providers",
    "reviewer": "reviews and approves",
    "controller": "approves without limit, settles what is unknown",
    "auditor": "sees everything, changes nothing",
    "sync admin": "connects providers and syncs",
    "access admin": "manages people and roles",
}
"""Groups made by the first migration, and what each is for."""


class User(AbstractUser):
    """A person of the staff. Signs in by e-mail; what they may do comes from their groups alone."""

    email = models.EmailField("e-mail", unique=True)
    session_epoch = models.IntegerField(default=0)  # a higher one ends every session begun before

    def __str__(self):
        return self.get_full_name() or self.email or self.username

    def _get_session_auth_hash(self, secret=None):
        """Sessions end with the password they began with, and with their epoch."""
        given = f"{super()._get_session_auth_hash(secret)}{self.session_epoch}"
        return salted_hmac("invoicing.models.user", given, secret=secret, algorithm="sha256").hexdigest()

    @property
    def initials(self) -> str:
        words = str(self).replace("@", " ").split()
        return "".join(word[0] for word in words[:2]).upper()
