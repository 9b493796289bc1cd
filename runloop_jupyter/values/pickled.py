"""Pickle: for values with no other stored form, by an explicit flag both ways."""

from __future__ import annotations

import pickle
import platform
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, RunloopError, UnsupportedValue
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOCOL: Final = 5


class _Checked:
    """A file that looks at the checkpoint whenever the pickler reads or writes."""

    def __init__(self, file: BinaryIO, checkpoint: Checkpoint) -> None:
        self._file = file
        self._checkpoint = checkpoint

    def write(self, data: bytes) -> int:
        self._checkpoint()
        return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        self._checkpoint()
        return self._file.read(size)

    def readline(self) -> bytes:
        self._checkpoint()
        return self._file.readline()


class PickleCodec:
    """Anything that pickles. Takes no value by itself: only on ``pickle=True``."""

    format = "pickle"
    kind = "pickle"
    content_type = "binary"
    suffix = ".pkl"
    summary = "anything else, with --pickle (and --allow-pickle to get it back)"

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        return False

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        try:
            pickle.Pickler(_Checked(file, checkpoint), protocol=PROTOCOL).dump(value)
        except (RunloopError, OSError, MemoryError):
            raise
        except Exception as error:
            raise UnsupportedValue(
                f"a {type_name(value)} can't be pickled ({error}); save it with its own library and put the path"
            ) from error
        return {"type": type_name(value), "python": platform.python_version(), "protocol": PROTOCOL}

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Unpickle: this runs whatever code the bytes name. The registry asks for ``allow_pickle`` first."""
        check_form(wish.form, self.format, ())
        file.seek(0)
        try:
            return pickle.Unpickler(_Checked(file, checkpoint)).load()  # noqa: S301 - asked for by name
        except (RunloopError, OSError, MemoryError):
            raise
        except Exception as error:
            raise DecodeError(
                f"the pickle of a {facts.get('type', 'value')} can't be read here ({type(error).__name__}: {error});"
                f" it was made with Python {facts.get('python', '?')} and may need the libraries of its maker"
            ) from error

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows without reading `file` whole; see `Codec.peek`."""
        return None
