from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.user import User


class Preferences(models.Model):
    """How one person likes the desk. Nothing here changes what they may do; without a row, the first choice of each holds."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("As the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    class Density(models.TextChoices):
        COMFORTABLE = "comfortable", _("Comfortable")
        COMPACT = "compact", _("Compact")

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="preferences")
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.SYSTEM)
    density = models.CharField(max_length=12, choices=Density, default=Density.COMFORTABLE)
    rows = models.PositiveSmallIntegerField(default=50, validators=[MinValueValidator(1), MaxValueValidator(200)])
    language = models.CharField(max_length=8, blank=True)  # empty: as the browser asks
    single_keys = models.BooleanField(default=True)
    own_keys = models.JSONField(
        default=dict, blank=True
    )  # the key as shipped: the person's own, only where they differ
    start = models.CharField(max_length=500, blank=True)  # the path one lands on after signing in; empty: home

    def __str__(self):
        return f"Preferences of {self.user}"


def preferences_of(user) -> Preferences:
    """The person's own, or the defaults; costs no query where the user was read together with them."""
    return getattr(user, "preferences", None) or Preferences()
