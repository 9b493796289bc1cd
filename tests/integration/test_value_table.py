"""Each row of the value table through a real store, had again in a fresh kernel; without its library; and hostile."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from kernels import Kernel
from leftovers import look
from value_table import ROWS

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.errors import DecodeError, InputError, MissingLibrary, UnsafeValue, UnsupportedValue

SUPPORT = Path(__file__).parent.parent / "support"


@pytest.fixture(scope="module")
def stored(home):
    for name, (make, _, _) in ROWS.items():
        rl.put(make(), f"table/{name}")
    session.reset()
    return {name: f"table/{name}" for name in ROWS}


@pytest.fixture(scope="module")
def kernel(stored):
    opened = Kernel()
    opened.run(f"import sys; sys.path.insert(0, {str(SUPPORT)!r}); import runloop_jupyter as rl; import value_table")
    yield opened
    opened.close()


def test_every_row_comes_back_equal_in_a_fresh_kernel(kernel):
    assert kernel.run("print(value_table.get_all(rl, value_table.ROWS))").text.strip() == "[]"


def test_what_did_not_change_is_not_sent_again_from_another_kernel(kernel):
    rows = [name for name in ROWS if name != "figure"]
    said = kernel.run(
        f"print([name for name in {rows} if rl.put(value_table.ROWS[name][0](), f'table/{{name}}').outcome.sent])"
    )
    assert said.text.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "kind", "format_", "shape"),
    [
        ("dict of arrays", "array", "npz", "3 arrays"),
        ("Dataset", "dataset", "netcdf", "time 2 × x 3"),
        ("DataArray", "dataset", "netcdf", "time 2 × x 3"),
        ("tensor", "tensor", "safetensors", "2 × 3"),
        ("state dict", "tensor", "safetensors", "7 tensors"),
        ("pipeline", "model", "skops", ""),
        ("image", "image", "png", "7 × 5"),
        ("svg", "image", "svg", ""),
        ("generator", "file", "file", ""),
    ],
)
def test_each_says_what_it_is(stored, name, kind, format_, shape):
    (thing,) = [thing for thing in rl.ls(stored[name]) if thing.name == stored[name]]
    assert (thing.kind, thing.format, thing.shape) == (kind, format_, shape)
    assert kind in thing.card().to_text()


@pytest.mark.parametrize("name", ROWS)
def test_each_can_be_looked_into(stored, name):
    looked = rl.info(stored[name])
    assert looked.trouble is None
    assert looked.page().to_text()


def test_a_forest_says_at_put_what_it_needs_and_refuses_without(stored):
    assert "--trust" in rl.put(ROWS["forest"][0](), "table/forest").outcome.notes[0]
    with pytest.raises(UnsafeValue, match=r"sklearn\.tree\._tree\.Tree.*--trust"):
        rl.get("table/forest")


@pytest.mark.parametrize(
    ("name", "library", "fragment"),
    [
        ("dict of arrays", "numpy", "pip install numpy"),
        ("Dataset", "xarray", "pip install xarray or --as path"),
        ("DataArray", "h5netcdf", "pip install h5netcdf or --as path"),
        ("state dict", "torch", "pip install torch or --as numpy"),
        ("state dict", "safetensors", "pip install safetensors or --as path"),
        ("pipeline", "skops.io", "pip install skops or --as path"),
        ("pipeline", "sklearn", "pip install scikit-learn or --as path"),
        ("image", "PIL", "pip install pillow or --as path"),
    ],
)
def test_a_library_that_is_missing_is_named_with_what_to_do(stored, monkeypatch, name, library, fragment):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibrary) as missing:
        rl.get(stored[name])
    assert fragment in str(missing.value)
    assert len(missing.value._render_traceback_()) == 1
    assert rl.get(stored[name], format="path").stat().st_size > 0


def npz_of_pickles():
    file = io.BytesIO()
    np.savez(file, a=np.array([{}], dtype=object))
    return file.getvalue()


def skops_of_code():
    def node(loader, module, name, content):
        return {"__class__": name, "__module__": module, "__loader__": loader, "__id__": 1, "content": content}

    attributes = {**node("DictNode", "builtins", "dict", {}), "key_types": node("ListNode", "builtins", "list", [])}
    call = {**node("ObjectNode", "os", "system", attributes), "protocol": 2, "_skops_version": "0.16"}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps(call))
    return file.getvalue()


HOSTILE = {
    "npz of pickles": ("a.npz", npz_of_pickles, "numpy", UnsafeValue),
    "skops of code": ("a.skops", skops_of_code, "model", UnsafeValue),
    "svg of scripts": ("a.svg", lambda: b"<svg><script>alert(1)</script></svg>", "image", UnsafeValue),
    "png of nothing": ("a.png", lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 60, "image", DecodeError),
    "hdf5 of noise": ("a.nc", lambda: b"\x89HDF\r\n\x1a\n" + b"\xff" * 5000, "xarray", DecodeError),
    "safetensors of nothing": ("a.safetensors", lambda: b'\x02\x00\x00\x00\x00\x00\x00\x00{"', "torch", DecodeError),
    "a text": ("a.txt", lambda: b"hello", "torch", InputError),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line_and_is_still_a_file(case, tmp_path):
    name, content, form, error = HOSTILE[case]
    (tmp_path / name).write_bytes(content())
    thing = rl.put(tmp_path / name, f"hostile/{case}")
    with pytest.raises(error) as caught:
        rl.get(thing, format=form)
    assert len(caught.value._render_traceback_()) == 1
    assert rl.get(thing).read_bytes() == content()
    assert not look()


def test_files_of_these_formats_put_from_disk_can_be_had_as_values(stored, tmp_path):
    forms = {
        "dict of arrays": "numpy",
        "Dataset": "xarray",
        "state dict": "torch",
        "pipeline": "model",
        "image": "image",
    }
    for name, form in forms.items():
        path = rl.get(stored[name], format="path")
        thing = rl.put(path, f"files/{name}")
        assert thing.kind == "file"
        make, same, _ = ROWS[name]
        back = rl.get(thing, format=form)
        assert dict(back) if name == "state dict" else same(back, make())


def test_a_dataset_is_lazy_from_the_cached_path(stored):
    back = rl.get(stored["Dataset"])
    path = Path(back.encoding["source"])
    assert path.is_relative_to(os.environ["RUNLOOP_JUPYTER_CACHE"])
    assert path.suffix == ".nc"
    assert not back.t2m.variable._in_memory
    back.close()


REFUSED = {
    "mixed dict": {"a": np.zeros(1), "b": "text"},
    "dataset of objects": xr.Dataset({"a": ("x", np.array([{}], object))}),
    "attribute of None": xr.Dataset(attrs={"a": None}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_leaves_nothing(case):
    with pytest.raises(UnsupportedValue):
        rl.put(REFUSED[case], f"refused-table/{case}")
    assert len(rl.ls("refused-table/")) == 0
    assert not look()


@pytest.mark.parametrize("error", [ValueError("mine"), ConnectionError("mine")])
def test_what_a_generator_raises_is_seen_as_it_is_and_leaves_nothing(error):
    def pieces():
        yield b"a" * 100
        raise error

    with pytest.raises(type(error)) as caught:
        rl.put(pieces(), "raising")
    assert caught.value is error
    assert len(rl.ls("raising")) == 0
    assert not look()


def test_an_open_file_has_its_own_name_and_others_need_one(tmp_path):
    (tmp_path / "open.csv").write_text("a,b\n1,2\n")
    with (tmp_path / "open.csv").open("rb") as file:
        thing = rl.put(file)
        assert not file.closed
    assert (thing.name, thing.view.content_type, thing.kind) == ("open.csv", "text", "file")
    with pytest.raises(InputError, match=r"Give one: rl\.put\(value, 'NAME'\)"):
        rl.put(io.StringIO("a"))


def test_a_stream_takes_no_format():
    with pytest.raises(InputError, match="a format is for values"):
        rl.put(iter([b"a"]), "formatted", format="text")


def test_the_same_stream_is_not_sent_twice():
    assert rl.put(iter(["a", "b"]), "twice").outcome.sent
    assert not rl.put(iter([b"ab"]), "twice").outcome.sent


def test_magics_name_a_stream_by_its_file_or_its_variable(run, shell, tmp_path):
    (tmp_path / "named.txt").write_text("x")
    with (tmp_path / "named.txt").open() as file:
        shell.user_ns.update(opened=file, buffer=io.BytesIO(b"y"))
        run("%rl_put opened")
        run("%rl_put buffer")
    assert rl.get("named.txt", format="text") == "x"
    assert rl.get("buffer", format="bytes") == b"y"


CODEC = """
class Fraction:
    def __init__(self, text): self.text = text

class FractionCodec:
    format, kind, content_type, suffix, summary = "fraction", "number", "text", ".frac", "fractions"
    def accepts(self, value): return isinstance(value, Fraction)
    def encode(self, value, file, checkpoint):
        file.write(value.text.encode())
        return {"library": "thirdparty"}
    def decode(self, file, facts, wish, checkpoint):
        file.seek(0)
        return Fraction(file.read().decode())
    def peek(self, file, facts): return None
"""


def install(folder, name, module, points):
    (folder / f"{name}.py").write_text(module)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "\n".join(f"{point} = {target}" for point, target in points.items())
    (info / "entry_points.txt").write_text(f"[runloop_jupyter.codecs]\n{lines}\n")


def test_a_codec_of_an_installed_package_stores_its_values_and_a_broken_one_is_passed_over(tmp_path, monkeypatch):
    install(tmp_path, "thirdparty", CODEC, {"fraction": "thirdparty:FractionCodec"})
    install(tmp_path, "brokenparty", "raise RuntimeError('broken on import')", {"broken": "brokenparty:Codec"})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    kernel = Kernel()
    try:
        put = kernel.run(
            "import runloop_jupyter as rl, thirdparty; thing = rl.put(thirdparty.Fraction('1/2'), 'half');"
            "print(thing.kind, thing.format, rl.get('half').text, rl.get(rl.put({'a': 1}, 'plain')))"
        )
        assert put.text.strip().splitlines()[-1] == "number fraction 1/2 {'a': 1}"
        assert "broken on import" in put.text
    finally:
        kernel.close()
    with pytest.raises(DecodeError, match="nothing here reads the format 'fraction'"):
        rl.get("half")
    assert rl.get("half", format="bytes") == b"1/2"
