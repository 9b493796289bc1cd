"""xarray Datasets and DataArrays as NetCDF 4, lazy when they come back."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, MissingLibrary, RunloopError, UnsupportedValue
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name, type_names
from runloop_jupyter.values.libraries import need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENGINE: Final = "h5netcdf"
_KEPT: Final = ("zlib", "complevel", "shuffle", "compression", "compression_opts")
"""What stays of a variable's encoding: how it is compressed. Packing and fill values would round what was changed
since, and chunks may not fit any more."""
_PIECE: Final = 8 << 20
_DIMENSIONS_SAID: Final = 6
_TEXTS_SAID: Final = 300  # characters
_UNITS: Final = ("s", "ms", "us", "ns")
_ADVICE: Final = {
    "xarray.DataTree": "put each node's .to_dataset() by itself",
    "xarray.Variable": "put xarray.DataArray(variable)",
}
_ELSEWHERE: Final = "the stored dataset points at other files of this computer, and was not opened; take it as a path"


class NetcdfCodec:
    """``xarray.Dataset`` and ``xarray.DataArray``, equal by `xarray.testing.assert_identical`.

    Encodings, which say how a file was packed and not what is in it, are not kept, but for the compression.
    """

    format = "netcdf"
    kind = "dataset"
    content_type = "binary"
    suffix = ".nc"
    summary = "xarray Datasets and DataArrays"
    reads_path = True

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        return not {"xarray.Dataset", "xarray.DataArray", *_ADVICE}.isdisjoint(type_names(value))

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        from runloop_jupyter.values import netcdf_check

        _need()
        kind = type_name(value)
        if kind not in ("xarray.Dataset", "xarray.DataArray"):
            known = next((name for name in type_names(value) if name in _ADVICE), None)
            raise UnsupportedValue(
                f"a {kind} can't be stored as it is; "
                + (_ADVICE[known] if known else "it is a subclass; put the Dataset or DataArray in it")
            )
        given: Any = value
        netcdf_check.check_types(given)
        unit = netcdf_check.time_unit(given)
        texts = netcdf_check.texts(given)
        if sum(map(len, texts)) > _TEXTS_SAID:
            raise UnsupportedValue("it has too many variables of Python text (dtype object); use .astype(str)")
        _write(given, file, checkpoint)
        with netcdf_check.quiet(), _opened(file, kind == "xarray.DataArray", unit) as back:
            netcdf_check.check(given, netcdf_check.with_texts(back, texts), checkpoint)
        file.seek(0, os.SEEK_END)
        facts: dict[str, JSON] = {"type": kind.partition(".")[2], "library": "xarray"}
        if kind == "xarray.DataArray":
            facts["dtype"] = str(given.dtype)
        else:
            facts["variables"] = len(given.data_vars)
        facts["dims"] = {str(name)[:40]: int(size) for name, size in islice(given.sizes.items(), _DIMENSIONS_SAID)}
        if unit is not None:
            facts["time_unit"] = unit
        if texts:
            facts["texts"] = [*texts]
        return facts

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the dataset in `file`, its values read when they are asked for, where `file` has a path."""
        check_form(wish.form, self.format, ("xarray",))
        _need()
        from runloop_jupyter.values import netcdf_check

        path = getattr(file, "name", None)
        source: Any = path if isinstance(path, str | os.PathLike) else file
        _check_links(file)
        checkpoint()
        unit = facts.get("time_unit")
        try:
            back = _open(source, facts.get("type") == "DataArray", unit if unit in _UNITS else None)
            back = netcdf_check.with_texts(back, facts.get("texts"))
            if source is file:
                with back:
                    return back.load()
        except (RunloopError, OSError, MemoryError) as error:
            if isinstance(error, OSError) and error.errno is None:  # HDF5's own, of a damaged file
                raise _damaged(error) from error
            raise
        except Exception as error:
            raise _damaged(error) from error
        return back

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return variables and dimensions; their values are not read."""
        try:
            h5netcdf = need(_ENGINE)
            need("h5py")
        except MissingLibrary:
            return None
        file.seek(0)
        try:
            # Of HDF5 that isn't NetCDF the dimensions have no names.
            with h5netcdf.File(file, "r", phony_dims="access") as opened:
                columns = [
                    (name, " ".join([str(each.dtype), " × ".join(each.dimensions)]).strip())
                    for name, each in opened.variables.items()
                ]
                dimensions = " × ".join(f"{name} {len(each):,}" for name, each in opened.dimensions.items())
        except Exception as error:
            raise _damaged(error) from error
        return Preview(columns=columns, text=dimensions or "no dimensions")


def _need() -> None:
    for name in ("xarray", _ENGINE, "h5py"):
        need(name, "or --as path")


def _damaged(error: Exception) -> DecodeError:
    return DecodeError(f"the stored bytes can't be opened as NetCDF 4 ({error}); take them as bytes, or as a path")


def _write(value: Any, file: BinaryIO, checkpoint: Checkpoint) -> None:
    from runloop_jupyter.values import netcdf_check

    spool = _Spool(file, checkpoint)
    encoding = {
        name: {key: each.encoding[key] for key in _KEPT if key in each.encoding}
        for name, each in getattr(value, "variables", value.coords).items()
    }
    bare = value.drop_encoding()
    for name, kept in encoding.items():
        bare[name].encoding.update(kept)
    try:
        with netcdf_check.quiet():
            bare.to_netcdf(spool, engine=_ENGINE, format="NETCDF4")
    except (RunloopError, OSError, MemoryError):
        raise
    except NotImplementedError as error:
        raise UnsupportedValue(f"NetCDF can't hold this as it is: {error}") from error
    except Exception as error:
        raise UnsupportedValue(
            f"NetCDF can't hold this ({error}); rename it, or change its type, or leave it out"
        ) from error
    spool.raise_trouble()


class _Spool:
    """The file as HDF5 writes to it: a large write in pieces, with a checkpoint after each.

    An error must not reach HDF5, which would crash the process on closing its half-made file (h5py 3.16): it is kept
    until the file is closed, and what comes in between is thrown away.
    """

    def __init__(self, file: BinaryIO, checkpoint: Checkpoint) -> None:
        self._file = file
        self._checkpoint = checkpoint
        self._trouble: BaseException | None = None

    def raise_trouble(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    def write(self, data: bytes) -> int:
        view = memoryview(data).cast("B")
        try:
            for start in range(0, 0 if self._trouble else len(view), _PIECE):
                self._file.write(view[start : start + _PIECE])
                self._checkpoint()
        except BaseException as error:
            self._trouble = error
        return len(view)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def readinto(self, buffer: bytearray) -> int:
        done: int = self._file.readinto(buffer)  # type: ignore[attr-defined]
        return done

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        if self._trouble:
            return 0
        try:
            return self._file.truncate(size)
        except OSError as error:
            self._trouble = error
            return 0

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self._trouble = self._trouble or error


@contextmanager
def _opened(file: BinaryIO, array: bool, unit: str | None) -> Iterator[Any]:
    file.seek(0)
    back = _open(file, array, unit)
    try:
        yield back
    finally:
        back.close()


def _open(source: Any, array: bool, unit: str | None) -> Any:
    xr = need("xarray")
    options: dict[str, Any] = {"engine": _ENGINE}
    if unit is not None:
        options["decode_times"] = xr.coders.CFDatetimeCoder(time_unit=unit)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (xr.open_dataarray if array else xr.open_dataset)(source, **options)


def _check_links(file: BinaryIO) -> None:
    """Refuse HDF5 whose members lie in other files: reading it would read whatever file its maker named.

    Raises:
        DecodeError: It does, or is no HDF5.
    """
    h5py = need("h5py")
    file.seek(0)
    try:
        with h5py.File(file, "r") as opened:
            for name in opened:
                if isinstance(opened.get(name, getlink=True), h5py.ExternalLink):
                    raise DecodeError(_ELSEWHERE)
                each = opened.get(name)
                if isinstance(each, h5py.Dataset) and (each.external or each.is_virtual):
                    raise DecodeError(_ELSEWHERE)
    except DecodeError:
        raise
    except Exception as error:
        raise _damaged(error) from error
    finally:
        file.seek(0)
