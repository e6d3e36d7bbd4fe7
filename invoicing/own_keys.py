"""The keys of a desk on one machine: made once, kept in its data folder (mode 0600), read by every later command.

A desk whose database is on another machine gets its keys from its environment: two machines must not each make their own.
"""

import base64
import os
import secrets
from pathlib import Path


def ensure(data: Path) -> None:
    """Add SECRET_KEY, DESK_FIELD_KEYS and DESK_AUDIT_KEYS to data/env where neither it nor the environment has them."""
    path = data / "env"
    data.mkdir(parents=True, exist_ok=True)
    known = path.read_text() if path.exists() else ""
    makers = {
        "SECRET_KEY": lambda: secrets.token_urlsafe(48),
        "DESK_FIELD_KEYS": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
        "DESK_AUDIT_KEYS": lambda: secrets.token_urlsafe(48),
    }
    missing = [name for name in makers if name not in os.environ and f"\n{name}=" not in f"\n{known}"]
    if not missing:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a") as file:
        file.write("".join(f"{name}={makers[name]()}\n" for name in missing))
