"""JSON: plain Python data that comes back equal, of the same types."""

from __future__ import annotations

import io
import json
import math
import re
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, UnsupportedValue
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name
from runloop_jupyter.values.text import head_text, read_text, text_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DEPTH: Final = 200
"""Containers within containers: more than data has, less than the reader's own limit."""
_BATCH: Final = 20_000
"""Values handed to the C encoder in one call: some milliseconds."""
_WATCHED: Final = 4 << 20
"""Characters from which decoding pays for a look at the checkpoint now and then."""
_FLAT: Final = {str, bool, int, type(None)}
_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*")
_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode


class JsonCodec:
    """``dict``, ``list``, ``int``, ``float``, ``bool`` and ``None`` as UTF-8 JSON."""

    format = "json"
    kind = "json"
    content_type = "text"
    suffix = ".json"
    summary = "dict, list, int, float, bool, None"

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        return type(value) in (dict, list, int, float, bool, type(None))

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        _Writer(file, checkpoint).write_root(value)
        facts: dict[str, JSON] = {"type": "null" if value is None else type(value).__name__}
        if isinstance(value, (dict, list)):
            facts["items"] = len(value)
        return facts

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the value in `file`; see `Codec.decode`."""
        check_form(wish.form, self.format, ("text",))
        text = read_text(file, "the stored JSON", checkpoint)
        if wish.form == "text":
            return text
        decoder = _watched_decoder(checkpoint) if len(text) > _WATCHED else json.JSONDecoder()
        try:
            return decoder.decode(text)
        except RecursionError as error:
            raise DecodeError("the stored JSON is nested too deeply to read; take it as text, or as a path") from error
        except ValueError as error:
            raise DecodeError(f"the stored value is not JSON ({error}); take it as text, or as a path") from error

    def memory(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
        """Return about how many bytes `decode` takes at its peak; see `memory_for`."""
        text = text_memory(file, None)
        # records came to 5 to 7 times their text; lists of empty lists would be 20 times theirs
        return text if wish.form == "text" else text + 6 * file.seek(0, io.SEEK_END)

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return what shows without reading `file` whole; see `Codec.peek`."""
        text = head_text(file)
        return None if text is None else Preview(text=text)


def check_json(value: object, name: str) -> None:
    """Refuse a `value` that JSON would not give back equal.

    Raises:
        UnsupportedValue: Names the place, beginning with `name`: ``results[3].score is nan``.
    """
    try:
        _Weigher(lambda: None, thorough=True).weigh(value, 0)
    except _Unfit as unfit:
        raise unfit.refusal(name) from None


class _Unfit(Exception):
    """Something JSON can't give back; ``path`` grows from the inside out on its way up."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str | int] = []

    def refusal(self, name: str = "") -> UnsupportedValue:
        steps = [
            f"[{step}]" if isinstance(step, int) else f".{step}" if _IDENTIFIER.fullmatch(step) else f"[{step!r}]"
            for step in reversed(self.path)
        ]
        if len(steps) > 12:
            steps = [*steps[:6], "…", *steps[-4:]]
        place = (name + "".join(steps)).lstrip(".") or "the value"
        return UnsupportedValue(f"{place} {self.reason}")


class _Weigher:
    """Finds what JSON would change, and counts values so that the writer can batch them."""

    def __init__(self, checkpoint: Checkpoint, *, thorough: bool = False) -> None:
        self._checkpoint = checkpoint
        self._thorough = thorough  # look at each string and integer too, which the encoder otherwise does
        self._unchecked = 0

    def weigh(self, value: object, depth: int) -> int:
        """Return the number of values in `value`. Raises `_Unfit`."""
        kind = type(value)
        if kind in _FLAT:
            if self._thorough:
                _check_scalar(value)
            return 1
        if isinstance(value, float) and kind is float:
            if not math.isfinite(value):
                raise _Unfit(f"is {value}, which JSON can't hold; use None, or put it as an array")
            return 1
        check_container(value, depth)
        total = 1
        if isinstance(value, list):
            for start in range(0, len(value), _BATCH):
                piece = value[start : start + _BATCH]
                if not self._thorough and _is_flat(piece):
                    total += len(piece)
                else:
                    total += self._sum(enumerate(piece, start), depth)
                self.tick(_BATCH)
        elif isinstance(value, dict):
            for key in value:
                check_key(key)
            total += self._sum(value.items(), depth)
        self.tick(total)
        return total

    def tick(self, values: int) -> None:
        self._unchecked += values
        if self._unchecked >= _BATCH:
            self._unchecked = 0
            self._checkpoint()

    def _sum(self, members: Iterable[tuple[Any, object]], depth: int) -> int:
        total = 0
        for key, each in members:
            try:
                total += self.weigh(each, depth + 1)
            except _Unfit as unfit:
                unfit.path.append(key)
                raise
        return total


class _Writer:
    """Checks and writes piece by piece: small members many to a call of the C encoder, large ones by themselves."""

    def __init__(self, file: BinaryIO, checkpoint: Checkpoint) -> None:
        self._file = file
        self._checkpoint = checkpoint
        self._weigher = _Weigher(checkpoint)

    def write_root(self, value: object) -> None:
        try:
            self._write(value, 0)
        except _Unfit as unfit:
            raise unfit.refusal() from None
        except ValueError as error:  # a lone surrogate (UnicodeEncodeError) or an integer past the digits limit
            check_json(value, "")
            raise UnsupportedValue(f"the value can't be written as JSON: {error}") from error

    def _write(self, value: object, depth: int) -> None:
        if isinstance(value, (list, dict)):
            check_container(value, depth)
            self._write_members(value, depth)
        else:
            self._weigher.weigh(value, depth)
            self._file.write(_dumps(value).encode())

    def _write_members(self, value: list[Any] | dict[Any, Any], depth: int) -> None:
        opening, closing = ("[", "]") if isinstance(value, list) else ("{", "}")
        separator = opening
        batch: dict[Any, object] = {}
        weight = 0

        def flush() -> None:
            nonlocal separator, weight
            if batch:
                members = list(batch.values()) if isinstance(value, list) else batch
                self._file.write((separator + _dumps(members)[1:-1]).encode())
                separator = ","
                batch.clear()
                weight = 0
                self._checkpoint()

        def members() -> Iterator[tuple[Any, object]]:
            """Yield what needs a look of its own; long runs of scalars are written on the way."""
            nonlocal separator
            if isinstance(value, dict):
                yield from value.items()
                return
            for start in range(0, len(value), _BATCH):
                piece = value[start : start + _BATCH]
                if _is_flat(piece):
                    flush()
                    self._file.write((separator + _dumps(piece)[1:-1]).encode())
                    separator = ","
                    self._checkpoint()
                else:
                    yield from enumerate(piece, start)

        for key, each in members():
            if isinstance(value, dict):
                check_key(key)
            try:
                size = self._weigher.weigh(each, depth + 1)
                if size <= _BATCH:
                    batch[key] = each
                    weight += size
                    if weight >= _BATCH:
                        flush()
                    continue
                flush()
                self._file.write((separator + (f"{_dumps(key)}:" if isinstance(value, dict) else "")).encode())
                separator = ","
                self._write(each, depth + 1)
            except _Unfit as unfit:
                unfit.path.append(key)
                raise
        flush()
        self._file.write(((opening if separator == opening else "") + closing).encode())


def check_key(key: object) -> None:
    """Raise `_Unfit` for a key that JSON would turn into a string, or that a reader could not compare."""
    if type(key) is not str:
        raise _Unfit(f"has the key {key!r:.60} ({type_name(key)}), and JSON keys are str; make it a str")


def check_container(value: object, depth: int) -> None:
    """Raise `_Unfit` for anything but a plain ``dict`` or ``list`` within the depth."""
    if type(value) not in (dict, list):
        raise _Unfit(f"is a {type_name(value)}, which JSON can't give back; {_advice(value)}")
    if depth >= DEPTH:
        raise _Unfit(f"is more than {DEPTH} containers deep (or holds itself); flatten it")


def _check_scalar(value: object) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Unfit("has a lone surrogate, which UTF-8 can't hold; mend the text") from None
    elif isinstance(value, int):
        try:
            str(value)
        except ValueError:
            raise _Unfit(
                f"is an integer of more than {sys.get_int_max_str_digits():,} digits; put hex(value), a str"
            ) from None


def _is_flat(piece: list[Any]) -> bool:
    """Whether `piece` is all scalars that JSON keeps, found without a Python step for each."""
    kinds = set(map(type, piece))
    return kinds <= _FLAT or (kinds == {float} and all(map(math.isfinite, piece)))


def _advice(value: object) -> str:
    for kind, advice in (
        (tuple, "use a list"),
        ((set, frozenset), "use a sorted list"),
        ((bytes, bytearray, memoryview), "put bytes by themselves, or use base64 text"),
        (
            (bool, int, float, str),
            f"use the plain {next((b.__name__ for b in (int, float, str) if isinstance(value, b)), '')}",
        ),
        (dict, "use dict(…)"),
        (list, "use list(…)"),
    ):
        if isinstance(value, kind):
            return advice
    if hasattr(value, "tolist"):
        return "use .tolist()"
    return "use dict, list, str, int, float, bool or None"


def _watched_decoder(checkpoint: Checkpoint) -> json.JSONDecoder:
    """Return a decoder that comes back to Python for objects and numbers, so that other threads get a turn."""
    seen = 0

    def tick() -> None:
        nonlocal seen
        seen += 1
        if not seen % _BATCH:
            checkpoint()

    def to_float(text: str) -> float:
        tick()
        return float(text)

    def to_int(text: str) -> int:
        tick()
        return int(text)

    def to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        tick()
        return dict(pairs)

    return json.JSONDecoder(object_pairs_hook=to_dict, parse_float=to_float, parse_int=to_int)
