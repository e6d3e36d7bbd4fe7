"""Lists whose records can be large: a page that is too big is asked for again in smaller portions."""

from collections.abc import Callable

from invoicing.providers.base import Page
from invoicing.providers.errors import TooLarge


def shrinking(read: Callable[[int], Page], size: int) -> Page:
    """The page of `size` records, or of a quarter as many until it fits. Errors: TooLarge, when one record alone does not."""
    while True:
        try:
            return read(size)
        except TooLarge:
            if size == 1:
                raise
            size = max(1, size // 4)
