"""pandas DataFrames as Parquet and back: index, labels and attrs ride in the file's footer.

The file is an ordinary one: `pandas.read_parquet` and every other reader see the same rows. What Parquet has no word
for (a RangeIndex, labels that are numbers, unused categories, a frequency) stands in a note of our own beside pandas'.
"""

from __future__ import annotations

import io
import json
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import pandas as pd
import pyarrow as pa

from runloop_jupyter.errors import CodecError, DecodeError, UnsupportedValue
from runloop_jupyter.values import parquet
from runloop_jupyter.values.codec import no_checkpoint
from runloop_jupyter.values.jsontext import check_json
from runloop_jupyter.values.pandas_columns import Rule, array_of, pack_labels, rule_for, rule_from, unpack_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.values.codec import JSON, Checkpoint

_VERSION: Final = 1
_TRIAL_ROWS: Final = 500


def encode(frame: pd.DataFrame, file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write `frame`, a plain pandas DataFrame.

    Raises:
        UnsupportedValue: It would not come back equal; the message names the column, its type and what to do.
    """
    plan = _Plan(frame, checkpoint)
    plan.try_out(frame, checkpoint)
    parquet.write(file, plan.schema, plan.batches(frame, checkpoint), checkpoint, plan.note)


def is_noted(note: dict[str, Any] | None) -> bool:
    """Whether a file's note is of a frame that `encode` wrote."""
    return note is not None and note.get("library") == "pandas"


def decode(reader: parquet.Reader, checkpoint: Checkpoint) -> pd.DataFrame:
    """Return the frame that `encode` wrote.

    Raises:
        DecodeError: The file is damaged, or written by a newer version of this package.
    """
    note = reader.note or {}
    if note.get("version") != _VERSION:
        raise DecodeError("the stored table was written by a newer runloop_jupyter; upgrade it, or take it --as arrow")
    specs = note["rules"]
    chunks: list[list[pa.Array]] = [[] for _ in reader.schema]
    for batch in reader.batches(checkpoint):
        for column, into in zip(batch.columns, chunks, strict=True):
            into.append(column)
    if len(specs) != len(chunks):
        raise DecodeError("the stored table's note is of another table; take it --as arrow")
    arrays = [
        rule_from(spec, field.type).from_arrow(into, checkpoint)
        for spec, field, into in zip(specs, reader.schema, chunks, strict=True)
    ]
    labels = _labels_from(note["columns"])
    index = _index_from(note["index"], arrays[len(labels) :])
    # One array after the other, not copied into blocks: half the memory, and no long step.
    columns = {
        # dtype said aloud: a Series of objects would be looked through and made text
        i: pd.Series(array, index=index, dtype=array.dtype, copy=False)
        for i, array in enumerate(arrays[: len(labels)])
    }
    frame = pd.DataFrame(columns, index=index, copy=False)
    frame.columns = labels
    frame.attrs = note["attrs"]
    return frame if note["duplicates"] else frame.set_flags(allows_duplicate_labels=False)


class _Plan:
    """The rule of each column and index level, and the note; made before a byte is written."""

    def __init__(self, frame: pd.DataFrame, checkpoint: Checkpoint) -> None:
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
            metadata=_pandas_metadata(frame, self.names + level_names),
        )
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
        }

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

    def try_out(self, frame: pd.DataFrame, checkpoint: Checkpoint) -> None:
        """Store and read back the first rows, and compare: whatever the rules overlook is refused, not lost.

        Raises:
            UnsupportedValue: They come back different.
        """
        from pandas.testing import assert_frame_equal

        head = frame.iloc[:_TRIAL_ROWS]
        note = self.note | {"index": _index_note(head.index)}
        spool = io.BytesIO()
        parquet.write(spool, self.schema, self.batches(head, checkpoint), no_checkpoint, note)
        try:
            with parquet.reading():
                back = decode(parquet.Reader(spool), checkpoint)
            assert_frame_equal(head, back, check_exact=True, check_freq=True)
        except (AssertionError, CodecError) as error:
            raise UnsupportedValue(
                f"this DataFrame would not come back equal from Parquet: {' '.join(str(error).split())[:300]};"
                " cast or leave out that column"
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


def _index_from(note: Any, arrays: list[Any]) -> Any:
    names = note["names"]
    if "range" in note:
        start, stop, step = note["range"]
        return pd.RangeIndex(start, stop, step, name=names[0])
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
