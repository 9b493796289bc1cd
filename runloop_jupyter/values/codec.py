"""What a codec is: one stored format, and the values that come back equal from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeAlias

from runloop_jupyter.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

Checkpoint: TypeAlias = "Callable[[], None]"
"""Called between batches, several times a second; raises to stop the work."""


def no_checkpoint() -> None:
    """Let the work go on: the checkpoint of whoever doesn't want to stop it."""


@dataclass(frozen=True)
class Preview:
    """What can be shown of a stored value without reading it whole.

    Attributes:
        rows: Number of rows, None where there are none to count.
        columns: Name and type of each column.
        head: The first five rows at most, each cell as short text.
        text: The first lines of a text, or a word on the shape; None for a table.
    """

    rows: int | None = None
    columns: list[tuple[str, str]] = field(default_factory=list)
    head: list[list[str]] = field(default_factory=list)
    text: str | None = None


class Codec(Protocol):
    """Turns values into one stored format and back.

    What it stores comes back equal, of the same type; what can't is refused with `UnsupportedValue`, never changed
    in silence. A package adds its own under the entry point group ``runloop_jupyter.codecs``: a class without
    arguments, or an instance.

    Attributes:
        format: The format's name, the word of ``--as``: ``parquet``.
        kind: What a person calls it: ``table``, ``array``, ``json``, ``text``, ``bytes``, ``pickle``.
        content_type: A value of `runloop_jupyter.wire.objects.ContentType`.
        suffix: Of a file that holds it: ``.parquet``.
        summary: What goes in, for help: ``DataFrames and Arrow tables``.
    """

    format: str
    kind: str
    content_type: str
    suffix: str
    summary: str

    def accepts(self, value: object) -> bool:
        """Whether `value` is this codec's to store or to refuse. Imports nothing: goes by the names of its types."""

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file` and return its facts: rows, columns, short schema, library.

        Raises:
            UnsupportedValue: It would not come back equal.
        """

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], *, form: str | None, checkpoint: Checkpoint) -> object:
        """Return the value in `file` (seekable), in the `form` that was asked for.

        Raises:
            InputError: This format can't be given in that form.
            DecodeError: The bytes are not of this format.
            MissingLibrary: The form needs a library that isn't installed.
        """

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows of `file` from a few reads of it; None where there is nothing to show.

        Raises:
            DecodeError: The bytes are not of this format.
        """


def check_form(form: str | None, format: str, forms: Iterable[str]) -> None:
    """Refuse a `form` that `format` can't be given in. A format's own name is always one.

    Raises:
        InputError: Names the forms there are.
    """
    allowed = [*forms, "bytes", "path"]
    if form is not None and form != format and form not in allowed:
        raise InputError(f"a stored {format} can't be given as {form!r}; it can as {', '.join(allowed)}")


def type_names(value: object) -> list[str]:
    """Return the full names of `value`'s class and its bases, nearest first: ``pandas.DataFrame``.

    Private modules inside a package are left out (``pandas.core.frame.DataFrame`` is ``pandas.DataFrame``), for
    they move between releases.
    """
    return [f"{cls.__module__.partition('.')[0]}.{cls.__qualname__}" for cls in type(value).__mro__]


def type_name(value: object) -> str:
    """Return the name of `value`'s class as its user writes it: ``pandas.DataFrame``, ``dict``."""
    name = type_names(value)[0]
    return name.removeprefix("builtins.")
