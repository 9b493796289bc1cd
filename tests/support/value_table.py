"""A value of each row of the value table, made the same in every process, and what it is to come back equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr
from IPython.display import SVG
from matplotlib.figure import Figure
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from collections import OrderedDict

X = np.random.default_rng(0).normal(size=(40, 3))
PIXELS = np.random.default_rng(1).integers(0, 255, (5, 7, 4), dtype="u1")


def dataset() -> xr.Dataset:
    return xr.Dataset(
        {"t2m": (("time", "x"), np.arange(6.0).reshape(2, 3), {"units": "K"}), "name": ("x", ["a", "b", "ü"])},
        {"time": np.array(["2020-01-01", "2020-01-02"], "M8[us]"), "x": [1, 2, 3]},
        {"title": "table"},
    )


def tensors() -> OrderedDict[str, torch.Tensor]:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).state_dict()  # type: ignore[return-value]


def forest() -> RandomForestClassifier:
    return RandomForestClassifier(5, random_state=0).fit(X, X[:, 0] > 0)


def pipeline() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X[:, 0] > 0)


def figure() -> Figure:
    drawn = Figure(figsize=(2, 2), dpi=50)
    drawn.add_subplot().plot([1, 2])
    return drawn


def same_arrays(back: Any, value: Any) -> bool:
    return list(back) == list(value) and all(
        type(back[key]) is type(each) and back[key].dtype == each.dtype and np.array_equal(back[key], each)
        for key, each in value.items()
    )


def same_dataset(back: Any, value: Any) -> bool:
    lazy = not (back["t2m"] if isinstance(back, xr.Dataset) else back).variable._in_memory
    xr.testing.assert_identical(back, value)
    return lazy and type(back) is type(value)


def same_tensors(back: Any, value: Any) -> bool:
    return type(back) is type(value) and list(back) == list(value) and all(torch.equal(back[k], value[k]) for k in back)


def same_model(back: Any, value: Any) -> bool:
    same = type(back) is type(value) and repr(back.get_params()) == repr(value.get_params())
    return same and np.array_equal(back.predict(X), value.predict(X))


def same_image(back: Any, value: Any) -> bool:
    return (back.mode, back.size, back.tobytes()) == (value.mode, value.size, value.tobytes())


ROWS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "dict of arrays": (lambda: {"b": PIXELS, "a/c": X.T, "n": np.float32(1)}, same_arrays, {}),
    "Dataset": (dataset, same_dataset, {}),
    "DataArray": (lambda: dataset().t2m, same_dataset, {}),
    "DataArray without a name": (lambda: dataset().t2m.rename(None), same_dataset, {}),
    "tensor": (lambda: torch.arange(6, dtype=torch.bfloat16).reshape(2, 3), torch.equal, {}),
    "state dict": (tensors, same_tensors, {}),
    "dict of tensors": (lambda: dict(tensors()), same_tensors, {}),
    "tensor as numpy": (lambda: torch.arange(3), lambda b, v: np.array_equal(b, v.numpy()), {"format": "numpy"}),
    "pipeline": (pipeline, same_model, {}),
    "forest": (forest, same_model, {"trust": True}),
    "image": (lambda: Image.fromarray(PIXELS), same_image, {}),
    "palette": (lambda: Image.fromarray(PIXELS).convert("RGB").quantize(9), same_image, {}),
    "figure": (figure, lambda back, _: back.mode == "RGBA" and 50 < back.width < 150, {}),
    "svg": (lambda: SVG("<svg><circle r='1'/></svg>"), lambda b, v: type(b) is SVG and b.data == v.data, {}),
    "generator": (lambda: (f"{i}\n" for i in range(3)), lambda b, _: b.read_text() == "0\n1\n2\n", {}),
    "generator as bytes": (lambda: iter([b"a", b"b"]), lambda b, _: b == b"ab", {"format": "bytes"}),
    "generator as text": (lambda: iter(["ä", "b"]), lambda b, _: b == "äb", {"format": "text"}),
}
"""Of each row: how its value is made, whether one that came back equals it, and how it is got."""


def get_all(rl: Any, rows: dict[str, Any]) -> list[str]:
    """Get every row; return a line on each that did not come back equal."""
    wrong = []
    for name, (make, same, how) in rows.items():
        try:
            if not same(rl.get(f"table/{name}", **how), make()):
                wrong.append(f"{name}: not equal")
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__}: {error}")
    return wrong
