"""Tensors come back equal, tied and trainable as they were; safetensors from elsewhere are not trusted."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import sys
from collections import OrderedDict

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.errors import DecodeError, InputError, MissingLibrary, UnsupportedValue
from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Wish
from runloop_jupyter.values.safetensors_header import DTYPES

TENSORS = {
    "matrix": torch.arange(6.0).reshape(2, 3),
    "0-d": torch.tensor(5),
    "empty": torch.zeros(0, 3),
    "transposed": torch.arange(6.0).reshape(2, 3).t(),
    "expanded": torch.ones(1, 3).expand(4, 3),
    "channels last": torch.randn(1, 2, 3, 4).to(memory_format=torch.channels_last),
    "conjugated": torch.tensor([1 + 2j], dtype=torch.complex64).conj(),
    "nan": torch.tensor([float("nan"), -0.0, float("inf")]),
    **{name: torch.tensor([0, 1, 1]).to(getattr(torch, name)) for name in DTYPES},
}


def raw(tensor):
    return bytes(tensor.detach().resolve_conj().contiguous().reshape(-1).view(torch.uint8).numpy())


@pytest.fixture
def on_disk(store, tmp_path):
    """Store a value in a file and read it from there, as `rl.get` does."""

    def trip(value, **wish):
        path = tmp_path / "stored.safetensors"
        with path.open("w+b") as file:
            stored = store(value, file=file)
        with path.open("rb") as file:
            return registry.decode("safetensors", file, stored.facts, Wish(**wish))

    return trip


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("where", ["on disk", "in memory"])
def test_a_tensor_comes_back_equal(store, on_disk, name, where):
    tensor = TENSORS[name]
    back = on_disk(tensor) if where == "on disk" else store(tensor).read()
    assert (type(back), back.dtype, back.shape) == (torch.Tensor, tensor.dtype, tensor.shape)
    assert raw(back) == raw(tensor)
    assert back.is_contiguous()


def test_a_state_dict_comes_back_as_one_that_its_model_loads(on_disk):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    state = model.state_dict()
    back = on_disk(state)
    assert type(back) is OrderedDict
    assert list(back) == list(state)
    assert back._metadata == state._metadata
    assert all(torch.equal(back[name], state[name]) for name in state)
    model.load_state_dict(back)


def test_a_dict_stays_a_dict_in_its_order_whatever_its_dtypes(on_disk):
    value = {"z": torch.tensor([True] * 3), "a": torch.ones(2), "m": torch.tensor([1, 2], dtype=torch.int16)}
    back = on_disk(value)
    assert type(back) is dict
    assert list(back) == ["z", "a", "m"]
    assert all(torch.equal(back[name], value[name]) for name in value)


def test_each_tensor_begins_where_its_items_are_aligned(store):
    value = {"z": torch.tensor([True] * 3), "m": torch.ones(3, dtype=torch.int16), "a": torch.ones(2).double()}
    data = store(value).file.getvalue()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert all((8 + length + header[name]["data_offsets"][0]) % value[name].itemsize == 0 for name in value)


def test_parameters_and_what_is_trained_come_back_so(on_disk):
    frozen = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    back = on_disk({"w": torch.nn.Parameter(torch.ones(2)), "f": frozen, "t": torch.ones(2, requires_grad=True)})
    assert {name: (type(each).__name__, each.requires_grad) for name, each in back.items()} == {
        "w": ("Parameter", True),
        "f": ("Parameter", False),
        "t": ("Tensor", True),
    }


def test_tied_weights_are_tied_again_and_any_reader_finds_both(on_disk, tmp_path):
    weight = torch.randn(3)
    back = on_disk({"in": weight, "out": weight, "other": weight.clone()})
    back["in"] += 1
    assert torch.equal(back["in"], back["out"])
    assert not torch.equal(back["in"], back["other"])
    assert safetensors.torch.load_file(tmp_path / "stored.safetensors").keys() == {"in", "out", "other"}


def test_what_is_changed_in_memory_does_not_reach_the_file(on_disk, tmp_path):
    back = on_disk(torch.zeros(3))
    before = (tmp_path / "stored.safetensors").read_bytes()
    back += 1
    assert (tmp_path / "stored.safetensors").read_bytes() == before


def test_the_same_tensors_are_the_same_bytes(store):
    value = {"a": torch.ones(2), "b": torch.tensor(True)}
    assert store(value).file.getvalue() == store(dict(value)).file.getvalue()


REFUSED = {
    "module": (torch.nn.Linear(1, 1), "put model.state_dict()"),
    "optimizer": (torch.optim.SGD([torch.ones(1)]), "torch.save it"),
    "something beside tensors": ({"w": torch.ones(1), "epoch": 3}, "['epoch'] is a int beside tensors"),
    "nested state": ({"w": torch.ones(1), "model": {"w": torch.ones(1)}}, "['model'] is a dict"),
    "number as a name": ({0: torch.ones(1)}, "the key 0"),
    "name of the header's own": ({"__metadata__": torch.ones(1)}, "make it another str"),
    "lone surrogate": ({"\ud800": torch.ones(1)}, "lone surrogate"),
    "double complex": (torch.ones(1, dtype=torch.complex128), "torch.view_as_real(x)"),
    "sparse": (torch.ones(2, 2).to_sparse(), "x.to_dense()"),
    "in a graph": (torch.ones(1, requires_grad=True) * 2, "x.detach()"),
    "on no device": (torch.ones(1, device="meta"), "meta device"),
    "subclass": (type("Mine", (torch.Tensor,), {})(), "come back as a plain tensor"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_not_come_back_is_refused_by_its_place(store, case):
    value, fragment = REFUSED[case]
    with pytest.raises(UnsupportedValue) as refusal:
        store(value)
    assert fragment in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_gradient_is_not_lost_in_silence(store):
    weight = torch.ones(1, requires_grad=True)
    (weight * 2).sum().backward()
    with pytest.raises(UnsupportedValue, match=r"\.grad"):
        store(weight)


def test_what_was_elsewhere_than_on_the_cpu_says_so(store, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "device", torch.device("cuda", 0))
    assert "cuda:0 and comes back on the CPU" in store(torch.ones(1)).facts["note"]


def test_large_tensors_pass_checkpoints(store):
    calls = []
    store(torch.zeros(8_000_000), checkpoint=lambda: calls.append(1))
    assert len(calls) >= 4


def test_numpy_needs_no_torch(on_disk, tmp_path, monkeypatch):
    value = {"a": torch.ones(2, 3), "b": torch.tensor(True)}
    on_disk(value)
    monkeypatch.setitem(sys.modules, "torch", None)
    with (tmp_path / "stored.safetensors").open("rb") as file:
        back = registry.decode("safetensors", file, {}, Wish("numpy"))
        with pytest.raises(MissingLibrary, match="%pip install torch or --as numpy"):
            registry.decode("safetensors", file, {})
    assert back["a"].dtype == np.float32
    assert bool(back["b"])


def test_numpy_has_no_bfloat16(on_disk):
    with pytest.raises(InputError, match="BF16, which numpy doesn't have"):
        on_disk(torch.ones(1, dtype=torch.bfloat16), form="numpy")


def test_a_file_of_somebody_else_is_a_dict():
    file = io.BytesIO(safetensors.torch.save({"b": torch.ones(1), "a": torch.zeros(2)}, {"runloop": "[[["}))
    assert registry.decode("safetensors", file, {}).keys() == {"a", "b"}


def test_a_peek_reads_the_header_alone(store):
    file = store({"a": torch.ones(2, 3), "b": torch.tensor(1)}).file
    shown = registry.codec_named("safetensors").peek(io.BytesIO(file.getvalue()), {})
    assert shown.columns == [("a", "F32 2 × 3"), ("b", "I64")]
    assert shown.text == "2 tensors"


def packed(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return io.BytesIO(struct.pack("<Q", len(text) if length is None else length) + text + data)


def entry(begin, end, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


HOSTILE = {
    "nothing": io.BytesIO(),
    "a header without end": packed(b"{}", length=2**62),
    "a header longer than the file": packed(b"{}", length=50),
    "no JSON": packed(b"{nonsense"),
    "nesting": packed(b"[" * 50_000),
    "a list": packed([1, 2]),
    "no offsets": packed({"a": {"dtype": "F32"}}),
    "offsets past the end": packed({"a": entry(0, 4)}, b"12"),
    "a hole": packed({"a": entry(0, 4), "b": entry(8, 12)}, b"1" * 12),
    "tensors on top of each other": packed({"a": entry(0, 4), "b": entry(0, 4)}, b"1" * 4),
    "more after the end": packed({"a": entry(0, 4)}, b"1" * 12),
    "a shape that lies": packed({"a": entry(0, 4, (1000,))}, b"1" * 4),
    "a shape past any limit": packed({"a": entry(0, 4, (2**63, 2**63))}, b"1" * 4),
    "a negative shape": packed({"a": entry(0, 4, (-1,))}, b"1" * 4),
    "an unknown dtype": packed({"a": entry(0, 4, dtype="PICKLE")}, b"1" * 4),
}


@pytest.mark.parametrize("where", ["on disk", "in memory"])
@pytest.mark.parametrize("form", [None, "numpy"])
@pytest.mark.parametrize("case", HOSTILE)
def test_a_header_that_lies_is_a_decode_error(case, form, where, tmp_path):
    (tmp_path / "x").write_bytes(HOSTILE[case].getvalue())
    with (tmp_path / "x").open("rb") as file, pytest.raises(DecodeError):
        registry.decode("safetensors", file if where == "on disk" else HOSTILE[case], {}, Wish(form))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("a"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    ),
    st.sampled_from(["order", "tied", "grad", "parameters", "container", "versions", "alone"]),
)
@settings(max_examples=100, deadline=None)
def test_a_note_of_any_sort_does_no_harm(note, key):
    file = io.BytesIO(
        safetensors.torch.save({"a": torch.ones(1), "b": torch.zeros(2)}, {"runloop": json.dumps({key: note})})
    )
    assert registry.decode("safetensors", file, {}).keys() == {"a", "b"}


@given(st.binary(max_size=60), st.integers(0, 120))
@settings(max_examples=150, deadline=None)
def test_any_bytes_raise_nothing_but_codec_errors(data, at):
    whole = bytearray(safetensors.torch.save({"a": torch.ones(3)}))
    whole[at : at + len(data)] = data
    with contextlib.suppress(DecodeError):
        registry.decode("safetensors", io.BytesIO(bytes(whole)), {})
