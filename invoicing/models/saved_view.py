from urllib.parse import urlencode

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from invoicing.vocabulary import Direction


class SavedViewQuerySet(models.QuerySet):
    def seen_by(self, user, roles):
        """A person's own views, those of a role they hold, and everyone's."""
        shared = Q(shared_with=SavedView.Sharing.EVERYONE) | Q(shared_with=SavedView.Sharing.ROLE, role__in=roles)
        return self.filter(Q(owner=user) | shared)


class SavedView(models.Model):
    """A list with a name: its filters, columns, order, grouping and page size as one address."""

    class Sharing(models.TextChoices):
        PRIVATE = "private", _("Only me")
        ROLE = "role", _("A role")
        EVERYONE = "everyone", _("Everyone")

    slug = models.SlugField(max_length=80, unique=True)  # its name in an address; stays when the view is renamed
    name = models.CharField(max_length=80)
    direction = models.CharField(max_length=12, choices=Direction)
    query = models.TextField(blank=True)  # as after the question mark, in the order of `ordered_query`
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    shared_with = models.CharField(max_length=8, choices=Sharing, default=Sharing.PRIVATE)
    role = models.CharField(max_length=40, blank=True)  # a name of ROLES, where it is shared with one
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    used_at = models.DateTimeField(null=True)  # by anybody, to the hour
    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        indexes = [models.Index(fields=["direction", "shared_with"], name="view_shared")]

    def __str__(self):
        return self.name


class DefaultView(models.Model):
    """The view a list opens with, for one person or for all who hold a role; the person's own comes first."""

    view = models.ForeignKey(SavedView, models.CASCADE, related_name="defaults")
    direction = models.CharField(max_length=12, choices=Direction)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="default_views")
    role = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["direction", "user"], condition=Q(user__isnull=False), name="one_default_a_person"
            ),
            models.UniqueConstraint(fields=["direction", "role"], condition=~Q(role=""), name="one_default_a_role"),
            models.CheckConstraint(condition=Q(user__isnull=True) ^ Q(role=""), name="default_of_one_or_the_other"),
        ]


def ordered_query(query: QueryDict, *, without: tuple[str, ...] = ()) -> str:
    """The same filters always read the same, so that two addresses can be compared: names in order, blanks left out."""
    pairs = {
        name: list(dict.fromkeys(value for value in values if value.strip()))
        for name, values in query.lists()
        if name not in without
    }
    return urlencode([(name, value) for name in sorted(pairs) for value in pairs[name]])
