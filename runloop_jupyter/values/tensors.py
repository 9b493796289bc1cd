"""torch tensors and state dicts as safetensors: written in batches, mapped into memory when they come back."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.errors import DecodeError, InputError, RunloopError, UnsupportedValue
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name, type_names
from runloop_jupyter.values.jsontext import check_json
from runloop_jupyter.values.libraries import need
from runloop_jupyter.values.safetensors_header import DTYPES, Header, Note, read_header

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHUNK: Final = 8 << 20
_ALONE: Final = "tensor"
"""The name of a tensor that is not in a dict."""
_SHOWN: Final = 20
_ADVICE: Final = {
    "torch.Module": "put model.state_dict(), and load_state_dict what comes back",
    "torch.Optimizer": "its state isn't only tensors; put the model's state_dict(), or torch.save it and put the path",
}


class SafetensorsCodec:
    """``torch.Tensor``, and ``dict`` or ``OrderedDict`` of ``str`` to tensors.

    They come back contiguous and on the CPU, equal by `torch.equal`; a ``Parameter`` as one, ``requires_grad`` kept, a
    dict of the type and in the order it was, and names of one tensor (tied weights) sharing it again. Other views of
    one memory come back as tensors of their own.
    """

    format = "safetensors"
    kind = "tensor"
    content_type = "binary"
    suffix = ".safetensors"
    summary = "torch tensors, and dicts of them (state_dict)"
    reads_path = True

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types."""
        if type(value) in (dict, OrderedDict):
            return any(_is_tensor(each) for each in value.values())  # type: ignore[attr-defined]
        return _is_tensor(value) or _known(value) is not None

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        if known := _known(value):
            raise UnsupportedValue(f"a {type_name(value)} has no stored form of its own; {_ADVICE[known]}")
        alone = _is_tensor(value)
        tensors: dict[Any, Any] = {_ALONE: value} if alone else dict(value)  # type: ignore[call-overload]
        for name, tensor in tensors.items():
            _check("the tensor" if alone else f"[{name!r:.60}]", name, tensor)
        note = _note(value, tensors, alone)
        header = Header.of(
            {name: (DTYPES[_dtype(tensor)], list(tensor.shape)) for name, tensor in tensors.items()}, note
        )
        file.write(header.packed())
        for name in header.names:
            _write(tensors[name], file, checkpoint)
        facts: dict[str, JSON] = {"library": "torch"}
        if alone:
            facts |= {"shape": list(tensors[_ALONE].shape), "dtype": _dtype(tensors[_ALONE])}
        else:
            facts |= {
                "tensors": len(tensors),
                "parameters": sum(tensor.numel() for tensor in tensors.values()),
                "dtype": ", ".join(sorted({_dtype(tensor) for tensor in tensors.values()}))[:60],
            }
        if devices := sorted({str(tensor.device) for tensor in tensors.values()} - {"cpu"}):
            facts["note"] = f"was on {', '.join(devices)[:60]} and comes back on the CPU"
        return facts

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the tensors in `file`, read as they are used where it has a path; see `Codec.decode`."""
        check_form(wish.form, self.format, ("torch", "numpy"))
        as_numpy = wish.form == "numpy"
        need("numpy" if as_numpy else "torch", "" if as_numpy else "or --as numpy")
        need("safetensors", "or --as path")
        header = read_header(file)
        if as_numpy:
            _check_numpy(header)
        tensors = _load(file, header, "numpy" if as_numpy else "pt", checkpoint)
        note = header.note
        ordered = {name: tensors[name] for name in note.order or header.names}
        if not as_numpy:
            ordered = _as_they_were(ordered, note)
        if note.alone and list(ordered) == [_ALONE]:
            return ordered[_ALONE]
        if note.container != "OrderedDict":
            return ordered
        state = OrderedDict(ordered)
        if note.versions is not None:
            state._metadata = note.versions  # type: ignore[attr-defined]
        return state

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return names, dtypes and shapes: the header alone is read."""
        header = read_header(file)
        names = header.note.order or header.names
        columns = [
            (name, " ".join([header.tensors[name][0], " × ".join(f"{n:,}" for n in header.tensors[name][1])]).strip())
            for name in names[:_SHOWN]
        ]
        more = f", the first {_SHOWN} shown" if len(names) > _SHOWN else ""
        return Preview(columns=columns, text=f"{len(names):,} tensor{'' if len(names) == 1 else 's'}{more}")

    def memory(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish) -> int | None:
        """Return the size of what is copied into memory; a file on disk is mapped, and takes none until it is used."""
        return None if wish.form != "numpy" and _path(file) else file.seek(0, os.SEEK_END)


def _is_tensor(value: object) -> bool:
    return "torch.Tensor" in type_names(value)


def _known(value: object) -> str | None:
    return next((name for name in type_names(value) if name in _ADVICE), None)


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _check(place: str, name: object, tensor: Any) -> None:
    """Refuse what would not come back equal, by the place it is at.

    Raises:
        UnsupportedValue: With what to do.
    """
    if type(name) is not str or name == "__metadata__":
        raise UnsupportedValue(f"the key {name!r:.60} can't be a tensor's name; make it another str")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UnsupportedValue(f"the key {name!r:.60} has a lone surrogate; rename it") from None
    if not _is_tensor(tensor):
        raise UnsupportedValue(
            f"{place} is a {type_name(tensor)} beside tensors; make it one (torch.tensor(x)), or put it by itself"
        )
    if type_name(tensor) not in ("torch.Tensor", "torch.Parameter"):
        raise UnsupportedValue(f"{place} is a {type_name(tensor)} and would come back as a plain tensor; put its data")
    if tensor.is_quantized:
        raise UnsupportedValue(f"{place} is quantized; put x.dequantize(), or its int_repr() and scale")
    if str(tensor.layout) != "torch.strided" or tensor.is_nested:
        raise UnsupportedValue(f"{place} is {'nested' if tensor.is_nested else 'sparse'}; put x.to_dense()")
    if tensor.device.type == "meta":
        raise UnsupportedValue(f"{place} is on the meta device and has no values; load it first")
    if _dtype(tensor) not in DTYPES:
        hint = "torch.view_as_real(x)" if tensor.is_complex() else "x.to(torch.float32)"
        raise UnsupportedValue(f"{place} is {_dtype(tensor)}, which safetensors can't hold; put {hint}")
    if not tensor.is_leaf:
        raise UnsupportedValue(f"{place} is part of a graph that would not come back; put x.detach()")
    if tensor.grad is not None:
        raise UnsupportedValue(f"{place} has a .grad, which would not come back; put x.detach()")


def _note(value: object, tensors: Mapping[str, Any], alone: bool) -> Note:
    """Return what safetensors has no place for, to be written beside the tensors."""
    seen: dict[Any, str] = {}
    tied = {}
    for name, tensor in tensors.items():
        if tensor.numel():
            memory = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
            if (first := seen.setdefault(memory, name)) != name:
                tied[name] = first
    versions = getattr(value, "_metadata", None) if type(value) is OrderedDict else None
    if versions is not None:
        versions = {key: dict(each) for key, each in versions.items()}
        check_json(versions, "state_dict._metadata")
    return Note(
        alone=alone,
        container="OrderedDict" if type(value) is OrderedDict else None,
        parameters=[name for name, each in tensors.items() if type_name(each) == "torch.Parameter"],
        grad=[name for name, each in tensors.items() if each.requires_grad],
        tied=tied,
        versions=versions,
    )


def _write(tensor: Any, file: BinaryIO, checkpoint: Checkpoint) -> None:
    import torch

    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    if plain.numel():
        data = memoryview(plain.reshape(-1).view(torch.uint8).numpy())
        for start in range(0, len(data), _CHUNK):
            file.write(data[start : start + _CHUNK])
            checkpoint()
    checkpoint()


def _path(file: BinaryIO) -> str | None:
    name = getattr(file, "name", None)
    return os.fspath(name) if isinstance(name, str | os.PathLike) else None


def _load(file: BinaryIO, header: Header, framework: str, checkpoint: Checkpoint) -> dict[str, Any]:
    import safetensors

    path = _path(file)
    tensors: dict[str, Any] = {}
    try:
        if path is None:  # not on disk: whole in memory once
            file.seek(0)
            loaded = need("safetensors.numpy" if framework == "numpy" else "safetensors.torch").load(file.read())
            return {name: loaded[name] for name in header.names}
        with safetensors.safe_open(path, framework) as opened:
            for name in header.names:
                tensors[name] = opened.get_tensor(name)
                checkpoint()
    except (RunloopError, OSError, MemoryError):
        raise
    except Exception as error:
        raise DecodeError(f"the stored tensors can't be read ({error}); take them as bytes, or as a path") from error
    return tensors


def _check_numpy(header: Header) -> None:
    for name, (kind, _) in header.tensors.items():
        if kind.startswith(("BF", "F8", "F4")):
            raise InputError(f"{name!r:.60} is {kind}, which numpy doesn't have; take it as torch")


def _as_they_were(tensors: dict[str, Any], note: Note) -> dict[str, Any]:
    import torch

    for name, first in note.tied.items():
        same = tensors[name].shape == tensors[first].shape and tensors[name].dtype == tensors[first].dtype
        if same:
            tensors[name] = tensors[first].detach()
    for name in tensors:
        grad = name in note.grad
        if name in note.parameters:
            tensors[name] = torch.nn.Parameter(tensors[name], requires_grad=grad)
        elif grad and (tensors[name].is_floating_point() or tensors[name].is_complex()):
            tensors[name].requires_grad_()
    return tensors
