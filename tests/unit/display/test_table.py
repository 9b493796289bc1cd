"""Tables, in text and HTML."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.plain import cell_width
from runloop_jupyter.display.table import Column, Table

COLUMNS = [Column("name"), Column("size", "size"), Column("put (UTC)", "time"), Column("acc", "number")]
RUNS = Table(
    COLUMNS,
    [
        [["runs/val", Fact("×3", tone="quiet")], "4.1 MiB", "2026-11-23 14:05", "0.913"],
        ["runs/数据", "1.9 GiB", Fact("2026-11-05 09:41", tone="warn"), None],
    ],
    footer=["2 of 2 objects", "looked at all 8,214"],
)


def test_columns_of_text_are_aligned_by_the_cells_they_take() -> None:
    assert RUNS.to_text(100).splitlines() == [
        "name               size  put (UTC)           acc",
        "───────────  ──────────  ────────────────  ─────",
        "runs/val ×3     4.1 MiB  2026-11-23 14:05  0.913",
        "runs/数据       1.9 GiB  2026-11-05 09:41",
        "2 of 2 objects · looked at all 8,214",
    ]


def test_text_is_as_wide_whatever_the_sizes_so_that_saved_outputs_compare() -> None:
    small, large = (Table([Column("size", "size")], [[size]]).to_text() for size in ("1 B", "1023.9 KiB"))
    assert [len(line) for line in small.splitlines()] == [len(line) for line in large.splitlines()]


def test_a_table_without_rows_says_so() -> None:
    table = Table(COLUMNS, [], footer=["looked at all 12"], empty="no object matches x*")
    assert table.to_text() == "no object matches x*\nlooked at all 12"
    assert "<table" not in table.to_html()


def test_a_narrow_terminal_folds_the_name_and_then_leaves_out_columns_and_says_which() -> None:
    table = Table(COLUMNS, [["runs/" + "x" * 60, "1 B", "2026-11-23 14:05", "1"]])
    folded = table.to_text(72).splitlines()
    assert "…" in folded[2]
    assert "no room" not in table.to_text(72)
    narrow = table.to_text(50).splitlines()
    assert narrow[0].split() == ["name", "size"]
    assert narrow[-1] == "no room for: put (UTC), acc"


@given(
    st.lists(st.lists(st.text(max_size=90), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(20, 160),
)
def test_no_row_is_wider_than_the_terminal(rows: list[list[str]], width: int) -> None:
    lines = Table([Column("name"), Column("model"), Column("n", "number")], rows).to_text(width).split("\n")
    assert len(lines) in {len(rows) + 2, len(rows) + 3}
    assert max(cell_width(line) for line in lines[: len(rows) + 2]) <= width


@given(st.text(), st.text())
def test_no_title_or_cell_becomes_markup(title: str, cell: str) -> None:
    tags = Table([Column(title)], [[cell]]).to_html().replace("<span", "").replace("</span", "")
    assert tags.count("<") == Table([Column("x")], [["x"]]).to_html().count("<")


def test_a_long_cell_is_folded_with_all_of_it_as_title() -> None:
    name = "data/" + "deep/" * 40 + "end.parquet"
    html = Table([Column("name")], [[name]]).to_html()
    assert f'title="{name}"' in html
    assert f">{name}<" not in html


def test_kinds_that_vary_stand_in_their_spans_and_numbers_at_the_right() -> None:
    html = RUNS.to_html()
    assert '<td class="rl-r"><span class="rl-v-size">4.1 MiB</span></td>' in html
    assert '<td><span class="rl-v-time rl-warn">2026-11-05 09:41</span></td>' in html
    assert '<td class="rl-r">0.913</td>' in html
    assert '<td>runs/val <span class="rl-q">×3</span></td>' in html


def test_a_column_can_be_aligned_against_its_kind() -> None:
    assert Table([Column("n", "number", "left")], [["1"]]).to_text().splitlines()[2] == "1"
    assert Table([Column("name", align="right")], [["x"]]).to_text().splitlines()[2] == "   x"


def test_a_column_may_be_narrower_than_others_and_its_cells_are_folded_with_all_of_them_as_title() -> None:
    note = "once upon a time " * 5
    table = Table([Column("note", widest=20)], [[note]])
    assert max(map(len, table.to_text(200).splitlines())) == 20
    assert f'title="{note}"' in table.to_html()
