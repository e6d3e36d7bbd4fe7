"""Provider keys at rest: AES-256-GCM, bound to the row and host they were entered for.

The key id stands in front of the ciphertext, so keys rotate one value at a time. Settings: DESK_FIELD_KEYS, newest first.
"""

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class CannotUnseal(Exception):
    """The sealed value does not open: wrong key, or a ciphertext that belongs to another row or host."""


def new_key() -> str:
    return base64.b64encode(AESGCM.generate_key(256)).decode()


def _keys() -> dict[bytes, AESGCM]:
    if not settings.DESK_FIELD_KEYS:
        raise ImproperlyConfigured("DESK_FIELD_KEYS is not set: provider keys cannot be sealed or opened.")
    keys = {}
    for text in settings.DESK_FIELD_KEYS:
        raw = _key_bytes(text)
        keys[hashlib.sha256(raw).digest()[:4]] = AESGCM(raw)
    return keys


def _key_bytes(text: str) -> bytes:
    """32 bytes from base64 of either alphabet; any other text of 32 characters or more is hashed to them."""
    try:
        raw = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) == 32:
        return raw
    if len(text) < 32:
        raise ImproperlyConfigured("A key in DESK_FIELD_KEYS is too short: base64 of 32 bytes is wanted.")
    return hashlib.sha256(text.encode()).digest()


def sealed_anew(sealed: str, *, bound_to: str) -> str:
    """The same text under the newest key; the value as it is where that seals it already. Errors: CannotUnseal."""
    newest = next(iter(_keys()))
    return (
        sealed if base64.b64decode(sealed)[:4] == newest else seal(unseal(sealed, bound_to=bound_to), bound_to=bound_to)
    )


def seal(plain: str, *, bound_to: str) -> str:
    """The sealed text. `bound_to` names row, provider and host; it must be given again to open."""
    key_id, cipher = next(iter(_keys().items()))
    nonce = os.urandom(12)
    return base64.b64encode(key_id + nonce + cipher.encrypt(nonce, plain.encode(), bound_to.encode())).decode()


def unseal(sealed: str, *, bound_to: str) -> str:
    """Errors: CannotUnseal."""
    raw = base64.b64decode(sealed)
    key_id, nonce, ciphertext = raw[:4], raw[4:16], raw[16:]
    cipher = _keys().get(key_id)
    if cipher is None:
        raise CannotUnseal("This value was sealed with a key that DESK_FIELD_KEYS no longer holds.")
    try:
        return cipher.decrypt(nonce, ciphertext, bound_to.encode()).decode()
    except InvalidTag as error:
        raise CannotUnseal("This sealed value belongs to another connection or host.") from error
