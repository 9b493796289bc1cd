"""SVG as text from anywhere: whether it is SVG, and whether it does anything but draw."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final
from xml.parsers import expat

from runloop_jupyter.errors import DecodeError
from runloop_jupyter.values.text import chunks

if TYPE_CHECKING:
    from runloop_jupyter.values.codec import Checkpoint

_BEGINS: Final = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE\s+svg[^>\[]*>\s*)*<(?:svg:)?svg[\s>/]", re.DOTALL
)
_BOM: Final = b"\xef\xbb\xbf"
_ACTIVE: Final = frozenset(["script", "foreignobject", "handler", "listener", "iframe", "object", "embed"])
_SCHEMES: Final = ("javascript:", "vbscript:", "data:text/html", "data:application/xhtml")
_SPACES: Final = re.compile(r"[\s\x00-\x20]+")


def is_svg(head: bytes) -> bool:
    """Whether `head`, the first bytes of something, begins an SVG document."""
    return _BEGINS.match(head.removeprefix(_BOM)) is not None


def activity(file: BinaryIO, checkpoint: Checkpoint) -> str | None:
    """Return what in an SVG could run code where it is shown, in a word or two; None where nothing could.

    Raises:
        DecodeError: It is not SVG, or declares entities, with which a short text becomes an endless one.
    """
    found: list[str] = []
    depth = 0

    def element(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        namespace, _, local = name.rpartition(" ")
        if not depth and local != "svg":
            raise DecodeError("the stored text is XML and not SVG; take it as text, or as a path")
        depth += 1
        if local.lower() in _ACTIVE or "xhtml" in namespace:
            found.append(f"<{local}>")
        for key, value in attributes.items():
            plain = key.rpartition(" ")[2].lower()
            if plain.startswith("on") or (plain == "attributename" and value.lower().startswith("on")):
                found.append(plain)
            elif any(scheme in _SPACES.sub("", value).lower() for scheme in _SCHEMES):
                found.append(f"a link that runs code ({plain})")

    def declared(*_: object) -> None:
        raise DecodeError("the stored SVG declares entities, and was not read; take it as text, or as a path")

    def instruction(target: str, _: str) -> None:
        found.append(f"<?{target}?>")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = element
    parser.EntityDeclHandler = declared
    parser.ProcessingInstructionHandler = instruction
    try:
        for chunk in chunks(file, checkpoint):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise DecodeError(f"the stored text is not SVG ({error}); take it as text, or as a path") from error
    return found[0][:60] if found else None
