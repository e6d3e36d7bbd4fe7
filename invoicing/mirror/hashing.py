"""The two hashes by which a sync knows that nothing changed."""

from hashlib import blake2b
from typing import Any

import msgspec

_canonical = msgspec.json.Encoder(decimal_format="number", order="sorted")


def of_bytes(record: bytes) -> bytes:
    """Of a list record as it was sent: equal means that nothing needs to be read."""
    return blake2b(record, digest_size=16).digest()


def of_content(canonical: Any) -> bytes:
    """Of a payload without what changes though the invoice does not, keys in one order, numbers with their very digits."""
    return of_bytes(_canonical.encode(canonical))
