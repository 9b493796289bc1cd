"""Rows of the table, made of what a store says of its objects."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from runloop_jupyter.browser import protocol
from runloop_jupyter.transfer.manifest import format_of, whole
from runloop_jupyter.wire.objects import ContentType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runloop_jupyter.wire.browse import Facet, Freshness, Row
    from runloop_jupyter.wire.objects import ObjectView

CELL: Final = 200
"""Characters of a cell: more is cut."""
LONGEST: Final = 1000
"""Characters of a metadata key or value that may be chosen: more can't be shown, and cut it would be another one."""
_BY_CONTENT: Final = {
    ContentType.TEXT: "text",
    ContentType.TAR: "archive",
    ContentType.TGZ: "archive",
    ContentType.GZIP: "archive",
}
_BY_SUFFIX: Final = {
    **dict.fromkeys([".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".bmp", ".tif", ".tiff"], "image"),
    **dict.fromkeys([".parquet", ".csv", ".tsv", ".feather", ".arrow"], "table"),
    **dict.fromkeys([".npy", ".npz"], "array"),
    **dict.fromkeys([".zip", ".7z", ".xz", ".zst", ".bz2"], "archive"),
    **dict.fromkeys([".safetensors", ".pt", ".pth", ".skops", ".onnx"], "model"),
}


def row(found: Row, columns: Sequence[str]) -> protocol.Row:
    """Return a row with the cells of these metadata columns."""
    view = whole(found.object)
    metadata = view.metadata or {}
    return protocol.Row(
        id=view.id,
        name=view.name,
        state=view.state,
        size=view.size_bytes,
        put=view.create_time_ms,
        expires=view.delete_after_time_ms,
        kind=kind_of(view),
        format=format_shown(view),
        versions=found.versions,
        cells=[cut(metadata[key]) if key in metadata else None for key in columns],
    )


def kind_of(view: ObjectView) -> str:
    """Return what a person calls it: as it was put, else by its name and content type; empty where nothing tells."""
    kind = (view.metadata or {}).get("rl.kind", "")
    if kind not in {"", "file"}:
        return kind[:40]
    by_suffix = _BY_SUFFIX.get(PurePosixPath(view.name.lower()).suffix)
    return by_suffix or _BY_CONTENT.get(view.content_type) or kind  # type: ignore[call-overload]


def format_shown(view: ObjectView) -> str:
    """Return the stored format; of a plain file its content type, where that says anything."""
    said = format_of(view.metadata)
    if said in {None, "file"}:
        return "" if view.content_type == ContentType.UNSPECIFIED else view.content_type[:40]
    return str(said)[:40]


def cut(text: str) -> str:
    """Return a text as a cell shows it."""
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def facet(found: Facet) -> protocol.Facet:
    """Return a facet without values that nobody can read, nor a page take in."""
    known = [(text, n) for text, n in zip(found.values, found.counts, strict=True) if len(text) <= LONGEST]
    return protocol.Facet(
        key=found.key,
        values=[text for text, _ in known],
        counts=[n for _, n in known],
        distinct=found.distinct,
        complete=found.complete,
    )


def freshness(fresh: Freshness) -> protocol.Freshness:
    """Return how far a store is known."""
    return protocol.Freshness(
        indexed=fresh.indexed,
        whole=fresh.whole,
        walking=fresh.walking,
        looked=fresh.looked_ms,
        trouble=fresh.trouble,
    )
