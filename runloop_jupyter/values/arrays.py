"""NumPy arrays and scalars as npy, without pickle in either direction."""

from __future__ import annotations

import ast
import math
import struct
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, cast

from runloop_jupyter.errors import DecodeError, InputError, UnsafeValue, UnsupportedValue
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name, type_names
from runloop_jupyter.values.libraries import need

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

_MAGIC: Final = b"\x93NUMPY"
_CHUNK: Final = 8 << 20
_HEADER_LIMIT: Final = 64 << 10
_HEADERS: Final = {(1, 0): ("<H", "latin-1"), (2, 0): ("<I", "latin-1"), (3, 0): ("<I", "utf-8")}
"""Of each version of the format: how the header's length is packed, and its text's encoding."""
_HEAD_ROWS: Final = 5
_HEAD_COLUMNS: Final = 8


class ArrayCodec:
    """``numpy.ndarray`` of any dtype without Python objects, and NumPy scalars."""

    format = "npy"
    kind = "array"
    content_type = "binary"
    suffix = ".npy"
    summary = "numpy arrays and scalars"
    parts = frozenset(["head"])

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        names = type_names(value)
        return "numpy.ndarray" in names or "numpy.generic" in names

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        array = write_npy(value, file, checkpoint)
        facts: dict[str, JSON] = {"shape": list(array.shape), "dtype": str(array.dtype)[:200], "library": "numpy"}
        if array is not value:
            facts["scalar"] = True
        return facts

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the value in `file`; see `Codec.decode`."""
        check_form(wish.form, self.format, ("numpy",))
        need("numpy")
        header = Header.read(file).first(wish.head)
        array = read_items(header, file, checkpoint)
        return array[()] if facts.get("scalar") is True and header.shape == () else array

    def memory(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
        """Return how many bytes `decode` takes; see `memory_for`."""
        need("numpy")
        header = Header.read(file).first(wish.head)
        return math.prod(header.shape) * header.dtype.itemsize

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows without reading `file` whole; see `Codec.peek`."""
        try:
            import numpy as np
        except ImportError:
            return None
        header = Header.read(file)
        kind = str(header.dtype)
        shape = " × ".join(f"{n:,}" for n in header.shape) or "scalar"
        text = f"{kind} {shape}"
        rows = header.shape[0] if header.shape else None
        if len(header.shape) not in (1, 2) or header.fortran or not header.dtype.itemsize:
            return Preview(rows=rows, text=text)
        width = header.shape[1] if len(header.shape) == 2 else 1
        wanted = min(header.shape[0], _HEAD_ROWS)
        names = [str(i) for i in range(min(width, _HEAD_COLUMNS))] if len(header.shape) == 2 else [""]
        columns = [(name, kind) for name in names]
        if wanted * width * header.dtype.itemsize > _CHUNK:
            return Preview(rows=rows, columns=columns, text=text)
        data = file.read(wanted * width * header.dtype.itemsize)
        if len(data) != wanted * width * header.dtype.itemsize:
            raise DecodeError("the stored array ended before its first rows; its bytes are damaged")
        head = np.frombuffer(data, header.dtype).reshape(wanted, width)[:, :_HEAD_COLUMNS]
        return Preview(rows=rows, columns=columns, head=[[f"{cell}"[:80] for cell in row] for row in head], text=text)


def write_npy(value: object, file: IO[bytes], checkpoint: Checkpoint) -> np.ndarray[Any, Any]:
    """Write an array or a NumPy scalar as npy.

    Returns:
        The array that was written: `value` itself, or the 0-d array of a scalar.

    Raises:
        UnsupportedValue: It would not come back equal.
    """
    import numpy as np

    scalar = isinstance(value, np.generic)
    array = np.asarray(value) if scalar else value
    if type(array) is not np.ndarray:
        raise UnsupportedValue(
            f"a {type_name(value)} would come back as a plain array; put np.asarray(x)"
            + (" and its mask" if isinstance(value, np.ma.MaskedArray) else "")
        )
    descr = _descr(array.dtype)
    if scalar and isinstance(value, (str, bytes)) and array[()] != value:
        raise UnsupportedValue(f"this {type_name(value)} ends in NUL, which an array drops; put str(x) or bytes(x)")
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    _write_header(file, {"descr": descr, "fortran_order": fortran, "shape": array.shape})
    if array.size and array.dtype.itemsize:
        _write_items(array, "F" if fortran else "C", file, checkpoint)
    return array


def read_items(header: Header, file: IO[bytes], checkpoint: Checkpoint) -> np.ndarray[Any, Any]:
    """Return the array whose first item `file` stands at.

    Raises:
        DecodeError: It ends too early.
    """
    array = header.empty()
    view = (
        memoryview(cast("Any", array.reshape(-1, order="A").view("u1"))) if array.size and array.dtype.itemsize else b""
    )
    for start in range(0, len(view), _CHUNK):
        part = view[start : start + _CHUNK]
        if _read_into(file, part) != len(part):  # type: ignore[arg-type]
            raise DecodeError("the stored array ended before its last item; its bytes are damaged")
        checkpoint()
    return array


def _descr(dtype: np.dtype[Any]) -> Any:
    """Return `dtype` as the header writes it.

    Raises:
        UnsupportedValue: It holds Python objects, or the header would lose part of it.
    """
    from numpy.lib import format as npy

    if dtype.kind == "T":
        raise UnsupportedValue("an array of numpy's StringDType has no npy form; put x.astype(str)")
    if dtype.hasobject:
        raise UnsupportedValue(
            "an array of Python objects has no stored form; use a numeric dtype (x.astype(float)), or put a list"
        )
    if _has_metadata(dtype):
        raise UnsupportedValue("npy can't keep a dtype's metadata; put x.astype of a dtype without it")
    descr = npy.dtype_to_descr(dtype)
    try:
        same = npy.descr_to_dtype(ast.literal_eval(repr(descr))) == dtype
    except (ValueError, TypeError, SyntaxError):
        same = False
    if not same:
        raise UnsupportedValue(
            f"npy can't keep the dtype {dtype!s:.100}; put x.astype of a plain dtype, or a DataFrame"
        )
    return descr


def _has_metadata(dtype: np.dtype[Any]) -> bool:
    if dtype.metadata:
        return True
    if dtype.subdtype is not None:
        return _has_metadata(dtype.subdtype[0])
    return any(_has_metadata(entry[0]) for entry in (dtype.fields or {}).values())


def _write_header(file: IO[bytes], header: dict[str, Any]) -> None:
    """Write magic, version and header, padded to 64 bytes as the format asks; the lowest version that holds it."""
    text = repr(header)
    for version, (length_format, encoding) in _HEADERS.items():
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        prefix = len(_MAGIC) + 2 + struct.calcsize(length_format)
        data += b" " * (-(prefix + len(data) + 1) % 64) + b"\n"
        if len(data) > _HEADER_LIMIT:
            raise UnsupportedValue("an array with this many fields has no stored form here; put a DataFrame")
        if length_format == "<H" and len(data) > 0xFFFF:
            continue
        file.write(_MAGIC + bytes(version) + struct.pack(length_format, len(data)) + data)
        return
    raise UnsupportedValue("the array's field names are not text that UTF-8 can hold; rename the fields")


def _write_items(array: np.ndarray[Any, Any], order: Any, file: IO[bytes], checkpoint: Checkpoint) -> None:
    import numpy as np

    pieces: Any = np.nditer(
        array,
        flags=["external_loop", "buffered", "zerosize_ok"],
        buffersize=max(_CHUNK // array.dtype.itemsize, 1),
        order=order,
    )
    for piece in pieces:
        file.write(piece.tobytes("C"))
        checkpoint()


def _read_into(file: IO[bytes], part: memoryview) -> int:
    """Fill `part` from `file` as far as it goes; return how far."""
    done = 0
    while done < len(part) and (data := file.read(len(part) - done)):
        part[done : done + len(data)] = data
        done += len(data)
    return done


class Header:
    """What an npy file says of itself, checked against its size before anything is allocated."""

    def __init__(self, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.fortran = fortran
        self.dtype = dtype

    @classmethod
    def read(cls, file: IO[bytes], size: int | None = None) -> Header:
        """Read the header; `file` stands at the first item afterwards.

        Args:
            file: Read from its start.
            size: Of all of it in bytes; None to find out, which seeks.

        Raises:
            DecodeError: Not npy, or its size is not what the header says.
            UnsafeValue: It holds pickled objects.
        """
        from numpy.lib import format as npy

        if size is None:
            size = file.seek(0, 2)
            file.seek(0)
        start = file.read(len(_MAGIC) + 2)
        kind = _HEADERS.get((start[-2], start[-1])) if len(start) == len(_MAGIC) + 2 else None
        if not start.startswith(_MAGIC) or kind is None:
            raise DecodeError("the stored bytes are not an npy array; take them as bytes, or as a path")
        length_format, encoding = kind
        try:
            (length,) = struct.unpack(length_format, file.read(struct.calcsize(length_format)))
            if length > _HEADER_LIMIT:
                raise ValueError("header too long")
            data = file.read(length)
            if len(data) != length:
                raise ValueError("cut off")
            header = ast.literal_eval(data.decode(encoding))
            descr, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
            if type(fortran) is not bool or type(shape) is not tuple:
                raise TypeError("wrong types")
            if not all(type(n) is int and n >= 0 for n in shape):
                raise TypeError("not a shape")
            dtype = npy.descr_to_dtype(descr)
        except (
            ValueError,
            TypeError,
            KeyError,
            SyntaxError,
            RecursionError,
            MemoryError,
            IndexError,
            struct.error,
        ) as error:
            raise DecodeError(
                f"the stored array's header can't be read ({error}); take it as bytes, or a path"
            ) from error
        if dtype.hasobject:
            raise UnsafeValue(
                "the stored array holds pickled objects, and reading them could run code; take it as a path and open it"
                " with numpy.load(allow_pickle=True) if you trust its maker"
            )
        held = size - len(start) - struct.calcsize(length_format) - length
        if (expected := math.prod(shape) * dtype.itemsize) != held:
            raise DecodeError(
                f"the stored array says it holds {expected:,} bytes and holds {held:,}; take it as bytes, or as a path"
            )
        return cls(shape, fortran, dtype)

    def first(self, count: int | None) -> Header:
        """Return the header of the array's first `count` items along its first axis; of all of it for None.

        Raises:
            InputError: They are not at the beginning of the file, or there is no axis.
        """
        if count is None:
            return self
        if not self.shape:
            raise InputError("the stored value is a single number, which has no first items; get it whole")
        if self.fortran and len(self.shape) > 1:
            raise InputError(
                "the stored array is in Fortran order, its first items all over the file; get it whole and slice it"
            )
        return Header((min(count, self.shape[0]), *self.shape[1:]), self.fortran, self.dtype)

    def empty(self) -> np.ndarray[Any, Any]:
        """Return an array for the items, which are whatever memory holds.

        Raises:
            DecodeError: numpy has no such shape.
        """
        import numpy as np

        try:
            return np.empty(self.shape, self.dtype, order="F" if self.fortran else "C")
        except ValueError as error:  # more dimensions than numpy has, or a shape past its limits around a zero
            raise DecodeError(f"the stored array has a shape numpy can't hold ({error})") from error
