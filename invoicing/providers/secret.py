"""A key or webhook secret that cannot be printed, logged, compared in variable time or pickled by accident."""

import hmac


class Secret:
    """Shown masked everywhere; `reveal()` is called only where the text goes onto the wire or into a seal."""

    __slots__ = ("_text",)

    def __init__(self, text: str):
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('********')"

    def __str__(self) -> str:
        return "********"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a set or dict of secrets has no use here

    def __reduce__(self):
        raise TypeError("A secret is not pickled.")
