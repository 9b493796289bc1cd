"""scikit-learn estimators as skops: rebuilt from types that are known, or that its user trusts by a flag."""

from __future__ import annotations

import io
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, RunloopError, UnsafeValue, UnsupportedValue
from runloop_jupyter.values import zipped
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name, type_names
from runloop_jupyter.values.libraries import need

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA: Final = "schema.json"
_CHUNK: Final = 8 << 20
_NAMED: Final = 6
_SCHEMA_LIMIT: Final = 256 << 20
_WHAT: Final = "the stored model"


class SkopsCodec:
    """scikit-learn estimators and pipelines, fitted or not.

    What is made of types that skops knows to be harmless, as scikit-learn's own are, comes back without a flag; any
    other type needs ``trust``. One model put twice is the same bytes.
    """

    format = "skops"
    kind = "model"
    content_type = "binary"
    suffix = ".skops"
    summary = "scikit-learn estimators and pipelines"

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        return "sklearn.BaseEstimator" in type_names(value)

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        skops = need("skops.io")
        sklearn = need("sklearn")
        dumped = io.BytesIO()
        checkpoint()
        try:
            skops.dump(value, dumped)
        except (RunloopError, OSError, MemoryError):
            raise
        except Exception as error:
            raise UnsupportedValue(_refusal(value, f"skops can't hold it ({error})")) from error
        _write_stable(dumped, file, checkpoint)
        del dumped
        untrusted = _untrusted(file)
        if own := [name for name in untrusted if name.startswith("__main__.")]:
            raise UnsupportedValue(_refusal(value, f"{own[0]} is known to this notebook alone; move it into a module"))
        checkpoint()
        _try(value, file, untrusted)
        file.seek(0, os.SEEK_END)
        facts: dict[str, JSON] = {"type": type_name(value), "library": f"scikit-learn {sklearn.__version__}"}
        if untrusted:
            facts["note"] = f"getting it back needs --trust, for {_some(untrusted)}"
        return facts

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the estimator in `file`; see `Codec.decode`."""
        check_form(wish.form, self.format, ("model",))
        need("sklearn", "or --as path")
        skops = need("skops.io", "or --as path")
        _check(file)
        checkpoint()
        untrusted = _untrusted(file)
        if untrusted and not wish.trust:
            raise UnsafeValue(
                f"{_WHAT} holds types that can run code when they are rebuilt: {_some(untrusted)}; if you trust its"
                " maker, add --trust (trust=True), or take it as a path"
            )
        checkpoint()
        file.seek(0)
        try:
            return skops.load(file, trusted=untrusted)
        except (RunloopError, MemoryError):
            raise
        except Exception as error:
            made = facts.get("library")
            raise DecodeError(
                f"{_WHAT} can't be rebuilt here ({type(error).__name__}: {error})"
                + (f"; it was made with {made!s:.40}" if made else "; take it as a path")
            ) from error

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return its type, by what was said when it was put."""
        kind = facts.get("type")
        return Preview(text=kind) if isinstance(kind, str) else None

    def memory(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
        """Return about how many bytes the model takes: its arrays, once as they are read and once as they are kept."""
        return 2 * zipped.unpacked_size(file, _WHAT)


def _write_stable(dumped: BinaryIO, file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write a dump of skops so that the same model is always the same bytes.

    skops numbers objects by their address in memory and dates members now; here they are numbered as they come. The
    schema goes first, for the format to be seen in the file's first bytes.
    """
    with zipfile.ZipFile(dumped) as source, zipfile.ZipFile(file, "w") as archive:
        names = [name for name in source.namelist() if name != SCHEMA]
        schema = json.loads(source.read(SCHEMA))
        renamed = _renumber(schema, set(names))
        archive.writestr(zipfile.ZipInfo(SCHEMA), json.dumps(schema, separators=(",", ":")))
        for old in sorted(names, key=lambda name: _place(renamed, name)):
            with source.open(old) as given, archive.open(zipfile.ZipInfo(renamed.get(old, old)), "w") as taken:
                while chunk := given.read(_CHUNK):
                    taken.write(chunk)
                    checkpoint()


def _place(renamed: Mapping[str, str], name: str) -> int:
    return list(renamed).index(name) if name in renamed else len(renamed)


def _renumber(schema: Any, members: set[str]) -> dict[str, str]:
    """Number ids and members in `schema` in the order they come in; return the members' old names and new."""
    ids: dict[int, int] = {}
    renamed: dict[str, str] = {}
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += reversed(node)
        elif isinstance(node, dict):
            if isinstance(number := node.get("__id__"), int):
                node["__id__"] = ids.setdefault(number, len(ids) + 1)
            if isinstance(name := node.get("file"), str) and name in members:
                node["file"] = renamed.setdefault(name, f"{len(renamed) + 1}.{name.rpartition('.')[2]}")
            waiting += reversed(list(node.values()))
    return renamed


def _check(file: BinaryIO) -> None:
    """Look a zip over before skops reads its schema and members whole.

    Raises:
        DecodeError: It is none of skops, or lies about itself.
    """
    archive, infos = zipped.members(file, _WHAT)
    archive.close()
    schema = next((info for info in infos if info.filename == SCHEMA), None)
    if schema is None or schema.file_size > _SCHEMA_LIMIT:
        raise DecodeError("the stored bytes are not a model of skops; take them as bytes, or as a path")


def _untrusted(file: BinaryIO) -> list[str]:
    """Return the names of the types in `file` that skops doesn't know to be harmless. Builds none of them.

    Raises:
        DecodeError: It can't be told.
    """
    file.seek(0)
    try:
        return list(need("skops.io").get_untrusted_types(file=file))
    except (RunloopError, MemoryError):
        raise
    except Exception as error:
        raise DecodeError(
            f"{_WHAT} can't be looked through ({type(error).__name__}: {error}); take it as bytes, or as a path"
        ) from error


def _try(value: Any, file: BinaryIO, untrusted: list[str]) -> None:
    """Rebuild what was written, once: its types are of its own maker's process.

    Raises:
        UnsupportedValue: It doesn't come back as it was.
    """
    file.seek(0)
    try:
        back = need("skops.io").load(file, trusted=untrusted)
        same = type(back) is type(value) and vars(back).keys() == vars(value).keys()
        same = same and repr(back.get_params()) == repr(value.get_params())
    except (RunloopError, OSError, MemoryError):
        raise
    except Exception as error:
        raise UnsupportedValue(_refusal(value, f"skops wrote it and can't read it ({error})")) from error
    if not same:
        raise UnsupportedValue(_refusal(value, "it would come back from skops with other parameters"))


def _refusal(value: object, why: str) -> str:
    return f"a {type_name(value)} can't be stored: {why}; or add --pickle (pickle=True)"


def _some(names: list[str]) -> str:
    shown = ", ".join(name[:80] for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
