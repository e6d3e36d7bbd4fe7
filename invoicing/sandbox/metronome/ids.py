"""UUIDs that can be read back: the number of a customer, contract or invoice is inside, so no table of ids is kept."""

USD = "2714e483-4ff1-48e4-9e25-ac732e8f24f2"  # the same in every account; the other units' ids are the account's own
NO_UNIT = "00000000-0000-0000-0000-000000000000"  # balances counted in quantities have no unit


class Ids:
    """Ids of one account; they depend on the seed, the kind and the number alone."""

    def __init__(self, world, name: str):
        self.world = world
        self.name = name

    def of(self, kind: str, number: int) -> str:
        """The id of the `number`th thing of a kind."""
        digits = self.world.hex(24, self.name, kind, number)
        hidden = number ^ self._mask(kind)
        variant = "89ab"[int(digits[16], 16) % 4]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}{hidden:08x}"

    def number(self, kind: str, text: str) -> int | None:
        """The number inside an id; None when it is not one of ours."""
        try:
            number = int(text[-8:], 16) ^ self._mask(kind)
        except (ValueError, TypeError):
            return None
        return number if self.of(kind, number) == text.lower() else None

    def _mask(self, kind: str) -> int:
        return int(self.world.hex(8, self.name, kind, "mask"), 16)
