"""Which of our invoices a run met: a bit an id, so that a million of them fit in 125 kB."""

import array
from collections.abc import Iterable

from invoicing.models import SeenPage, SyncRun


class Seen:
    def __init__(self):
        self.bits = bytearray()
        self.count = 0
        self.strangers: set[str] = set()  # records that are nobody's row, by external id
        self.told = 0  # how many the provider says there are, at most

    def __contains__(self, identity: int) -> bool:
        place = identity >> 3
        return place < len(self.bits) and bool(self.bits[place] & (1 << (identity & 7)))

    def __len__(self) -> int:
        return self.count + len(self.strangers)

    def add(self, identities: Iterable[int], strangers: Iterable[str] = ()) -> None:
        for identity in identities:
            if identity in self:
                continue
            place = identity >> 3
            if place >= len(self.bits):
                self.bits.extend(bytes(place + 1 - len(self.bits) + 4096))
            self.bits[place] |= 1 << (identity & 7)
            self.count += 1
        self.strangers |= set(strangers)

    def news(self, identities: Iterable[int], strangers: Iterable[str] = ()) -> int:
        """How many of these were not met before."""
        return len({i for i in identities if i not in self}) + len(set(strangers) - self.strangers)


def packed(identities: Iterable[int]) -> bytes:
    return array.array("q", identities).tobytes()


def of_run(run: SyncRun, slice_key: str | None = None) -> Seen:
    """What a run, or one slice of it, met before it was taken over."""
    pages = SeenPage.objects.filter(run=run)
    if slice_key is not None:
        pages = pages.filter(slice_key=slice_key)
    seen = Seen()
    for number, (ids, unreadable) in enumerate(pages.values_list("ids", "unreadable").iterator()):
        stored = array.array("q")
        stored.frombytes(bytes(ids))
        seen.add(stored, (f"{number}:{each}" for each in range(unreadable)))
    return seen
