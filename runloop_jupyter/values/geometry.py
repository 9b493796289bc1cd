"""Geometries as WKB, and the "geo" metadata by which readers of GeoParquet find them.

The metadata is that of GeoParquet 1.0 (https://geoparquet.org/releases/v1.0.0/): for each column its encoding, its
coordinate reference system as PROJJSON, the types in it and its bounds. Our own reader takes nothing from there.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

import geopandas
import numpy as np
import pyarrow as pa
import pyproj
import shapely  # type: ignore[import-untyped]

from runloop_jupyter.errors import DecodeError, InputError, UnsupportedValue
from runloop_jupyter.values.pandas_filling import ArrayFilling, filled
from runloop_jupyter.values.parquet import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runloop_jupyter.values.codec import JSON, Checkpoint
    from runloop_jupyter.values.pandas_filling import Filling

_TYPES: Final = {
    0: "Point",
    1: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}
"""Names of shapely's type ids in GeoParquet."""
_RING: Final = 2
_CRS_TEXT: Final = re.compile(r"[A-Z]+:[0-9A-Z]+$|[A-Z]+\[")
"""An authority's code, or well-known text."""
_NO_CRS: Final = "OGC:CRS84"
"""What the format says of a column without a word on its system."""


class GeometryRule:
    """A geopandas geometry array: WKB in the rows, its system and SRID in the spec."""

    type = pa.binary()

    def __init__(self, crs: JSON, srid: int = 0) -> None:
        if type(srid) is not int:
            raise TypeError(srid)
        self._crs = _crs_from(crs)
        self._packed = crs
        self._srid = srid
        self._name = ""
        self._types: set[str] = set()
        self._bounds = [math.inf, math.inf, -math.inf, -math.inf]

    @classmethod
    def from_spec(cls, spec: Any, stored: pa.DataType) -> GeometryRule:
        """Return the rule that `spec` describes."""
        if not (pa.types.is_binary(stored) or pa.types.is_large_binary(stored)):
            raise TypeError(f"geometries as {stored}")
        return cls(spec["crs"], spec["srid"])

    @classmethod
    def plan(cls, name: str, values: Any, checkpoint: Checkpoint) -> GeometryRule:
        """Return the rule for a geometry array, after a look at each; raises UnsupportedValue as `rule_for` does."""
        srids: set[int] = set()
        types: set[str] = set()
        bounds: list[Any] = []
        for part in _slices(values):
            there = part[~shapely.is_missing(part)]
            kinds = shapely.get_type_id(there)
            if (kinds == _RING).any():
                raise UnsupportedValue(f"{name} holds LinearRings, which WKB makes LineStrings; put LineString(ring)")
            deep = shapely.has_z(there)
            types |= {_TYPES[kind] + " Z" * bool(z) for kind, z in set(zip(kinds.tolist(), deep.tolist(), strict=True))}
            srids |= set(shapely.get_srid(there).tolist())
            if len(there):
                bounds.append(shapely.total_bounds(there))
            checkpoint()
        if len(srids) > 1:
            raise UnsupportedValue(f"{name} holds geometries of several SRIDs; make them one: shapely.set_srid")
        rule = cls(_pack_crs(name, values.crs), next(iter(srids), 0))
        rule._name = name
        rule._types = types
        known = [each for each in bounds if np.isfinite(each).all()]
        if known:
            rule._bounds = [float(v) for v in (*np.min(known, axis=0)[:2], *np.max(known, axis=0)[2:])]
        return rule

    @property
    def spec(self) -> dict[str, JSON]:
        """What `rule_from` needs to make this rule again."""
        return {"kind": "geometry", "crs": self._packed, "srid": self._srid}

    @property
    def described(self) -> dict[str, JSON]:
        """What GeoParquet says of the column."""
        said: dict[str, JSON] = {
            "encoding": "WKB",
            "crs": None if self._crs is None else self._crs.to_json_dict(),
            "geometry_types": [*sorted(self._types)],
        }
        return said | {"bbox": [*self._bounds]} if np.isfinite(self._bounds).all() else said

    def to_arrow(self, part: Any) -> pa.Array:
        """Return a slice of the geometry array as Arrow."""
        shapes = np.asarray(part, dtype=object)
        stored = shapely.to_wkb(shapes, flavor="iso", byte_order=1)
        back = _from_wkb(stored, self._srid)
        same = shapely.equals_identical(shapes, back) | (shapely.is_missing(shapes) & shapely.is_missing(back))
        if not same.all():
            at = int(np.argmin(same))
            raise UnsupportedValue(
                f"{self._name} holds {_shown(shapes[at])}, which WKB would make {_shown(back[at])};"
                " mend it or leave it out"
            )
        return pa.array(stored, self.type)

    def filling(self, rows: int) -> Filling:
        """Return what makes Arrow chunks into one geometry array."""

        def shapes(chunk: pa.Array) -> Any:
            return _from_wkb(chunk.to_numpy(zero_copy_only=False), self._srid)

        def finish(values: Any) -> Any:
            return geopandas.array.GeometryArray(values, crs=self._crs)

        return ArrayFilling(rows, np.dtype(object), shapes, finish)


def file_metadata(rules: Mapping[str, Any], primary: str) -> dict[bytes, bytes]:
    """Return the "geo" entry of a file's metadata.

    Args:
        rules: The `GeometryRule` of each geometry column, by the column's name in the file.
        primary: The name of the active one.
    """
    columns = {name: rule.described for name, rule in rules.items()}
    geo = {"version": "1.0.0", "primary_column": primary, "columns": columns}
    return {b"geo": json.dumps(geo, separators=(",", ":")).encode()}


def geo_columns(metadata: Mapping[bytes, bytes]) -> tuple[dict[str, GeometryRule], str]:
    """Return the rules of the geometry columns of any GeoParquet file, and the primary one's name.

    Raises:
        InputError: The file has no geometries, or in an encoding that isn't WKB.
        DecodeError: Its "geo" metadata can't be read.
    """
    if b"geo" not in metadata:
        raise InputError("the stored table has no geometries (no GeoParquet metadata); get it --as pandas")
    try:
        geo = json.loads(metadata[b"geo"])
        said = {name: (column["encoding"], column.get("crs", _NO_CRS)) for name, column in geo["columns"].items()}
        rules = {name: GeometryRule(crs) for name, (_, crs) in said.items()}
        primary = geo["primary_column"]
        if primary not in rules:
            raise ValueError(f"no geometry column {primary!r:.60}")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise DecodeError(
            f"the stored table's geo metadata can't be read ({error}); take it --as arrow, or as a path"
        ) from error
    other = next((encoding for encoding, _ in said.values() if encoding != "WKB"), None)
    if other is not None:
        raise InputError(
            f"the stored geometries are encoded as {other!r:.40}, not as WKB; get it --as path and open it with"
            " geopandas.read_parquet"
        )
    return rules, primary


def dressed(frame: Any, rules: Mapping[str, GeometryRule], primary: str) -> Any:
    """Return a frame whose columns of WKB are geometries: a GeoDataFrame, or `frame` where it has none of them.

    Raises:
        DecodeError: A value is not WKB.
    """
    there = [name for name in rules if name in frame.columns]
    for name in there:
        frame[name] = filled(rules[name].filling(len(frame)), [pa.array(frame[name], pa.binary(), from_pandas=True)])
    return geopandas.GeoDataFrame(frame, geometry=primary if primary in there else there[0]) if there else frame


def _from_wkb(stored: Any, srid: int) -> Any:
    try:
        shapes = shapely.from_wkb(stored)
    except (shapely.errors.ShapelyError, ValueError, TypeError) as error:
        raise DecodeError(f"a stored geometry can't be read ({error}); take the table --as arrow") from error
    return shapely.set_srid(shapes, srid) if srid else shapes


def _crs_from(packed: Any) -> Any:
    """Return the coordinate reference system that PROJJSON or a name stands for; None for None.

    Raises:
        ValueError: It stands for none.
    """
    if packed is None:
        return None
    try:
        # A string of PROJ's parameters, which a dict may be too, can have it open a file: "+init=/a/file:1".
        harmless = (
            "proj" not in packed and "init" not in packed
            if isinstance(packed, dict)
            else isinstance(packed, str) and _CRS_TEXT.match(packed)
        )
        if not harmless:
            raise ValueError(f"no coordinate reference system: {packed!r:.60}")
        return pyproj.CRS.from_user_input(packed)
    except (pyproj.exceptions.ProjError, RecursionError) as error:
        raise ValueError(f"no coordinate reference system: {error}") from error


def _pack_crs(name: str, crs: Any) -> JSON:
    if crs is None:
        return None
    # By its code where it has one, so that it shows itself as before; the file's own metadata has it in full.
    for packed in (crs.srs, crs.to_json_dict(), crs.to_wkt()):
        try:
            if _crs_from(packed) == crs:
                return packed  # type: ignore[no-any-return]
        except ValueError:
            continue
    raise UnsupportedValue(f"{name} has a CRS that can't be written down and read again; use .to_crs of a named one")


def _slices(values: Any) -> Iterator[Any]:
    for start in range(0, len(values), BATCH_ROWS):
        yield np.asarray(values[start : start + BATCH_ROWS], dtype=object)


def _shown(shape: Any) -> str:
    return f"{shape}"[:60]
