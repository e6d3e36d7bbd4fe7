"""What roles carry and how far a person reaches. A person without a row here reaches everywhere."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models


class Role(models.Model):
    """A role whose rights were set here. A built-in role without a row carries what it was shipped with."""

    group = models.OneToOneField(Group, models.CASCADE, primary_key=True, related_name="role")
    purpose = models.CharField(max_length=200, blank=True)
    rights = models.JSONField(default=list)  # names of access.shipped.RIGHTS
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self):
        return self.group.name


class Scope(models.Model):
    """How far one person's rights reach. None is everywhere; an empty list is nowhere.

    `limits`: {"request": {"USD": "1000"}, "approve": {…}}. Without limits any amount; with some, no other unit.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="scope")
    connections = models.JSONField(null=True)  # our ids
    directions = models.JSONField(null=True)
    limits = models.JSONField(default=dict)

    def __str__(self):
        return f"scope of {self.user}"
