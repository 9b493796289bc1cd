"""Text and bytes: stored as they are."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, UnsupportedValue
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHUNK: Final = 4 << 20
"""Characters or bytes handled between two checkpoints."""
_LINES_BYTES: Final = 64 << 10
_HEAD_BYTES: Final = 4096
_HEAD_LINES: Final = 20


def chunks(file: BinaryIO, checkpoint: Checkpoint) -> Iterator[bytes]:
    """Read `file` from its start, a checkpoint after each piece."""
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield chunk
        checkpoint()


def read_all(file: BinaryIO, checkpoint: Checkpoint) -> bytes:
    """Return all of `file`."""
    whole = io.BytesIO()
    for chunk in chunks(file, checkpoint):
        whole.write(chunk)
    return whole.getvalue()


def read_text(file: BinaryIO, what: str, checkpoint: Checkpoint) -> str:
    """Return all of `file` as the UTF-8 text it is; line ends are kept.

    Raises:
        DecodeError: It is not UTF-8. The message begins with `what` and gives the place.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    whole = io.StringIO(newline="")
    begun = 0
    try:
        for chunk in chunks(file, checkpoint):
            held = len(decoder.getstate()[0])
            begun -= held
            whole.write(decoder.decode(chunk))
            begun += held + len(chunk)
        whole.write(decoder.decode(b"", final=True))
    except UnicodeDecodeError as error:
        raise DecodeError(
            f"{what} is not UTF-8 (byte {begun + error.start:,}); take it as bytes, or as a path"
        ) from error
    return whole.getvalue()


def read_lines(file: BinaryIO, count: int, what: str, checkpoint: Checkpoint) -> str:
    """Return the first `count` lines of `file` with their ends, and read little more than that.

    Raises:
        DecodeError: They are not UTF-8. The message begins with `what` and gives the place.
    """
    file.seek(0)
    whole = bytearray()
    size = _LINES_BYTES
    while count and (chunk := file.read(size)):
        here = chunk.count(b"\n")
        if here >= count:
            end = -1
            for _ in range(count):
                end = chunk.index(b"\n", end + 1)
            chunk, here = chunk[: end + 1], count
        whole += chunk
        count -= here
        size = min(size * 2, CHUNK)
        checkpoint()
    return read_text(io.BytesIO(whole), what, checkpoint)


def text_memory(file: BinaryIO, head: int | None) -> int:
    """Return about how many bytes `read_text` or `read_lines` takes at its peak."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    sample = file.read(_LINES_BYTES)
    if head is not None and sample:
        size = min(size, head * (len(sample) // max(sample.count(b"\n"), 1) + 1))
    # a str keeps 1, 2 or 4 bytes a character, by its widest; while it grows it is there twice
    return size * 2 if sample.isascii() else size * 5


def head_text(file: BinaryIO) -> str | None:
    """Return the first lines of `file`, or None where they are not text."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    try:
        text = codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return None
    return "\n".join(text.splitlines()[:_HEAD_LINES])


class TextCodec:
    """``str`` as UTF-8, exactly: no byte order mark, line ends as they are."""

    format = "text"
    kind = "text"
    content_type = "text"
    suffix = ".txt"
    summary = "str, as UTF-8"
    parts = frozenset(["head"])

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        return type(value) is str

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        if not isinstance(value, str):
            raise UnsupportedValue(f"a {type_name(value)} is not text; put str(value)")
        lines = 0
        for start in range(0, len(value), CHUNK):
            part = value[start : start + CHUNK]
            try:
                file.write(part.encode())
            except UnicodeEncodeError as error:
                raise UnsupportedValue(
                    f"character {start + error.start:,} of the text is a lone surrogate ({part[error.start]!r}), which"
                    f" UTF-8 can't hold; put text.encode('utf-8', 'surrogatepass') as bytes, or mend the text"
                ) from error
            lines += part.count("\n")
            checkpoint()
        return {"characters": len(value), "lines": lines + (not value.endswith("\n") and value != "")}

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the value in `file`; see `Codec.decode`."""
        check_form(wish.form, self.format, ())
        if wish.head is not None:
            return read_lines(file, wish.head, "the stored text", checkpoint)
        return read_text(file, "the stored text", checkpoint)

    def memory(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
        """Return about how many bytes `decode` takes at its peak; see `memory_for`."""
        return text_memory(file, wish.head)

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows without reading `file` whole; see `Codec.peek`."""
        text = head_text(file)
        return None if text is None else Preview(text=text)


class BytesCodec:
    """``bytes``, ``bytearray`` and ``memoryview`` as they are. All three come back as ``bytes``."""

    format = "bytes"
    kind = "bytes"
    content_type = "binary"
    suffix = ".bin"
    summary = "bytes, bytearray, memoryview (come back as bytes)"

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        return type(value) in (bytes, bytearray, memoryview)

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise UnsupportedValue(f"a {type_name(value)} is not bytes; put bytes(value)")
        view = memoryview(value)
        if not view.c_contiguous:
            raise UnsupportedValue("this memoryview has gaps or another order; put value.tobytes()")
        if view.nbytes:  # a view with a zero in its shape can't be cast
            view = view.cast("B")
            for start in range(0, view.nbytes, CHUNK):
                file.write(view[start : start + CHUNK])
                checkpoint()
        return {"bytes": view.nbytes}

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the value in `file`; see `Codec.decode`."""
        check_form(wish.form, self.format, ("text",))
        return read_text(file, "the stored value", checkpoint) if wish.form == "text" else read_all(file, checkpoint)

    def memory(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
        """Return about how many bytes `decode` takes at its peak; see `memory_for`."""
        return text_memory(file, None) if wish.form == "text" else file.seek(0, io.SEEK_END) * 5 // 4

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows without reading `file` whole; see `Codec.peek`."""
        return None
