"""Pillow images to PNG and back, with what would change found by reading back what was written."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from runloop_jupyter.errors import DecodeError, RunloopError, UnsupportedValue
from runloop_jupyter.values.codec import type_name
from runloop_jupyter.values.libraries import need
from runloop_jupyter.values.watched import Watched

if TYPE_CHECKING:
    from runloop_jupyter.values.codec import Checkpoint

_MODES: Final = frozenset(["1", "L", "LA", "I;16", "P", "RGB", "RGBA"])
"""What PNG holds as it is."""
_ADVICE: Final = {
    "F": "put numpy.asarray(image)",
    "I": "put image.convert('I;16') if its values fit, or numpy.asarray(image)",
    "I;16B": "put image.convert('I;16')",
    "LAB": "put numpy.asarray(image), or the file's path",
    "P": "put image.convert('RGBA')",
    "PA": "put image.convert('RGBA')",
    "RGBa": "put image.convert('RGBA')",
    "La": "put image.convert('LA')",
}
_JPEG: Final = ("adobe", "adobe_transform", "jfif", "jfif_density", "jfif_unit", "jfif_version", "mp", "mpoffset")
_OTHERS: Final = ("background", "chromaticity", "compression", "duration", "extension", "gamma", "interlace", "loop")
_MAKING: Final = ("progression", "progressive", "resolution", "srgb", "timestamp", "version")
_OF_THE_FILE: Final = frozenset([*_JPEG, *_OTHERS, *_MAKING])
"""Of an image's ``info``, what says how its file was made and nothing about the picture."""
_KEPT: Final = frozenset(["dpi", "exif", "icc_profile", "transparency"])


def write(image: Any, file: BinaryIO, checkpoint: Checkpoint) -> str | None:
    """Write an image as PNG.

    Returns:
        A note on what of its ``info`` PNG has no place for; None where that is nothing.

    Raises:
        UnsupportedValue: It would not come back equal.
    """
    _check(image)
    texts = {key: text for key, text in image.info.items() if key not in _KEPT and _is_text(key, text)}
    options = {key: image.info[key] for key in ("dpi", "exif") if key in image.info}
    if len(exif := image.getexif()):
        options["exif"] = exif.tobytes()
    try:
        image.save(Watched(file, checkpoint), format="PNG", pnginfo=_pnginfo(texts), **options)
    except (RunloopError, MemoryError):
        raise
    except Exception as error:
        raise UnsupportedValue(f"the image can't be written as PNG ({error}); put its file's path") from error
    back = read(file, image.size, checkpoint)
    if changed := _changed(image, back):
        raise UnsupportedValue(f"the {changed} of this {image.mode} image would come back changed; {_advice(image)}")
    lost = sorted(set(map(str, image.info)) - set(map(str, back.info)) - _OF_THE_FILE)
    return f"not kept of image.info: {', '.join(lost)[:100]}" if lost else None


def read(file: BinaryIO, size: tuple[int, int], checkpoint: Checkpoint) -> Any:
    """Return the PNG in `file` as a plain ``PIL.Image.Image``, whole in memory.

    Args:
        file: Seekable.
        size: What its header says, in pixels.
        checkpoint: Called while it is read.

    Raises:
        DecodeError: It is damaged, or has more pixels than Pillow was told to take.
    """
    image_module = need("PIL.Image")
    most = image_module.MAX_IMAGE_PIXELS
    if most is not None and size[0] * size[1] > most:
        raise DecodeError(f"the stored image has {size[0] * size[1]:,} pixels{_too_many(most)}, or take it as a path")
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with image_module.open(Watched(file, checkpoint), formats=("PNG",)) as opened:
                opened.load()
                image = opened.copy()
    except (RunloopError, MemoryError):
        raise
    except Exception as error:
        raise DecodeError(f"the stored image can't be read ({error}); take it as bytes, or as a path") from error
    return image


def _check(image: Any) -> None:
    if image.mode not in _MODES:
        raise UnsupportedValue(f"PNG can't hold an image of mode {image.mode}; {_advice(image)}")
    if getattr(image, "n_frames", 1) > 1:
        raise UnsupportedValue(
            f"only the first of this image's {image.n_frames:,} frames would come back; put its file's path, or"
            " image.copy() for the frame it stands at"
        )
    if 0 in image.size:
        raise UnsupportedValue(f"an image of {image.width} × {image.height} pixels has no stored form")
    most = need("PIL.Image").MAX_IMAGE_PIXELS
    if most is not None and image.width * image.height > most:
        raise UnsupportedValue(
            f"the image has {image.width * image.height:,} pixels{_too_many(most)}, or put numpy.asarray(image)"
        )
    try:
        image.load()
    except Exception as error:
        raise UnsupportedValue(
            f"the image of this {type_name(image)} can't be read ({error}); open it again"
        ) from error


def _too_many(most: int) -> str:
    return f", more than Pillow takes ({most:,}): set PIL.Image.MAX_IMAGE_PIXELS = None if you trust its maker"


def _advice(image: Any) -> str:
    return _ADVICE.get(image.mode, "put image.convert('RGB'), or numpy.asarray(image)")


def _is_text(key: object, text: object) -> bool:
    """Whether an entry of ``info`` can be a text of PNG: its key is 1 to 79 characters of Latin-1."""
    try:
        return isinstance(key, str) and 0 < len(key.encode("latin-1", "strict")) < 80 and isinstance(text, str)
    except UnicodeEncodeError:
        return False


def _pnginfo(texts: dict[str, str]) -> Any:
    info = need("PIL.PngImagePlugin").PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    return info


def _changed(image: Any, back: Any) -> str | None:
    """Return what of the picture itself isn't the same; None where all is."""
    if (image.mode, image.size) != (back.mode, back.size):
        return "mode or size"
    if image.mode == "P" and _colours(image) != _colours(back):
        return "palette"
    if _transparency(image) != _transparency(back):
        return "transparency"
    return None if image.tobytes() == back.tobytes() else "pixels"


def _colours(image: Any) -> bytes:
    """Return the palette's colours, without the black ones at its end that nothing needs."""
    return bytes(image.getpalette("RGB") or ()).rstrip(b"\0")


def _transparency(image: Any) -> object:
    """Return which colour, or how much of each in a palette, is transparent."""
    said = image.info.get("transparency")
    if image.mode != "P":
        return said
    palette = cast("list[int]", image.getpalette("RGBA") or [])
    alphas = palette[3::4]
    if isinstance(said, int):
        alphas = [0 if i == said else alpha for i, alpha in enumerate(alphas)]
    elif isinstance(said, bytes):
        alphas = [said[i] if i < len(said) else alpha for i, alpha in enumerate(alphas)]
    while alphas and alphas[-1] == 255:
        alphas.pop()
    return alphas
