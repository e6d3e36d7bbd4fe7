"""A PDF file, written object by object: the least of the format that pages of text and rules need.

There is no clock and no chance in it: the same objects give the same bytes. What many files begin with (the two fonts of
every document) is written once and continued.
"""

import hashlib
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


@dataclass
class PdfFile:
    """Objects are numbered from 1 in the order they are put or reserved."""

    parts: list[bytes] = field(default_factory=lambda: [HEADER])
    size: int = len(HEADER)
    offsets: list[int] = field(default_factory=list)

    def continued(self) -> "PdfFile":
        """A file that begins as this one does. This one stays as it is."""
        return PdfFile([b"".join(self.parts)], self.size, list(self.offsets))

    def reserve(self) -> int:
        """A number for an object that others point to before it can be written."""
        self.offsets.append(0)
        return len(self.offsets)

    def put(self, body: bytes, number: int = 0) -> int:
        number = number or self.reserve()
        self.offsets[number - 1] = self.size
        data = b"%d 0 obj\n%b\nendobj\n" % (number, body)
        self.parts.append(data)
        self.size += len(data)
        return number

    def stream(self, data: bytes, entries: bytes = b"") -> int:
        packed = zlib.compress(data, 6)
        return self.put(
            b"<</Filter/FlateDecode/Length %d%b>>\nstream\n%b\nendstream" % (len(packed), entries, packed),
        )

    def closed(self, *, root: int, info: int) -> bytes:
        """The whole file, with its table of objects and an identity made of its content."""
        digest = hashlib.sha256()
        for part in self.parts:
            digest.update(part)
        identity = digest.hexdigest()[:32].encode()
        table = b"".join(b"%010d 00000 n \n" % offset for offset in self.offsets)
        tail = b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<</Size %d/Root %d 0 R/Info %d 0 R/ID[<%b><%b>]>>\n" % (
            *(len(self.offsets) + 1, table, len(self.offsets) + 1, root, info),
            *(identity, identity),
        )
        return b"".join((*self.parts, tail, b"startxref\n%d\n%%%%EOF\n" % self.size))


def text_string(text: str) -> bytes:
    """A string of the file's own information (title, author), in hexadecimal UTF-16: nothing in it can end it."""
    return b"<%b>" % ("\ufeff" + text).encode("utf-16-be", "replace").hex().encode()


def date_string(moment: datetime) -> bytes:
    return moment.astimezone(UTC).strftime("(D:%Y%m%d%H%M%SZ)").encode()
