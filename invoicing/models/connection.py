import uuid
from urllib.parse import urlsplit

from django.db import models

from invoicing.models.sealing import seal, sealed_anew, unseal
from invoicing.vocabulary import Direction, Environment

SEALED = {"sealed_key": "key", "sealed_write_key": "write key", "sealed_webhook_secret": "webhook"}
"""Column → what its text is sealed for."""


class Connection(models.Model):
    """One account at one provider: where it is, which key opens it, how it is doing."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(
        max_length=32
    )  # a key of the provider registry; no choices, so a new one needs no migration
    name = models.CharField(max_length=64, unique=True)
    base_url = models.CharField(max_length=300)
    environment = models.CharField(max_length=8, choices=Environment, default=Environment.LIVE)
    direction = models.CharField(max_length=12, choices=Direction)
    sealed_key = models.TextField(blank=True)
    key_ending = models.CharField(max_length=4, blank=True)
    sealed_write_key = models.TextField(blank=True)  # where changing calls have a key of their own
    write_key_ending = models.CharField(max_length=4, blank=True)
    sealed_webhook_secret = models.TextField(blank=True)
    facts = models.JSONField(default=dict)  # what the probe found: account name, server generation, what the key may do
    units = models.JSONField(default=dict)  # pricing units by id: {"name", "is_currency"}
    enabled = models.BooleanField(default=True)
    paused_until = models.DateTimeField(null=True)  # set by Retry-After and by repeated trouble; visible, never silent
    pause_reason = models.CharField(max_length=300, blank=True)
    last_success_at = models.DateTimeField(null=True)
    complete_as_of = models.DateTimeField(null=True)  # start of the last run that saw everything
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    @property
    def host(self) -> str:
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    def _bound_to(self, what: str) -> str:
        return f"{what}|{self.public_id}|{self.provider}|{self.host}"

    def set_api_key(self, key: str) -> None:
        self.sealed_key = seal(key, bound_to=self._bound_to("key"))
        self.key_ending = key[-4:] if len(key) >= 12 else ""

    def api_key(self) -> str:
        """The key in the clear. Errors: CannotUnseal, also when the base URL's host is not the one it was entered for."""
        return unseal(self.sealed_key, bound_to=self._bound_to("key")) if self.sealed_key else ""

    def set_write_key(self, key: str) -> None:
        self.sealed_write_key = seal(key, bound_to=self._bound_to("write key")) if key else ""
        self.write_key_ending = key[-4:] if len(key) >= 12 else ""

    def write_key(self) -> str:
        """The key of changing calls: one of its own, else the one that reads. Errors: CannotUnseal."""
        if not self.sealed_write_key:
            return self.api_key()
        return unseal(self.sealed_write_key, bound_to=self._bound_to("write key"))

    def seal_anew(self) -> bool:
        """Seal every secret with the newest key; whether anything changed. The caller saves. Errors: CannotUnseal."""
        before = [getattr(self, field) for field in SEALED]
        for field, what in SEALED.items():
            if getattr(self, field):
                setattr(self, field, sealed_anew(getattr(self, field), bound_to=self._bound_to(what)))
        return before != [getattr(self, field) for field in SEALED]

    def set_webhook_secret(self, secret: str) -> None:
        self.sealed_webhook_secret = seal(secret, bound_to=self._bound_to("webhook")) if secret else ""

    def webhook_secret(self) -> str:
        sealed = self.sealed_webhook_secret
        return unseal(sealed, bound_to=self._bound_to("webhook")) if sealed else ""


class Pace(models.Model):
    """When the next call of a connection may start, so that any number of workers together keep the provider's limit."""

    connection = models.OneToOneField(Connection, models.CASCADE, primary_key=True)
    next_at = models.FloatField(default=0)  # seconds since 1970, advanced by one interval a call
