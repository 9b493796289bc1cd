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


@dataclass(frozen=True)
class Wish:
    """How a stored value is wanted. The default is all of it, as it was, and without running anybody's code.

    Attributes:
        form: What it is wanted as: ``pandas``, ``polars``, ``arrow``, ``numpy``, ``xarray``, ``torch``, ``image``,
            ``model``, ``text``; None for what it was.
        columns: Only these columns of a table, in this order; None for all.
        head: Only so many rows, lines or items from the beginning; None for all.
        allow_pickle: A pickle may run its code.
        trust: Types that the format doesn't know to be harmless may be rebuilt, which can run their code.
    """

    form: str | None = None
    columns: tuple[str, ...] | None = None
    head: int | None = None
    allow_pickle: bool = False
    trust: bool = False

    @property
    def parts(self) -> set[str]:
        """Which parts are wanted, ``columns`` and ``head``; empty for the whole."""
        return {name for name in ("columns", "head") if getattr(self, name) is not None}


class Codec(Protocol):
    """Turns values into one stored format and back.

    What it stores comes back equal, of the same type; what can't is refused with `UnsupportedValue`, never changed
    in silence. A package adds its own under the entry point group ``runloop_jupyter.codecs``: a class without
    arguments, or an instance.

    Attributes:
        format: The format's name, the word of ``--as``: ``parquet``.
        kind: What a person calls it: ``table``, ``array``, ``dataset``, ``tensor``, ``model``, ``image``, ``json``,
            ``text``, ``bytes``, ``pickle``.
        content_type: A value of `runloop_jupyter.wire.objects.ContentType`.
        suffix: Of a file that holds it: ``.parquet``.
        summary: What goes in, for help: ``DataFrames and Arrow tables``.

    Three more may be there, and are asked for by `parts_of`, `reads_path` and `memory_for`:

        parts: What `decode` can give in part, of ``columns`` and ``head``, reading little more than that.
        reads_path: Whether `decode` wants a file on disk that stays: ``file.name`` is its path.
        memory: A method of `decode`'s first three arguments: about how many bytes its result takes, None if unknown.
    """

    format: str
    kind: str
    content_type: str
    suffix: str
    summary: str

    def accepts(self, value: object) -> bool:
        """Whether `value` is this codec's to store or to refuse. Imports nothing: goes by the names of its types."""

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file` (seekable, empty) and return its facts: rows, columns, short schema, library.

        A fact called ``note`` is a line on what does not come back with the value, or on what getting it needs: whoever
        puts it is shown it.

        Raises:
            UnsupportedValue: It would not come back equal.
        """

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the value in `file` (seekable), as it was asked for.

        Raises:
            InputError: This format can't be given in that form, or a column isn't there.
            DecodeError: The bytes are not of this format.
            MissingLibrary: The form needs a library that isn't installed.
        """

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows of `file` from a few reads of it; None where there is nothing to show.

        Raises:
            DecodeError: The bytes are not of this format.
        """


def parts_of(codec: Codec) -> frozenset[str]:
    """Return what `codec` can give in part: ``columns``, ``head``, both or neither."""
    return frozenset(getattr(codec, "parts", ()))


def reads_path(codec: Codec) -> bool:
    """Whether `codec` reads from a file on disk that stays there."""
    return bool(getattr(codec, "reads_path", False))


def memory_for(codec: Codec, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
    """Return about how many bytes of memory the decoded value takes; None where the codec doesn't say."""
    ask: Callable[[BinaryIO, Mapping[str, JSON], Wish], int | None] | None = getattr(codec, "memory", None)
    return None if ask is None else ask(file, facts, wish)


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
