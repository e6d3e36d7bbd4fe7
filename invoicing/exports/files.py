"""Where files lie until they expire: one folder, names nobody can guess, never reached by a path from outside."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from invoicing.models import Export

ENDINGS = {
    Export.Format.CSV: "csv",
    Export.Format.XLSX: "xlsx",
    Export.Format.JSONL: "jsonl",
    Export.Format.PDF_ZIP: "zip",
    Export.Format.PDF_MERGED: "pdf",
    Export.Format.EVIDENCE: "zip",
}
UNFINISHED = ".part"
DAY = 86_400


class Written:
    """A file under way, and what came of it."""

    def __init__(self, path: Path, out: BinaryIO):
        self.path, self.out, self.size, self.sha256 = path, out, 0, ""


def folder() -> Path:
    place = Path(settings.DESK_EXPORTS)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place


def path_of(export: Export) -> Path:
    """Errors: FileNotFoundError where there is none."""
    if not export.file or "/" in export.file:
        raise FileNotFoundError(export.pk)
    return folder() / export.file


@contextmanager
def writing(export: Export) -> Iterator[Written]:
    """A new file for the export, there under its name only once it is whole; nothing is left of one that failed."""
    name = f"{secrets.token_urlsafe(24)}.{ENDINGS[Export.Format(export.format)]}"
    path = folder() / (name + UNFINISHED)
    try:
        with path.open("xb") as out:
            written = Written(folder() / name, out)
            yield written
            out.flush()
        with path.open("rb") as whole:
            written.sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
        written.size = path.stat().st_size
        path.rename(written.path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def remove(export: Export) -> None:
    if export.file:
        path_of(export).unlink(missing_ok=True)


def sweep(known: set[str]) -> int:
    """Removes what no export knows and nobody is writing any more; how many files."""
    removed, now = 0, time.time()
    for path in folder().iterdir():
        if path.name not in known and now - path.stat().st_mtime > DAY:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
