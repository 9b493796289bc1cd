"""Frames of geopandas come back equal, and are GeoParquet to everybody else."""

from __future__ import annotations

import io
import json
import sys

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal, assert_geoseries_equal
from shapely import LinearRing, LineString, MultiPoint, Point, Polygon, from_wkt

from runloop_jupyter.errors import DecodeError, InputError, MissingLibrary, UnsupportedValue
from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Wish


def frame(**more: object) -> geopandas.GeoDataFrame:
    made = geopandas.GeoDataFrame(
        {"name": ["a", "b", "c"], "kind": pd.Categorical(["x", None, "y"], categories=["y", "x", "z"])},
        geometry=[Point(1, 2), None, Point(3, 4)],
        crs="EPSG:4326",
        index=pd.Index([7, 8, 9], name="id"),
        **more,
    )
    made.attrs = {"source": "survey"}
    return made


def with_two_geometries() -> geopandas.GeoDataFrame:
    made = frame()
    made["area"] = geopandas.GeoSeries([Point(i, i).buffer(1) for i in range(3)], crs="EPSG:3857", index=made.index)
    return made


CUSTOM = "+proj=laea +lat_0=12.5 +lon_0=-3.25 +datum=WGS84 +units=m"
FRAMES = {
    "points, a gap, an index, categories": frame(),
    "two geometries with systems of their own": with_two_geometries(),
    "the second one active": with_two_geometries().set_geometry("area"),
    "active under another name": frame().rename_geometry("where"),
    "active one gone": with_two_geometries()[["name", "area"]],
    "no system": frame().set_crs(None, allow_override=True),
    "a system of one's own": frame().to_crs(CUSTOM),
    "no rows": frame().iloc[:0],
    "all empty": geopandas.GeoDataFrame(geometry=[Point(), Polygon()]),
    "all missing": geopandas.GeoDataFrame(geometry=[None, None], crs=4326),
    "RangeIndex": frame().reset_index(drop=True),
    "MultiIndex": frame().set_index("name", append=True),
    "every type and dimension": geopandas.GeoDataFrame(
        geometry=[
            Point(),
            Polygon(),
            from_wkt("POINT Z (1 2 3)"),
            from_wkt("POINT Z EMPTY"),
            from_wkt("LINESTRING (0 0, 1 1)"),
            from_wkt("MULTIPOINT (EMPTY, (1 1))"),
            from_wkt("MULTIPOLYGON (((0 0, 0 1, 1 1, 0 0)))"),
            from_wkt("GEOMETRYCOLLECTION (POINT (1 1), LINESTRING EMPTY)"),
        ]
    ),
}
SERIES = {
    "named": frame().geometry,
    "without a name": geopandas.GeoSeries([Point(1, 2), None], crs=4326),
    "under a number": geopandas.GeoSeries([LineString([(0, 0), (1, 1)])], name=3, index=["a"]),
    "empty": geopandas.GeoSeries([], crs=3857),
}


def identical(a: object, b: object) -> bool:
    a, b = np.asarray(a, dtype=object), np.asarray(b, dtype=object)
    return bool((shapely.equals_identical(a, b) | (shapely.is_missing(a) & shapely.is_missing(b))).all())


@pytest.mark.parametrize("case", FRAMES)
def test_a_geodataframe_comes_back_equal(store, case):
    was = FRAMES[case]
    stored = store(was)
    back = stored.read()
    assert type(back) is geopandas.GeoDataFrame
    assert_geodataframe_equal(back, was)
    pd.testing.assert_index_equal(back.index, was.index, exact=True)
    assert back.active_geometry_name == was.active_geometry_name
    assert back.attrs == was.attrs
    for label in was.columns[was.dtypes == "geometry"]:
        assert identical(back[label], was[label])
        assert back[label].crs == was[label].crs
    assert stored.facts["library"] == "geopandas"
    assert stored.facts["columns"] == was.shape[1]


@pytest.mark.parametrize("case", SERIES)
def test_a_geoseries_comes_back_equal(store, case):
    was = SERIES[case]
    back = store(was).read()
    assert type(back) is geopandas.GeoSeries
    assert_geoseries_equal(back, was)
    assert back.name == was.name
    assert back.crs == was.crs


# An active geometry that is gone it refuses; of no rows every reader of Parquet but ours loses the categories.
@pytest.mark.parametrize("case", [name for name in FRAMES if name not in {"active one gone", "no rows"}])
def test_geopandas_itself_reads_the_file(store, case):
    was = FRAMES[case]
    file = store(was).file
    file.seek(0)
    assert_geodataframe_equal(geopandas.read_parquet(file), was)


def test_the_metadata_of_geoparquet_is_whole(store):
    geo = json.loads(pq.ParquetFile(store(with_two_geometries()).file).metadata.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.0.0", "geometry")
    points = geo["columns"]["geometry"]
    assert (points["encoding"], points["geometry_types"], points["bbox"]) == ("WKB", ["Point"], [1, 2, 3, 4])
    assert points["crs"]["id"] == {"authority": "EPSG", "code": 4326}


def test_the_srid_of_geometries_is_kept(store):
    was = geopandas.GeoSeries(shapely.set_srid(np.array([Point(1, 2), None]), 4326))
    assert shapely.get_srid(store(was).read().values).tolist()[0] == 4326


def test_a_plain_frame_with_geometries_stays_plain(store):
    was = pd.DataFrame({"a": [1], "g": geopandas.GeoSeries([Point(1, 2)], crs=4326)})
    back = store(was).read()
    assert type(back) is pd.DataFrame
    assert str(back["g"].dtype) == "geometry"
    assert type(store(was).read(form="geopandas")) is geopandas.GeoDataFrame


@pytest.mark.parametrize(
    ("shape", "fragment"),
    [
        pytest.param(LinearRing([(0, 0), (1, 0), (1, 1)]), "LinearRings, which WKB makes LineStrings", id="ring"),
        pytest.param(Point(np.nan, np.nan), "which WKB would make POINT EMPTY", id="nan"),
    ],
)
def test_a_geometry_that_wkb_would_change_is_refused_by_name_wherever_it_stands(store, shape, fragment):
    shapes = [Point(0, 0)] * 70_000 + [shape]
    with pytest.raises(UnsupportedValue) as caught:
        store(geopandas.GeoSeries(shapes, name="g"))
    assert "column 'g' holds" in str(caught.value)
    assert fragment in str(caught.value)


def test_srids_that_differ_are_refused(store):
    with pytest.raises(UnsupportedValue, match="several SRIDs"):
        store(geopandas.GeoSeries(shapely.set_srid(np.array([Point(1, 2), Point(3, 4)]), [0, 4326])))


def test_a_subclass_is_refused(store):
    with pytest.raises(UnsupportedValue, match=r"put geopandas.GeoDataFrame\(x\)"):
        store(type("Mine", (geopandas.GeoDataFrame,), {})({"a": [1]}))


@pytest.mark.parametrize(
    "columns",
    [("name", "geometry"), ("geometry",), ("area", "name"), ("kind",), ("area", "geometry")],
    ids=",".join,
)
@pytest.mark.parametrize("head", [None, 2])
def test_a_choice_of_columns_is_that_of_geopandas(store, columns, head):
    was = with_two_geometries()
    back = store(was).read(columns=columns, head=head)
    expected = was[list(columns)].head(3 if head is None else head)
    assert type(back) is type(expected)
    pd.testing.assert_frame_equal(pd.DataFrame(back), pd.DataFrame(expected))
    assert getattr(back, "active_geometry_name", None) == getattr(expected, "active_geometry_name", None)


def test_in_other_libraries_geometries_are_wkb(store):
    stored = store(frame())
    wkb = Point(1, 2).wkb
    plain = stored.read(form="pandas")
    assert type(plain) is pd.DataFrame
    assert plain["geometry"].tolist() == [wkb, None, Point(3, 4).wkb]
    assert plain.index.name == "id"
    assert stored.read(form="arrow")["geometry"][0].as_py() == wkb
    assert stored.read(form="polars")["geometry"][0] == wkb


def test_without_geopandas_it_comes_as_arrow_and_an_explicit_wish_says_what_to_install(store, monkeypatch):
    stored = store(frame())
    monkeypatch.setitem(sys.modules, "geopandas", None)
    assert type(stored.read()) is pa.Table
    assert stored.read(form="pandas")["name"].tolist() == ["a", "b", "c"]
    with pytest.raises(MissingLibrary, match="%pip install geopandas or --as pandas, with geometries as WKB"):
        stored.read(form="geopandas")


def test_a_look_at_it_calls_geometries_geometries(store):
    stored = store(frame())
    shown = stored.codec.peek(stored.file, stored.facts)
    assert ("geometry", "geometry") in shown.columns
    assert shown.head[0][2] == "POINT (1 2)"
    assert "geometry:geometry" in stored.facts["schema"]


def geoparquet(**changes: object) -> io.BytesIO:
    """Return a file as geopandas writes it, some of its metadata replaced."""
    made = io.BytesIO()
    frame().to_parquet(made)
    table = pq.read_table(made)
    geo = json.loads(table.schema.metadata[b"geo"])
    for key, value in changes.items():
        if key == "geo":
            geo = value
        elif key == "primary_column":
            geo[key] = value
        else:
            geo["columns"]["geometry"][key] = value
    said = geo if isinstance(geo, bytes) else json.dumps(geo).encode()
    copy = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"geo": said}), copy)
    return copy


def test_geoparquet_from_elsewhere_is_given_as_asked():
    back = registry.decode("parquet", geoparquet(), {}, Wish(form="geopandas"))
    assert_geodataframe_equal(back, frame(), check_like=True)
    part = registry.decode("parquet", geoparquet(), {}, Wish(form="geopandas", columns=("geometry",), head=1))
    assert_geodataframe_equal(part, frame()[["geometry"]].head(1))
    assert type(registry.decode("parquet", geoparquet(), {}, Wish(form="pandas"))) is pd.DataFrame


@pytest.mark.parametrize(
    "lie",
    [
        {"geo": b"{"},
        {"geo": b"\xff"},
        {"geo": b"[" * 100_000},
        {"geo": []},
        {"geo": {"columns": {"geometry": 3}}},
        {"crs": "no system"},
        {"crs": "+init=/etc/passwd:1"},
        {"crs": {"type": "GeographicCRS"}},
        {"crs": {"init": "epsg:4326"}},
        {"crs": 7},
        {"primary_column": "name"},
        {"primary_column": ["geometry"]},
    ],
    ids=lambda lie: str(lie)[:40],
)
def test_metadata_that_lies_is_a_decode_error_of_one_line(lie):
    with pytest.raises(DecodeError) as caught:
        registry.decode("parquet", geoparquet(**lie), {}, Wish(form="geopandas"))
    (line,) = caught.value._render_traceback_()
    assert "geo metadata can't be read" in line
    # and what doesn't need it is there
    assert registry.decode("parquet", geoparquet(**lie), {}, Wish(form="pandas"))["name"].tolist() == ["a", "b", "c"]


def test_an_encoding_that_is_not_wkb_says_what_to_do():
    with pytest.raises(InputError, match=r"encoded as 'point'.*geopandas.read_parquet"):
        registry.decode("parquet", geoparquet(encoding="point"), {}, Wish(form="geopandas"))


def test_a_table_without_geometries_is_not_given_as_geopandas(store):
    with pytest.raises(InputError, match="has no geometries"):
        store(pd.DataFrame({"a": [1]})).read(form="geopandas")
    with pytest.raises(InputError, match="has no geometries"):
        store(pa.table({"a": [1]})).read(form="geopandas")


def test_bytes_that_are_no_geometry_are_a_decode_error(store):
    table = pq.ParquetFile(store(frame()).file)
    rotten = table.read().set_column(2, "geometry", pa.array([b"no", None, b"wkb"]))
    copy = io.BytesIO()
    with pq.ParquetWriter(copy, rotten.schema) as writer:
        writer.write_table(rotten)
        writer.add_key_value_metadata({b"runloop": table.metadata.metadata[b"runloop"]})
    with pytest.raises(DecodeError, match="a stored geometry can't be read"):
        registry.decode("parquet", copy, {"library": "geopandas"})


def test_a_note_that_names_another_column_as_geometry_is_a_decode_error(store):
    stored, other = store(frame()), store(frame().rename_geometry("g").rename(columns={"name": "geometry"}))
    table = pq.ParquetFile(other.file)
    note = json.loads(table.metadata.metadata[b"runloop"])
    note["geo"] = json.loads(pq.ParquetFile(stored.file).metadata.metadata[b"runloop"])["geo"]
    copy = io.BytesIO()
    with pq.ParquetWriter(copy, table.schema_arrow) as writer:
        writer.write_table(table.read())
        writer.add_key_value_metadata({b"runloop": json.dumps(note).encode()})
    with pytest.raises(DecodeError, match="names a geometry that is none"):
        registry.decode("parquet", copy, {"library": "geopandas"})


def test_many_points_can_be_stopped(store):
    def stop() -> None:
        raise KeyboardInterrupt

    stored = store(geopandas.GeoSeries(shapely.points(np.zeros((200_000, 2)))))
    with pytest.raises(KeyboardInterrupt):
        stored.read(checkpoint=stop)


def test_several_points_of_one_kind_are_listed_once(store):
    geo = json.loads(
        pq.ParquetFile(store(geopandas.GeoSeries([Point(0, 0, 1), MultiPoint([(1, 1)])])).file).metadata.metadata[
            b"geo"
        ]
    )
    assert geo["columns"]["geometry"]["geometry_types"] == ["MultiPoint", "Point Z"]
