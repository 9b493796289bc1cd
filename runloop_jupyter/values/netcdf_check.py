"""Whether an xarray object would come back from NetCDF as it went in: what was written is opened and compared."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from runloop_jupyter.errors import UnsupportedValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runloop_jupyter.values.codec import Checkpoint

_CONVERTED: Final = "mMOSUT"
"""Kinds of dtype that NetCDF holds in another form: times as numbers, text as vlen. All their values are compared."""
_BATCH: Final = 100_000
_ARRAY: Final = "the array"
"""What a DataArray's own values are called among its coordinates."""
_SAMPLE: Final = 100


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what xarray warns of on the way: `check` finds it, and says it in one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_types(value: Any) -> None:
    """Refuse what NetCDF has no word for, before it is tried: the refusal names the place.

    Raises:
        UnsupportedValue: An attribute that is a bool, None or a dict, or a dtype of pandas.
    """
    for name, each in {"": value, **_variables(value)}.items():
        of = f" of {name!r:.60}" if name else ""
        for attribute, said in each.attrs.items():
            if said is None or isinstance(said, bool | np.bool_ | dict):
                raise UnsupportedValue(
                    f"the attribute {attribute!r:.60}{of} is {said!r:.40}, which NetCDF can't hold; use text, a number"
                    " or nothing"
                )
        if name and not isinstance(each.dtype, np.dtype):
            raise UnsupportedValue(f"{name!r:.60} is {each.dtype!s:.60}, a dtype of pandas; use .astype of a numpy one")


def texts(value: Any) -> list[str]:
    """Return the names of variables that hold Python ``str``, all of it text, and would come back as numpy's."""
    return [
        str(name)
        for name, each in _variables(value).items()
        if each.dtype.kind == "O" and each.size and all(type(text) is str for text in each.values.flat)
    ]


def with_texts(value: Any, names: Any) -> Any:
    """Return a dataset that came back, with the variables that `texts` said as Python ``str`` again."""
    wanted = set(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else set()
    for name in [name for name in value.coords if name in wanted]:
        value = value.assign_coords({name: value.coords[name].astype(object)})
    if type(value).__name__ == "DataArray":
        return value.astype(object) if _ARRAY in wanted else value
    return value.assign({name: each.astype(object) for name, each in value.data_vars.items() if name in wanted})


def time_unit(value: Any) -> str | None:
    """Return the resolution of the times in `value`; None where there are none, or nanoseconds, xarray's own default.

    Raises:
        UnsupportedValue: They have several, and come back in one.
    """
    units: dict[str, str] = {}
    for name, variable in _variables(value).items():
        if variable.dtype.kind == "M":
            units.setdefault(np.datetime_data(variable.dtype)[0], str(name))
    if len(units) > 1:
        said = ", ".join(f"{unit} ({name!r:.40})" for unit, name in units.items())
        raise UnsupportedValue(
            f"its times are of several resolutions: {said}; bring them to one with .astype('datetime64[ns]')"
        )
    unit = next(iter(units), "ns")
    return None if unit == "ns" else unit


def check(given: Any, back: Any, checkpoint: Checkpoint) -> None:
    """Compare what was written with what it was written from.

    Structure, dtypes and attributes are compared whole, and all values of the kinds that NetCDF holds in another form;
    of plain numbers, which it holds as they are, the first and the last.

    Raises:
        UnsupportedValue: Names what would come back otherwise.
    """
    if type(given).__name__ == "DataArray" and given.name != back.name:
        raise UnsupportedValue(f"its name {given.name!r:.60} would come back as {back.name!r:.60}; rename it")
    before, after = _variables(given), _variables(back)
    if before.keys() != after.keys():
        names = sorted(map(repr, before.keys() ^ after.keys()))
        raise UnsupportedValue(f"NetCDF would not give back the variables {', '.join(names)[:120]}; rename them")
    if moved := set(map(str, given.coords)) ^ set(map(str, back.coords)):
        raise UnsupportedValue(
            f"{_said(moved)} would change sides between coordinates and data; a coordinate's name can't have spaces,"
            " and 'coordinates' can't be among the attributes"
        )
    _check_attrs("", given.attrs, back.attrs)
    for name, variable in before.items():
        _check_variable(f"{name!r:.60}", variable, after[name], checkpoint)
        checkpoint()
    for name in sorted({*given.xindexes, *back.xindexes}, key=str):
        was, will = (type(each.xindexes[name]).__name__ if name in each.xindexes else "" for each in (given, back))
        if was != will:
            raise UnsupportedValue(
                f"the index of {name!r:.60} ({was}) would come back as {will or 'none'}; put ds.drop_vars({name!r:.60})"
                if was
                else f"{name!r:.60} has no index and would come back with one; put ds.set_xindex({name!r:.60})"
            )


def _variables(value: Any) -> dict[Any, Any]:
    if type(value).__name__ == "Dataset":
        return dict(value.variables)
    return {**{name: each.variable for name, each in value.coords.items()}, _ARRAY: value.variable}


def _check_variable(name: str, given: Any, back: Any, checkpoint: Checkpoint) -> None:
    if given.dims != back.dims or given.shape != back.shape:
        raise UnsupportedValue(f"{name} {given.dims} would come back with the dimensions {back.dims}; rename them")
    if given.dtype != back.dtype:
        raise UnsupportedValue(f"{name} is {given.dtype} and would come back as {back.dtype}; {_advice(given, back)}")
    _check_attrs(f" of {name}", given.attrs, back.attrs)
    for start, stop in _blocks(given):
        part = (slice(start, stop),) if given.ndim else ()
        if not _same(given[part].values, back[part].values):
            raise UnsupportedValue(f"values of {name} ({given.dtype}) would come back changed; {_advice(given, back)}")
        checkpoint()


def _blocks(variable: Any) -> Iterator[tuple[int, int]]:
    """Yield the ranges along the first dimension to compare."""
    length = variable.shape[0] if variable.ndim else 1
    step = max(1, _BATCH * length // max(variable.size, 1))
    if variable.dtype.kind in _CONVERTED:
        yield from ((start, start + step) for start in range(0, length, step))
        return
    few = min(step, _SAMPLE, length)
    yield from {(0, few), (length - few, length)}


def _same(given: Any, back: Any) -> bool:
    try:
        if given.dtype.kind in "fcmM":
            return bool(np.array_equal(given, back, equal_nan=True))
        return given.shape == back.shape and bool(np.all(given == back))
    except TypeError:
        return False


def _check_attrs(of: str, given: Mapping[Any, Any], back: Mapping[Any, Any]) -> None:
    for name in {**given, **back}:
        if name not in given or name not in back or not _same_attr(given[name], back[name]):
            had = f"is {given[name]!r:.40}" if name in given else "isn't there"
            has = f"as {back[name]!r:.40}" if name in back else "without it"
            raise UnsupportedValue(
                f"the attribute {name!r:.40}{of} {had} and would come back {has}; give it text, a number or an array of"
                " several, or leave it out"
            )


def _same_attr(given: Any, back: Any) -> bool:
    """Whether an attribute is the same as far as xarray looks: a list may be an array, an int numpy's."""
    if isinstance(given, str | bytes) or isinstance(back, str | bytes):
        return type(given) is type(back) and bool(given == back)
    try:
        one, other = np.asarray(given), np.asarray(back)
        kinds = {one.dtype.kind, other.dtype.kind}
        if one.shape != other.shape or (len(kinds) > 1 and one.size):
            return False
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
    except (TypeError, ValueError):
        return False


def _advice(given: Any, back: Any) -> str:
    if given.dtype.kind == "O":
        return "make it all text, or numbers"
    if given.dtype.kind != back.dtype.kind and "units" in given.attrs:
        return "leave out its attribute 'units', which reads as a time's"
    if given.dtype.kind in "mM":
        return "use .astype('datetime64[ns]')"
    return "use .astype of a plain dtype, and leave out attributes that NetCDF itself reads: dtype, units, _FillValue"


def _said(names: set[str]) -> str:
    return ", ".join(f"{name!r:.60}" for name in sorted(names))
