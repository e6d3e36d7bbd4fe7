"""Loaded before anything of Django: tests have a data folder of their own and keys that seal nothing real."""

import atexit
import os
import shutil
import tempfile

_own = tempfile.mkdtemp(prefix="desk-tests-")
atexit.register(shutil.rmtree, _own, ignore_errors=True)
os.environ["DESK_DATA"] = _own
os.environ["DESK_FIELD_KEYS"] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # any 32 bytes
os.environ["DESK_AUDIT_KEYS"] = "a key that seals nothing real, long enough"
os.environ["DESK_ALLOW_PRIVATE_HOSTS"] = "true"
os.environ["CACHE_URL"] = "locmemcache://"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop runs beside Django's synchronous code
