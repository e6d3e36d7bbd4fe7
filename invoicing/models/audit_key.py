"""The key of the audit trail, apart from every other: seals on entries, signatures on checkpoints and evidence.

Setting: DESK_AUDIT_KEYS, newest first; older ones still vouch for what they signed.
"""

import hashlib
import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


class NoKey(Exception):
    """Nothing can be signed: DESK_AUDIT_KEYS is not set."""


def seal(digest: str) -> str:
    """What whoever writes into the database without the key cannot make. Empty where there is no key."""
    keys = settings.DESK_AUDIT_KEYS
    return _sealed(keys[0], digest) if keys else ""


def is_sealed(digest: str, sealed: str) -> bool:
    return any(hmac.compare_digest(_sealed(key, digest), sealed) for key in settings.DESK_AUDIT_KEYS)


def sign(message: bytes) -> tuple[str, str]:
    """Public key and signature (Ed25519), both in hex. Errors: NoKey."""
    if not settings.DESK_AUDIT_KEYS:
        raise NoKey("DESK_AUDIT_KEYS is not set, so nothing can be signed.")
    private = _private(settings.DESK_AUDIT_KEYS[0])
    return _public(private), private.sign(message).hex()


def public_keys() -> list[str]:
    """Ours in hex, newest first. Who has one can check what we signed, and cannot sign."""
    return [_public(_private(key)) for key in settings.DESK_AUDIT_KEYS]


def is_signed(message: bytes, public: str, signature: str) -> bool:
    """Whether one of our keys signed it."""
    if public not in public_keys():
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), message)
    except (ValueError, InvalidSignature):
        return False
    return True


def _sealed(key: str, digest: str) -> str:
    return hmac.digest(_derived(key, b"seal"), digest.encode(), "sha256").hex()


@lru_cache(maxsize=8)
def _derived(key: str, use: bytes) -> bytes:
    return hmac.digest(key.encode(), b"invoice desk audit " + use, hashlib.sha256)


def _private(key: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_derived(key, b"signature"))


def _public(private: Ed25519PrivateKey) -> str:
    return private.public_key().public_bytes_raw().hex()
