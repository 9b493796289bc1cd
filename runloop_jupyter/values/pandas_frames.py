"""pandas DataFrames and Series as Parquet and back: index, labels and attrs ride in the file's footer.

The file is an ordinary one: `pandas.read_parquet` and every other reader see the same rows. What Parquet has no word
for (a RangeIndex, labels that are numbers, unused categories, a frequency) stands in a note of our own beside pandas'.
"""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import pandas as pd
import pyarrow as pa

from runloop_jupyter.errors import CodecError, DecodeError, InputError, UnsupportedValue
from runloop_jupyter.values import parquet
from runloop_jupyter.values.codec import no_checkpoint
from runloop_jupyter.values.jsontext import check_json
from runloop_jupyter.values.pandas_columns import (
    Rule,
    array_of,
    is_geometry,
    pack_labels,
    rule_for,
    rule_from,
    unpack_labels,
)
from runloop_jupyter.values.pandas_dress import as_frame, assert_same, from_frame
from runloop_jupyter.values.parts import check_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runloop_jupyter.values.codec import JSON, Checkpoint, Wish

_VERSION: Final = 1
_TRIAL_ROWS: Final = 500


def encode(value: Any, file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write `value`: a pandas DataFrame or Series, or one of geopandas.

    Raises:
        UnsupportedValue: It would not come back equal; the message names the column, its type and what to do.
    """
    frame, dress = as_frame(value, checkpoint)
    active = getattr(value, "active_geometry_name", None)
    plan = _Plan(frame, dress, None if active is None else str(active), checkpoint)
    plan.try_out(value, checkpoint)
    parquet.write(file, plan.schema, plan.batches(frame, checkpoint), checkpoint, plan.note)


def is_noted(note: dict[str, Any] | None) -> bool:
    """Whether a file's note is of a frame or Series that `encode` wrote."""
    return note is not None and note.get("library") == "pandas"


def decode(
    reader: parquet.Reader,
    checkpoint: Checkpoint,
    *,
    columns: Sequence[str] | None = None,
    head: int | None = None,
    plain: bool = False,
) -> Any:
    """Return what `encode` wrote, or part of it with its index.

    Args:
        reader: The file.
        checkpoint: Called for each column of each batch.
        columns: Only these, in this order, named as they are in the file: ``str`` of their label.
        head: Only so many rows from the beginning.
        plain: Without geopandas: its frames as pandas', geometries as the bytes of their WKB.

    Raises:
        InputError: A column isn't there.
        DecodeError: The file is damaged, or written by a newer version of this package.
    """
    note = reader.note or {}
    if note.get("version") != _VERSION:
        raise DecodeError("the stored table was written by a newer runloop_jupyter; upgrade it, or take it --as arrow")
    labels = _labels_from(note["columns"])
    names, specs = list(reader.schema.names), note["rules"]
    width = len(labels)
    if len(specs) != len(names) or width > len(names) or note["width"] != width:
        raise DecodeError("the stored table's note is of another table; take it --as arrow")
    chosen = list(range(width))
    if columns is not None:
        _check_columns(columns, names, note)
        chosen = [names.index(name) for name in columns]
        labels = labels.take(chosen)
    wanted = [*chosen, *range(width, len(names))]
    reader.part([names[i] for i in wanted] if columns is not None else None, head)
    arrays = _arrays(reader, [specs[i] for i in wanted], plain, checkpoint)
    index = _index_from(note["index"], arrays[len(chosen) :], head)
    # One array after the other, not copied into blocks: half the memory, and no long step.
    series = {
        # dtype said aloud: a Series of objects would be looked through and made text
        i: pd.Series(array, index=index, dtype=array.dtype, copy=False)
        for i, array in enumerate(arrays[: len(chosen)])
    }
    frame = pd.DataFrame(series, index=index, copy=False)
    frame.columns = labels
    frame.attrs = note["attrs"]
    if not note["duplicates"]:
        frame = frame.set_flags(allows_duplicate_labels=False)
    return from_frame(frame, note, plain=plain)


def _check_columns(columns: Sequence[str], names: list[str], note: dict[str, Any]) -> None:
    width = note["width"]
    levels = [name for name in columns if name in names[width:] and name not in names[:width]]
    if levels:
        raise InputError(f"{levels[0]!r:.80} is of the table's index, which comes along by itself; leave it out")
    check_columns(columns, names[:width])


def _arrays(reader: parquet.Reader, specs: list[Any], plain: bool, checkpoint: Checkpoint) -> list[Any]:
    rules = [rule_from(spec, field.type, plain=plain) for spec, field in zip(specs, reader.schema, strict=True)]
    fillings = [rule.filling(reader.rows) for rule in rules]
    for batch in reader.batches(checkpoint):
        for column, filling in zip(batch.columns, fillings, strict=True):
            filling.add(column, checkpoint)
    return [filling.array() for filling in fillings]


def from_elsewhere(
    reader: parquet.Reader, read: Callable[[parquet.Reader, Wish, Checkpoint], Any], wish: Wish, checkpoint: Checkpoint
) -> Any:
    """Return a file of somebody else, as `pandas.read_parquet` would: with the index that pandas itself noted.

    Args:
        reader: The file.
        read: Gives it as an Arrow table.
        wish: What is wanted of it.
        checkpoint: Called as it is.
    """
    described = _indexes(reader)
    if wish.columns is not None:
        check_columns(wish.columns, reader.schema.names)
        levels = [each for each in described if isinstance(each, str) and each in reader.schema.names]
        wish = replace(wish, columns=(*wish.columns, *(each for each in levels if each not in wish.columns)))
    table = read(reader, wish, checkpoint)
    ranges = [each for each in described if isinstance(each, dict)]
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    if wish.head is not None and len(ranges) == 1 == len(described):
        start, stop, step, name = (ranges[0][key] for key in ("start", "stop", "step", "name"))
        frame.index = pd.RangeIndex(start, stop, step, name=name)[: len(frame)]
    return frame.iloc[:, 0] if reader.is_series and frame.shape[1] == 1 else frame


def _indexes(reader: parquet.Reader) -> list[Any]:
    """Return what pandas noted of a table's index: names of columns, or a range."""
    try:
        described = json.loads((reader.schema.metadata or {})[b"pandas"])["index_columns"]
    except (LookupError, ValueError, TypeError):
        return []
    return described if isinstance(described, list) else []


class _Plan:
    """The rule of each column and index level, and the note; made before a byte is written."""

    def __init__(self, frame: pd.DataFrame, dress: dict[str, JSON], active: str | None, checkpoint: Checkpoint) -> None:
        labels = frame.columns
        duplicated = labels[labels.duplicated()]
        if len(duplicated):
            raise UnsupportedValue(f"the column name {duplicated[0]!r} occurs more than once; rename one of them")
        check_json(frame.attrs, "df.attrs")
        index = frame.index
        levels = [] if _is_range(index) else [index.get_level_values(i) for i in range(index.nlevels)]
        self.names = [str(label) for label in labels]
        parquet.check_names(self.names)
        level_names = self._level_names(levels)
        self.rules: list[Rule] = [
            *(
                rule_for(f"column {_shown(label)}", array_of(frame.iloc[:, i]), checkpoint)
                for i, label in enumerate(labels)
            ),
            *(rule_for(f"index level {i}", array_of(level), checkpoint) for i, level in enumerate(levels)),
        ]
        self.schema = pa.schema(
            [pa.field(name, rule.type) for name, rule in zip(self.names + level_names, self.rules, strict=True)],
        )
        self.schema = self.schema.with_metadata(self._metadata(frame, active))
        self._levels = len(levels)
        self.note: dict[str, JSON] = {
            "library": "pandas",
            "version": _VERSION,
            "columns": _labels_note(labels, checkpoint),
            "index": _index_note(index),
            "rules": [rule.spec for rule in self.rules],
            "attrs": cast("dict[str, JSON]", frame.attrs),
            "width": len(labels),
            "duplicates": frame.flags.allows_duplicate_labels,
            **dress,
        }

    def _metadata(self, frame: pd.DataFrame, active: str | None) -> dict[bytes, bytes] | None:
        """Return what other readers look for: pandas' own note, and where geometries are."""
        shapes = {name: rule for name, rule in zip(self.schema.names, self.rules, strict=True) if is_geometry(rule)}
        if not shapes:
            return _pandas_metadata(frame, self.schema.names)
        from runloop_jupyter.values import geometry

        primary = active if active is not None and active in shapes else next(iter(shapes))
        # pandas has no word for them; a reader of the other note makes geometries of the bytes
        labels = zip(frame, self.rules[: frame.shape[1]], strict=True)
        bare = frame.iloc[:0].astype({label: object for label, rule in labels if is_geometry(rule)})
        return (_pandas_metadata(bare, self.schema.names) or {}) | geometry.file_metadata(shapes, primary)

    def _level_names(self, levels: list[pd.Index[Any]]) -> list[str]:
        """Return names for the index's columns in the file, as pandas itself would give them."""
        taken = set(self.names)
        names = []
        for i, level in enumerate(levels):
            name = level.name if isinstance(level.name, str) and level.name not in taken else f"__index_level_{i}__"
            taken.add(name)
            names.append(name)
        parquet.check_names([*self.names, *names])
        return names

    def batches(self, frame: pd.DataFrame, checkpoint: Checkpoint) -> Iterator[pa.RecordBatch]:
        """Yield `frame` in slices, each small in rows and in bytes."""
        columns = [array_of(frame.iloc[:, i]) for i in range(frame.shape[1])]
        columns += [array_of(frame.index.get_level_values(i)) for i in range(self._levels)]
        step = parquet.BATCH_ROWS if len(frame) <= _TRIAL_ROWS else self._rows_per_batch(columns)
        for start in range(0, len(frame), step):
            arrays = []
            for column, rule in zip(columns, self.rules, strict=True):
                arrays.append(rule.to_arrow(column[start : start + step]))
                checkpoint()
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _rows_per_batch(self, columns: list[Any]) -> int:
        sample = sum(
            rule.to_arrow(column[:_TRIAL_ROWS]).nbytes for column, rule in zip(columns, self.rules, strict=True)
        )
        return int(max(1, min(parquet.BATCH_ROWS, parquet.BATCH_BYTES * _TRIAL_ROWS // max(sample, 1))))

    def try_out(self, value: Any, checkpoint: Checkpoint) -> None:
        """Store and read back the first rows, and compare: whatever the rules overlook is refused, not lost.

        Raises:
            UnsupportedValue: They come back different.
        """
        head = value.iloc[:_TRIAL_ROWS]
        frame, _ = as_frame(head, checkpoint)
        note = self.note | {"index": _index_note(head.index)}
        spool = io.BytesIO()
        parquet.write(spool, self.schema, self.batches(frame, checkpoint), no_checkpoint, note)
        try:
            with parquet.reading():
                back = decode(parquet.Reader(spool), checkpoint)
            assert_same(head, back)
        except (AssertionError, CodecError) as error:
            raise UnsupportedValue(
                f"this {type(value).__name__} would not come back equal from Parquet:"
                f" {' '.join(str(error).split())[:300]}; cast or leave out that column"
            ) from error


def _is_range(index: pd.Index[Any]) -> bool:
    return isinstance(index, pd.RangeIndex)


def _shown(label: object) -> str:
    return repr(label)[:80]


def _check_label_name(name: object, of: str) -> JSON:
    if name is None or type(name) in (str, int):
        return name  # type: ignore[return-value]
    raise UnsupportedValue(f"the name of {of} is {name!r:.60}, a {type(name).__name__}; make it a str")


def _index_note(index: pd.Index[Any]) -> JSON:
    if isinstance(index, pd.RangeIndex):
        return {
            "range": [index.start, index.stop, index.step],
            "names": [_check_label_name(index.name, "the index")],
        }
    freq = getattr(index, "freq", None) if isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)) else None
    if freq is not None:
        try:
            same = pd.tseries.frequencies.to_offset(freq.freqstr) == freq
        except ValueError:
            same = False
        if not same:
            raise UnsupportedValue(f"the index has the frequency {freq!r}, which has no name; set df.index.freq = None")
    return {
        "names": [_check_label_name(name, "an index level") for name in index.names],
        "multi": isinstance(index, pd.MultiIndex),
        "freq": None if freq is None else freq.freqstr,
    }


def _index_from(note: Any, arrays: list[Any], head: int | None = None) -> Any:
    names = note["names"]
    if "range" in note:
        start, stop, step = note["range"]
        return pd.RangeIndex(start, stop, step, name=names[0])[:head]
    if note["multi"]:
        return pd.MultiIndex.from_arrays([_plain_index(array, None) for array in arrays], names=names)
    index = _plain_index(arrays[0], names[0])
    if note["freq"] is not None and isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        index.freq = pd.tseries.frequencies.to_offset(note["freq"])  # type: ignore[misc]
    return index


def _plain_index(array: Any, name: Any) -> Any:
    # dtype said aloud: an Index of objects would be looked through and made something else
    return pd.Index(array, dtype=array.dtype, name=name, copy=False)


def _labels_note(labels: pd.Index[Any], checkpoint: Checkpoint) -> JSON:
    if isinstance(labels, pd.RangeIndex):
        return _index_note(labels)
    levels: list[JSON] = [
        pack_labels("the set of column names", array_of(labels.get_level_values(i)), checkpoint)
        for i in range(labels.nlevels)
    ]
    note = _index_note(labels)
    return {**note, "levels": levels} if isinstance(note, dict) else note


def _labels_from(note: Any) -> Any:
    return _index_from(note, [unpack_labels(level)[1] for level in note.get("levels", [])])


def _pandas_metadata(frame: pd.DataFrame, names: list[str]) -> dict[bytes, bytes] | None:
    """Return pandas' own note, so that `pandas.read_parquet` finds the index; None where pandas can't write one."""
    empty = frame.iloc[:0]
    empty.attrs = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            schema = pa.Schema.from_pandas(empty)
    except (pa.ArrowException, ValueError, TypeError, NotImplementedError, AttributeError):
        return None
    if schema.names != names or schema.metadata is None:
        return None
    note = json.loads(schema.metadata[b"pandas"])
    if isinstance(frame.index, pd.RangeIndex):
        for described in note["index_columns"]:
            if isinstance(described, dict):
                described.update(start=frame.index.start, stop=frame.index.stop, step=frame.index.step)
    return {b"pandas": json.dumps(note).encode()}
