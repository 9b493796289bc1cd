"""Images come back equal in mode, size and pixels; figures as they were shown, and undisturbed."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.display import Image as Shown
from PIL import Image

from runloop_jupyter.errors import DecodeError, MissingLibrary, NotEnoughMemory, UnsupportedValue
from runloop_jupyter.values import memory, registry

RANDOM = np.random.default_rng(0)
RGBA = Image.fromarray(RANDOM.integers(0, 255, (5, 7, 4), dtype="u1"))
RGB = RGBA.convert("RGB")


def palette(transparency=None, colours=3):
    image = RGB.quantize(colours)
    if transparency is not None:
        image.info["transparency"] = transparency
    return image


def with_info(image, **info):
    image = image.copy()
    image.info.update(info)
    return image


IMAGES = {
    "black and white": RGB.convert("1"),
    "grey": RGB.convert("L"),
    "grey and alpha": RGBA.convert("LA"),
    "16 bits": Image.fromarray(RANDOM.integers(0, 2**16, (5, 7), dtype="u2")),
    "RGB": RGB,
    "RGBA": RGBA,
    "transparent red": Image.new("RGBA", (2, 2), (255, 0, 0, 0)),
    "palette": palette(),
    "palette of two": palette(colours=2),
    "palette of 256": RGB.quantize(256),
    "palette with alpha": RGBA.quantize(5),
    "palette with a transparent colour": palette(1),
    "palette with alphas": palette(bytes([0, 100])),
    "grey with a transparent one": with_info(Image.new("L", (3, 3), 5), transparency=5),
    "RGB with a transparent colour": with_info(RGB, transparency=(1, 2, 3)),
    "a pixel": Image.new("RGB", (1, 1), "red"),
}


@pytest.mark.parametrize("case", IMAGES)
def test_an_image_comes_back_equal(store, case):
    image = IMAGES[case]
    stored = store(image)
    back = stored.read()
    assert (type(back), back.mode, back.size) == (Image.Image, image.mode, image.size)
    assert back.tobytes() == image.tobytes()
    assert back.convert("RGBA").tobytes() == image.convert("RGBA").tobytes()
    assert stored.facts["pixels"] == [*image.size]
    assert "note" not in stored.facts


@pytest.mark.parametrize(
    ("mode", "fragment"),
    [
        ("CMYK", "convert('RGB')"),
        ("HSV", "convert('RGB')"),
        ("YCbCr", "convert('RGB')"),
        ("LAB", "numpy.asarray(image)"),
        ("F", "numpy.asarray(image)"),
        ("I", "convert('I;16')"),
        ("I;16B", "convert('I;16')"),
        ("PA", "convert('RGBA')"),
        ("RGBa", "convert('RGBA')"),
        ("La", "convert('LA')"),
    ],
)
def test_a_mode_that_png_does_not_have_is_refused_with_one_that_it_has(store, mode, fragment):
    with pytest.raises(UnsupportedValue, match=f"mode {mode}") as refusal:
        store(Image.new(mode, (2, 2)))
    assert fragment in str(refusal.value)


def test_what_is_said_of_a_photo_is_kept(store):
    exif = Image.Exif()
    exif[0x010E] = "Tromso"
    file = io.BytesIO()
    RGB.save(file, "JPEG", exif=exif, dpi=(300, 300), icc_profile=b"profile" * 20, comment=b"said of the file")
    with Image.open(file) as photo:
        stored = store(photo)
        back = stored.read()
        assert back.tobytes() == photo.tobytes()
    assert back.getexif()[0x010E] == "Tromso"
    assert back.info["icc_profile"] == b"profile" * 20
    assert back.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert stored.facts["note"] == "not kept of image.info: comment"


def test_texts_are_kept_whatever_their_script(store):
    assert store(with_info(RGB, Title="файл 🐧", Author="ü")).read().info == {"Title": "файл 🐧", "Author": "ü"}


def test_an_animation_is_refused_and_its_frame_is_not(store):
    file = io.BytesIO()
    Image.new("L", (3, 3)).save(file, "GIF", save_all=True, append_images=[Image.new("L", (3, 3), 255)])
    with Image.open(file) as animation:
        with pytest.raises(UnsupportedValue, match=r"2 frames.*image\.copy\(\)"):
            store(animation)
        assert store(animation.copy()).read().size == (3, 3)


def test_an_image_without_pixels_is_refused(store):
    with pytest.raises(UnsupportedValue, match="0 × 5"):
        store(Image.new("L", (0, 5)))


def test_an_image_that_is_cut_off_is_refused(store):
    file = io.BytesIO()
    RGB.resize((200, 200)).save(file, "JPEG")
    with (
        Image.open(io.BytesIO(file.getvalue()[:700])) as broken,
        pytest.raises(UnsupportedValue, match="open it again"),
    ):
        store(broken)


def test_an_image_can_be_had_as_numpy(store):
    back = store(RGBA).read(form="numpy")
    np.testing.assert_array_equal(back, np.asarray(RGBA))
    assert back.flags.writeable


def test_large_images_pass_checkpoints_both_ways(store):
    noise = Image.fromarray(RANDOM.integers(0, 255, (1500, 1500, 3), dtype="u1"))
    calls = []
    stored = store(noise, checkpoint=lambda: calls.append("out"))
    stored.read(checkpoint=lambda: calls.append("in"))
    assert calls.count("out") >= 10
    assert calls.count("in") >= 10


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data=b"", extra=b""):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


HOSTILE = {
    "nothing": io.BytesIO(),
    "magic alone": io.BytesIO(b"\x89PNG\r\n\x1a\n"),
    "no pixels": png(0, 0),
    "no data": png(10, 10),
    "a text that inflates": png(1, 1, b"\0" * 4, chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * (80 << 20)))),
    "another format": io.BytesIO(b"GIF89a" + b"\0" * 40),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_bytes_that_are_no_whole_png_are_a_decode_error(case):
    with pytest.raises(DecodeError):
        registry.decode("png", HOSTILE[case], {})


def test_a_bomb_is_refused_by_its_header(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1 << 40)
    with pytest.raises(DecodeError, match=r"900,000,000 pixels.*MAX_IMAGE_PIXELS"):
        registry.decode("png", png(30_000, 30_000), {})
    monkeypatch.setattr(memory, "available", lambda: 1 << 28)
    with pytest.raises(NotEnoughMemory):
        registry.decode("png", png(30_000, 30_000), {})


def test_an_image_larger_than_pillow_takes_back_is_refused_at_once(store, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    with pytest.raises(UnsupportedValue, match=r"35 pixels.*MAX_IMAGE_PIXELS"):
        store(RGB)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert store(RGB).read().size == RGB.size


def test_pillow_missing_is_named_as_it_is_installed(store, monkeypatch):
    stored = store(RGB)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingLibrary, match="pillow isn't installed: %pip install pillow or --as path"):
        stored.read()


@pytest.fixture
def figure():
    made, axes = plt.subplots(figsize=(4, 3), dpi=80, facecolor="lightyellow")
    axes.plot([1, 2])
    yield made
    plt.close(made)


def test_a_figure_comes_back_as_its_picture_at_its_own_dpi(store, figure):
    back = store(figure).read()
    assert back.getpixel((0, 0)) == (255, 255, 224, 255)  # light yellow
    assert 200 < back.width < 400
    assert back.info["dpi"] == pytest.approx((80, 80), abs=0.1)


def test_a_figure_is_not_disturbed(store, figure):
    def state():
        return (
            figure.canvas,
            figure.dpi,
            tuple(figure.get_size_inches()),
            figure.get_facecolor(),
            plt.get_fignums(),
            plt.gcf(),
            plt.get_backend(),
        )

    before = state()
    store(figure)
    assert state() == before


def test_the_same_figure_is_the_same_bytes(store, figure):
    assert store(figure).file.getvalue() == store(figure).file.getvalue()


def test_axes_are_refused_with_their_figure(store, figure):
    with pytest.raises(UnsupportedValue, match=r"put ax\.figure"):
        store(figure.axes[0])


def test_a_figure_that_can_not_be_drawn_is_refused(store, figure):
    figure.axes[0].set_title(r"$\nonsense$")
    with pytest.raises(UnsupportedValue, match="can't be drawn"):
        store(figure)


def bytes_of(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class Chart:
    def __init__(self, bundle=None, png=None):
        self.bundle, self.png = bundle, png

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.bundle

    def _repr_png_(self):
        return self.png


@pytest.mark.parametrize(
    "chart",
    [
        Shown(bytes_of(RGB)),
        Chart({"text/plain": "a", "image/png": bytes_of(RGB)}),
        Chart(({"image/png": bytes_of(RGB)}, {"image/png": {"width": 7}})),
        Chart(png=bytes_of(RGB)),
        Chart(png=(bytes_of(RGB), {"width": 7})),
    ],
)
def test_what_shows_itself_as_png_is_stored_as_that(store, chart):
    stored = store(chart)
    assert stored.read().tobytes() == RGB.tobytes()
    assert ("note" in stored.facts) == isinstance(chart, Chart)


@pytest.mark.parametrize(
    "value",
    [
        Chart(),
        Chart({"text/html": "<b>"}),
        Chart({"image/png": b"nonsense"}),
        Chart({"image/png": "not base64 ☃"}),
        Chart("nonsense"),
        Chart(()),
        Chart,
        Shown(b"\xff\xd8\xff\xe0", format="jpeg"),
        Shown(url="https://example.org/a.png"),
    ],
)
def test_what_shows_no_picture_has_no_stored_form(value):
    with pytest.raises(UnsupportedValue, match="has no stored form"):
        registry.codec_for(value)


def test_a_picture_that_fails_is_passed_over_and_said(caplog):
    class Failing:
        def _repr_png_(self):
            raise RuntimeError("no display")

    with pytest.raises(UnsupportedValue):
        registry.codec_for(Failing())
    assert "no display" in caplog.text


def test_a_peek_reads_the_header_alone(store):
    data = store(RGBA).file.getvalue()[:40]
    assert registry.codec_named("png").peek(io.BytesIO(data), {}).text == "7 × 5 pixels, RGBA"


@given(st.sampled_from(["1", "L", "LA", "RGB", "RGBA", "P"]), st.integers(1, 12), st.integers(1, 12), st.data())
@settings(max_examples=60, deadline=None)
def test_any_pixels_come_back_equal(store, mode, width, height, data):
    size = len(Image.new(mode, (width, height)).tobytes())
    image = Image.frombytes(mode, (width, height), data.draw(st.binary(min_size=size, max_size=size)))
    if mode == "P":
        image.putpalette(data.draw(st.binary(min_size=768, max_size=768)))
    back = store(image).read()
    assert (back.mode, back.tobytes()) == (image.mode, image.tobytes())
    assert back.convert("RGB").tobytes() == image.convert("RGB").tobytes()
