"""What an object is called in a mount, and what it is there: nothing that a store says leads out of it."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from runloop_jupyter.mounts.kind import Kind
from runloop_jupyter.transfer.cache import file_name
from runloop_jupyter.transfer.manifest import format_of, is_folder
from runloop_jupyter.wire.objects import ContentType

if TYPE_CHECKING:
    from runloop_jupyter.wire.objects import ObjectView

FILE: Final = "file"
FOLDER: Final = "folder"
TAR_GZ: Final = "tar.gz"
DEPTH: Final = 64
LONGEST: Final = 2048
"""Bytes of a path; systems take 4,096, the mount's own directory among them."""
_ARCHIVES: Final = (".tar.gz", ".tgz", ".tar")


def kind_of(view: ObjectView) -> Kind:
    """Return what an object is in a mount. What a devbox would unpack is a directory; so is a folder."""
    if is_folder(view):
        return Kind.FOLDER
    has, lower = view.metadata or {}, view.name.lower()
    stored = format_of(has)
    if has.get("rl.kind") == FOLDER and stored == TAR_GZ:
        return Kind.ARCHIVE
    if stored not in {FILE, None}:  # a value, whatever it is called
        return Kind.FILE
    if view.content_type in {ContentType.TAR, ContentType.TGZ}:
        return Kind.ARCHIVE
    # Of gzip alone most is one file, a log or a table; a devbox would unpack that too, and call it who knows how.
    is_tar = view.content_type == ContentType.GZIP and lower.endswith(_ARCHIVES[:2])
    return Kind.ARCHIVE if is_tar else Kind.FILE


def parts_of(path: str, view: ObjectView, kind: Kind) -> tuple[str, ...]:
    """Return the parts of a path as any disk takes them, the last with the suffix that its value goes by.

    Args:
        path: As it is wanted, with slashes.
        view: The object.
        kind: What it is.

    Example:
        >>> from runloop_jupyter.wire.objects import ObjectView
        >>> view = ObjectView(id="1", name="", state="READ_ONLY", content_type="tgz", create_time_ms=0)
        >>> parts_of("runs//../7: best.tar.gz", view, Kind.ARCHIVE)
        ('runs', 'object', '7_ best')
    """
    said = [each for each in path.split("/") if each not in {"", "."}] or ["object"]
    if kind is Kind.ARCHIVE:
        lower = said[-1].lower()
        ending = next((each for each in _ARCHIVES if lower.endswith(each)), "")
        said[-1] = said[-1][: len(said[-1]) - len(ending)]
    *above, last = said
    parts = (*map(file_name, above), file_name(last, _suffix_of(view, kind)))
    if len(parts) > DEPTH or len("/".join(parts).encode()) > LONGEST:
        return parts[0], parts[-1]
    return parts


def marked(parts: tuple[str, ...], mark: str, kind: Kind) -> str:
    """Return a path by which an object is told from others that would have the same.

    Args:
        parts: Its parts.
        mark: What tells it, a few letters.
        kind: What it is; a file's suffix stays at its end.

    Example:
        >>> marked(("runs", "a.csv"), "3fa9c", Kind.FILE), marked(("v1.2",), "3fa9c", Kind.FOLDER)
        ('runs/a~3fa9c.csv', 'v1.2~3fa9c')
    """
    *above, last = parts
    stem, dot, ending = last.rpartition(".") if kind is Kind.FILE else ("", "", "")
    if not stem or len(ending) > 20:
        stem, dot, ending = last, "", ""
    return "/".join([*above, f"{stem}~{mark}{dot}{ending}"])


def key_of(path: str) -> str:
    """Return what tells paths apart on any disk: to macOS neither case nor how an é is written makes two of one.

    Example:
        >>> key_of("Å/B") == key_of("a\u030a/b")
        True
    """
    # Canonical caseless matching, as Unicode has it (3.13, D145).
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def _suffix_of(view: ObjectView, kind: Kind) -> str:
    """Return the suffix of a value's stored form; none for what was a file."""
    stored = format_of(view.metadata)
    if kind is not Kind.FILE or stored in {FILE, None}:
        return ""
    from runloop_jupyter.values import registry  # for a value only: it looks for codecs of other packages

    return registry.suffix(stored, view.name)
