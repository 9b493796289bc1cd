"""What an object is called to hold: the content type that goes with a name.

Devboxes unpack by content type and people filter by it; the name decides, as with the published clients.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from runloop_jupyter.wire.objects import ContentType

_TEXT_SUFFIXES: Final = frozenset(
    [".css", ".csv", ".html", ".js", ".json", ".log", ".md", ".py", ".toml", ".tsv", ".txt", ".xml", ".yaml", ".yml"]
)
_PACKED_SUFFIXES: Final = {".gz": ContentType.GZIP, ".tar": ContentType.TAR, ".tgz": ContentType.TGZ}


def content_type_of(name: str) -> ContentType:
    """Return the content type that goes with the name of a file.

    Example:
        >>> content_type_of("birds.csv"), content_type_of("birds.TAR.GZ")
        (<ContentType.TEXT: 'text'>, <ContentType.TGZ: 'tgz'>)
    """
    lower = name.lower()
    if lower.endswith(".tar.gz"):
        return ContentType.TGZ
    suffix = PurePosixPath(lower).suffix
    return ContentType.TEXT if suffix in _TEXT_SUFFIXES else _PACKED_SUFFIXES.get(suffix, ContentType.UNSPECIFIED)
