"""A string that must not be seen: keys and presigned URLs."""

from __future__ import annotations

from typing import Final, NoReturn

MASK: Final = "•••"


class Secret:
    """Holds a string that can be revealed on purpose and in no other way.

    Printing, formatting and logging show a mask; pickling is an error, for a pickle travels further than its
    maker knows. ``copy.copy`` gives the same object back.

    Example:
        >>> key = Secret("rl_live_4242")
        >>> print(f"key: {key}", [key])
        key: ••• [Secret(•••)]
        >>> key.reveal()
        'rl_live_4242'
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string itself. Hand it to the wire, never to a name that lives long."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # 5 ms with all it needs, and loading the extension compares nothing

        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret can't be pickled; open the store again where it is needed")
