"""What a pandas value is beside a frame: a Series, a GeoDataFrame, a GeoSeries.

Each is stored as the frame that it would be, with a note by which it is made of the frame again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from runloop_jupyter.errors import DecodeError, InputError, UnsupportedValue
from runloop_jupyter.values.codec import type_name
from runloop_jupyter.values.pandas_columns import array_of, pack_labels, unpack_labels

if TYPE_CHECKING:
    from runloop_jupyter.values.codec import JSON, Checkpoint


def as_frame(value: Any, checkpoint: Checkpoint) -> tuple[pd.DataFrame, dict[str, JSON]]:
    """Return `value` as a plain frame that shares its data, and what its note says beside the frame's.

    Raises:
        UnsupportedValue: A Series has a name that can't be kept.
    """
    library, _, kind = type_name(value).partition(".")
    dress: dict[str, JSON] = {"geo": {}} if library == "geopandas" else {}
    if kind.endswith("Series"):
        column = "geometry" if library == "geopandas" else "value"
        # under a name that says nothing, as the file's own reader would otherwise have "0" or "None"
        frame = pd.DataFrame({str(value.name) if value.name is not None else column: value}, copy=False)
        dress["series"] = _pack_name(value.name, checkpoint)
    elif library == "geopandas":
        frame = pd.DataFrame(value, copy=False)
        # it may name a column that is gone: so does geopandas after a choice of columns
        name = value.active_geometry_name
        dress["geo"] = {"active": None if name is None else _pack_name(name, checkpoint)}
    else:
        return value, dress
    frame.attrs = value.attrs
    return frame.set_flags(allows_duplicate_labels=value.flags.allows_duplicate_labels), dress


def from_frame(frame: pd.DataFrame, note: dict[str, Any], *, plain: bool) -> Any:
    """Return what `as_frame` was given.

    Args:
        frame: The plain frame.
        note: Of the file.
        plain: Leave out what needs geopandas.

    Raises:
        DecodeError: The note is of another table.
    """
    geo = None if plain else note.get("geo")
    if note.get("series") is not None:
        if frame.shape[1] != 1:
            raise DecodeError("the stored table says it is a Series and has other columns; take it --as arrow")
        return _series(frame, _unpack_name(note["series"]), is_geo=geo is not None)
    if geo is None:
        return frame
    return _geo_frame(frame, None if geo["active"] is None else _unpack_name(geo["active"]))


def with_geometry(value: Any) -> Any:
    """Return a frame or Series as geopandas' own; the first geometry is the active one where none was.

    Raises:
        InputError: It has no geometry.
    """
    import geopandas

    if isinstance(value, pd.Series) and str(value.dtype) == "geometry":
        return geopandas.GeoSeries(value)
    shapes = (
        [] if isinstance(value, pd.Series) else [label for label, kind in value.dtypes.items() if kind == "geometry"]
    )
    if not shapes:
        raise InputError("the stored table has no geometries; get it --as pandas")
    return value if isinstance(value, geopandas.GeoDataFrame) else geopandas.GeoDataFrame(value, geometry=shapes[0])


def assert_same(was: Any, now: Any) -> None:
    """Return if two values are equal in type, values, labels and index.

    Raises:
        AssertionError: They differ; the message says where.
    """
    from pandas.testing import assert_frame_equal, assert_series_equal

    if type(was) is not type(now):
        raise AssertionError(f"it would be a {type_name(now)}")
    if isinstance(was, pd.Series):
        assert_series_equal(was, now, check_exact=True, check_freq=True)
        if not _same_name(was.name, now.name):
            raise AssertionError(f"its name {was.name!r:.60} would be {now.name!r:.60}")
        return
    assert_frame_equal(was, now, check_exact=True, check_freq=True)
    if getattr(was, "active_geometry_name", None) != getattr(now, "active_geometry_name", None):
        raise AssertionError("its active geometry would be another")


def _series(frame: pd.DataFrame, name: Any, *, is_geo: bool) -> Any:
    column = frame.iloc[:, 0]
    if is_geo:
        import geopandas

        column = geopandas.GeoSeries(column)
    column.name = name
    column.attrs = frame.attrs
    return column.set_flags(allows_duplicate_labels=frame.flags.allows_duplicate_labels)


def _geo_frame(frame: pd.DataFrame, active: Any) -> Any:
    """Return a GeoDataFrame, as geopandas does of a choice of columns: a plain frame where none is a geometry."""
    import geopandas

    shapes = [label for label, kind in frame.dtypes.items() if kind == "geometry"]
    if active in frame.columns and active not in shapes:
        raise DecodeError("the stored table names a geometry that is none; take it --as arrow")
    if not shapes:
        return frame
    dressed = geopandas.GeoDataFrame(frame)
    # Not set_geometry: it takes a new column's values, and none or a column that is gone are states too.
    dressed._geometry_column_name = active
    dressed.attrs = frame.attrs
    return dressed.set_flags(allows_duplicate_labels=frame.flags.allows_duplicate_labels)


def _pack_name(name: Any, checkpoint: Checkpoint) -> JSON:
    """Return the name of a Series as JSON; a tuple by its members, each with its own type."""
    members = name if type(name) is tuple else (name,)
    return {"tuple": type(name) is tuple, "of": [_pack_member(each, checkpoint) for each in members]}


def _pack_member(member: Any, checkpoint: Checkpoint) -> JSON:
    try:
        return pack_labels("the name", array_of(pd.Index([member], dtype=object)), checkpoint)
    except UnsupportedValue:  # what is no plain Python value may have a dtype of its own: a Timestamp
        pass
    try:
        return pack_labels("the name", array_of(pd.Index([member])), checkpoint)
    except (UnsupportedValue, TypeError, ValueError) as error:
        raise UnsupportedValue(
            f"the name of the Series is {member!r:.60}, a {type_name(member)}, which can't be kept; make it a str"
        ) from error


def _unpack_name(packed: Any) -> Any:
    members = [pd.Index(unpack_labels(each)[1], dtype=unpack_labels(each)[1].dtype)[0] for each in packed["of"]]
    return tuple(members) if packed["tuple"] is True else members[0]


def _same_name(was: Any, now: Any) -> bool:
    if type(was) is not type(now):
        return False
    if isinstance(was, tuple):
        return len(was) == len(now) and all(map(_same_name, was, now))
    return bool(was is now or was == now or (was != was and now != now))
