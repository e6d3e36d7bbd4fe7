"""Addresses of a list: the one shown, with something else about it."""

from urllib.parse import urlencode

from django.http import QueryDict

MARKS = ("after", "before", "exact", "jump", "arrange", "col", "move")
"""Where in a list one is, or how it was asked: dropped as soon as anything else changes."""
LOOK = ("sort", "order", "rows", "columns", "group", "density")
"""How a list is shown, whatever is listed."""
EVERYTHING = "all"
"""As the name of a view: none, where a bare address would open one."""


class Here:
    """A list's path and its filters, from which every link of the page is made."""

    def __init__(self, path: str, query: QueryDict, *, opens_view: bool = False):
        """`opens_view`: the bare path leads to somebody's default view, so that the list without filters needs a name."""
        self.path, self.opens_view = path, opens_view
        self.filters = {name: [v for v in values if v.strip()] for name, values in query.lists() if name not in MARKS}

    def but(self, **changes: str | list[str] | None) -> str:
        """The same list with these parameters changed; None removes one."""
        wanted = self.filters | {
            name: [value] if isinstance(value, str) else value or [] for name, value in changes.items()
        }
        query = urlencode([(name, value) for name, values in wanted.items() for value in values])
        if not query and self.opens_view:
            query = urlencode({"view": EVERYTHING})
        return f"{self.path}?{query}" if query else self.path

    def only(self, *kept: str, **filters: str | list[str] | None) -> str:
        """The list with these filters and, of the present ones, only `kept`."""
        dropped = {name: None for name in self.filters if name not in kept}
        return self.but(**(dropped | filters))

    def hidden(self, *shown: str) -> list[tuple[str, str]]:
        """What a form with the fields `shown` has to carry along."""
        return [(name, value) for name, values in self.filters.items() if name not in shown for value in values]
