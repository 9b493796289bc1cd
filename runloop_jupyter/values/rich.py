"""What an object shows of itself in a notebook, by IPython's own protocol: a PNG or an SVG picture, or neither."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.values.codec import type_names
from runloop_jupyter.values.svg_text import is_svg

if TYPE_CHECKING:
    from collections.abc import Mapping

PNG: Final = "image/png"
SVG: Final = "image/svg+xml"
PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_METHODS: Final = {PNG: "_repr_png_", SVG: "_repr_svg_"}
_BUNDLE: Final = "_repr_mimebundle_"
_NOT_PICTURES: Final = frozenset(["shapely", "sympy", "rdkit"])
"""Libraries whose values can draw themselves and are more than their drawing."""


def picture(value: object, mime: str) -> bytes | None:
    """Return the picture of type `mime` that `value` shows of itself; None where it shows none.

    Args:
        value: Any object. Its methods are called only where its class has them: they run its own code.
        mime: ``image/png`` or ``image/svg+xml``.

    Raises:
        Exception: What its method raises.
    """
    kind = type(value)
    if isinstance(value, type) or any(name.partition(".")[0] in _NOT_PICTURES for name in type_names(value)):
        return None
    shown: Any = None
    if callable(getattr(kind, _BUNDLE, None)):
        shown = _from_bundle(value._repr_mimebundle_(include=None, exclude=None), mime)  # type: ignore[attr-defined]
    if shown is None and callable(getattr(kind, _METHODS[mime], None)):
        shown = getattr(value, _METHODS[mime])()
    if isinstance(shown, tuple):  # with metadata: its width and height on the page
        shown = shown[0] if shown else None
    return _png(shown) if mime == PNG else _svg(shown)


def _from_bundle(bundle: Any, mime: str) -> Any:
    data: Mapping[str, Any] | Any = bundle[0] if isinstance(bundle, tuple) and bundle else bundle
    return data.get(mime) if isinstance(data, dict) else None


def _png(shown: object) -> bytes | None:
    if isinstance(shown, str):
        try:
            shown = binascii.a2b_base64(shown)
        except ValueError:
            return None
    return shown if isinstance(shown, bytes) and shown.startswith(PNG_MAGIC) else None


def _svg(shown: object) -> bytes | None:
    if isinstance(shown, str):
        shown = shown.encode(errors="replace")
    return shown if isinstance(shown, bytes) and is_svg(shown) else None
