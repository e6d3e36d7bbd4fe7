"""Orb's ids: sixteen URL-safe characters, computed from the seed and what they name."""

import hashlib
from base64 import b64encode
from collections.abc import Callable

Identify = Callable[..., str]


def identifier(seed: int) -> Identify:
    """A function from any key to its id; the same seed gives the same ids."""

    def identify(*key) -> str:
        digest = hashlib.sha256(f"{seed}:orb:{':'.join(map(str, key))}".encode()).digest()
        return b64encode(digest[:12], b"xy").decode()

    return identify
