"""Pictures as PNG: Pillow images, matplotlib figures, and objects that show themselves as one."""

from __future__ import annotations

import os
import struct
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, RunloopError, UnsupportedValue
from runloop_jupyter.values import pillow_images, rich
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name, type_names
from runloop_jupyter.values.libraries import need
from runloop_jupyter.values.text import CHUNK

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER: Final = struct.Struct(">8sI4sII BB")
_BANDS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values of a pixel by PNG's colour type."""
_COLOURS: Final = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}


class PngCodec:
    """``PIL.Image`` as PNG, equal in mode, size and pixels; figures and other pictures come back as ``PIL.Image``.

    A figure is drawn as a notebook shows it: at its own dpi, cut to what is on it. Of an image's ``info`` the colour
    profile, EXIF, resolution, transparency and texts are kept; what PNG has no place for is named in a note.
    """

    format = "png"
    kind = "image"
    content_type = "binary"
    suffix = ".png"
    summary = "Pillow images, matplotlib figures, what shows itself as PNG (come back as PIL.Image)"

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types; asks what has another name for its picture."""
        names = type_names(value)
        return "PIL.Image" in names or "matplotlib.Figure" in names or rich.picture(value, rich.PNG) is not None

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        names = type_names(value)
        name = type_name(value)
        facts: dict[str, JSON] = {}
        if "PIL.Image" in names:
            if note := pillow_images.write(value, file, checkpoint):
                facts["note"] = note
        elif "matplotlib.Figure" in names:
            _draw(value, file, checkpoint)
        elif (data := rich.picture(value, rich.PNG)) is not None:
            for start in range(0, len(data), CHUNK):
                file.write(data[start : start + CHUNK])
                checkpoint()
            if name != "IPython.Image":
                facts["note"] = f"the picture that the {name} shows is stored, not the {name}"
        else:
            raise UnsupportedValue(f"a {name} shows no PNG of itself")
        width, height, _ = _header(file)
        file.seek(0, os.SEEK_END)
        return {"pixels": [width, height], "type": name, **facts}

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the picture in `file`; see `Codec.decode`."""
        check_form(wish.form, self.format, ("image", "numpy"))
        need("PIL", "or --as path")
        width, height, _ = _header(file)
        image = pillow_images.read(file, (width, height), checkpoint)
        return need("numpy").array(image) if wish.form == "numpy" else image

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return its size and colours: the first bytes alone are read."""
        width, height, colour = _header(file)
        return Preview(text=f"{width:,} × {height:,} pixels, {_COLOURS.get(colour, 'PNG')}")

    def memory(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
        """Return about how many bytes its pixels take, as they are read and as they are given."""
        width, height, colour = _header(file)
        return 2 * width * height * _BANDS.get(colour, 4)


def _header(file: BinaryIO) -> tuple[int, int, int]:
    """Return width, height and colour type.

    Raises:
        DecodeError: It is no PNG.
    """
    file.seek(0)
    data = file.read(_HEADER.size)
    file.seek(0)
    if len(data) != _HEADER.size or not data.startswith(rich.PNG_MAGIC) or data[12:16] != b"IHDR":
        raise DecodeError("the stored bytes are not a PNG image; take them as bytes, or as a path")
    _, _, _, width, height, _, colour = _HEADER.unpack(data)
    return width, height, colour


def _draw(figure: Any, file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Draw a figure on a canvas of its own, as IPython's inline backend does; its window and state are let be.

    Raises:
        UnsupportedValue: It can't be drawn.
    """
    checkpoint()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a glyph that a font lacks was said when the user saw it
            figure.savefig(
                file,
                format="png",
                backend="agg",
                dpi=figure.dpi,
                bbox_inches="tight",
                facecolor=figure.get_facecolor(),
                edgecolor=figure.get_edgecolor(),
                metadata={"Software": None},
            )
    except (RunloopError, OSError, MemoryError):
        raise
    except Exception as error:
        raise UnsupportedValue(f"the figure can't be drawn ({type(error).__name__}: {error})") from error
    checkpoint()
