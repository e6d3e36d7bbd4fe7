"""Every sealed secret under the newest key of DESK_FIELD_KEYS, so that the older ones can be taken out."""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db import transaction

from invoicing.models import AuditEntry, Connection
from invoicing.models.connection import SEALED
from invoicing.models.sealing import CannotUnseal, sealed_anew

SECOND_FACTOR = "second factor"
"""What secrets of second factors are sealed for."""
IN_FACTORS = ("secret", "seed")
"""The names under which a second factor's data holds a sealed text."""


@dataclass(slots=True)
class Rotation:
    """What a rotation did. `shut`: what opens with none of the keys."""

    connections: int = 0
    factors: int = 0
    shut: tuple[str, ...] = ()


def rotate() -> Rotation:
    """Seal all anew, a row at a time, while everything goes on: until it is done either key opens what it sealed."""
    done, shut = Rotation(), []
    for pk, name in Connection.objects.values_list("pk", "name"):
        with transaction.atomic():
            connection = Connection.objects.select_for_update().get(pk=pk)
            try:
                if connection.seal_anew():
                    connection.save(update_fields=list(SEALED))
                    done.connections += 1
            except CannotUnseal:
                shut.append(name)
    for pk in Authenticator.objects.values_list("pk", flat=True):
        with transaction.atomic():
            factor = Authenticator.objects.select_for_update().select_related("user").get(pk=pk)
            try:
                if _seal_anew(factor):
                    factor.save(update_fields=["data"])
                    done.factors += 1
            except CannotUnseal:
                shut.append(f"{factor.get_type_display()} of {factor.user}")
    done.shut = tuple(shut)
    AuditEntry.objects.record("keys.rotated", connections=done.connections, factors=done.factors, shut=shut)
    return done


def _seal_anew(factor: Authenticator) -> bool:
    before = dict(factor.data)
    for name in IN_FACTORS:
        if isinstance(factor.data.get(name), str):
            factor.data[name] = sealed_anew(factor.data[name], bound_to=SECOND_FACTOR)
    return factor.data != before
