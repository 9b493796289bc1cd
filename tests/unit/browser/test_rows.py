"""Rows of the table: what a person calls a thing, and no more of any text than can be shown."""

import pytest

from runloop_jupyter.browser import rows
from runloop_jupyter.wire.browse import Facet, Row
from runloop_jupyter.wire.objects import ObjectView


def view(name="x", content_type="unspecified", **metadata):
    named = {key.replace("_", "."): value for key, value in metadata.items()}
    return ObjectView(
        id="obj_1", name=name, state="READ_ONLY", content_type=content_type, create_time_ms=5, metadata=named
    )


@pytest.mark.parametrize(
    ("thing", "kind", "format_"),
    [
        (view("x", "binary", rl_kind="table", rl_format="parquet"), "table", "parquet"),
        (view("a.png", rl_kind="file", rl_format="file"), "image", ""),
        (view("a.txt", "text", rl_kind="file", rl_format="file"), "text", "text"),
        (view("a.tar.gz", "tgz"), "archive", "tgz"),
        (view("a.PARQUET"), "table", ""),
        (view("a"), "", ""),
        (view("a", rl_kind="file"), "file", ""),
        (view("a", "of a newer store"), "", "of a newer store"),
    ],
    ids=str,
)
def test_a_kind_is_what_was_said_or_what_its_name_tells(thing, kind, format_):
    assert (rows.kind_of(thing), rows.format_shown(thing)) == (kind, format_)


def test_cells_are_those_of_the_columns_and_cut():
    row = rows.row(Row(object=view(a="x" * 300, b="y"), versions=3), ["b", "a", "c"])
    assert [cell and len(cell) for cell in row.cells] == [1, 200, None]
    assert row.versions == 3


def test_a_value_that_nobody_can_read_is_no_choice():
    found = Facet(key="k", values=["a", "x" * 5000, "b"], counts=[3, 2, 1], distinct=3, complete=True)
    assert (rows.facet(found).values, rows.facet(found).counts) == (["a", "b"], [3, 1])
