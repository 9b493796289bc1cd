"""What to do about values that have no stored form, where more can be said than that."""

from __future__ import annotations

from typing import Final

from runloop_jupyter.values.codec import type_name, type_names

_ADVICE: Final = {
    "matplotlib.Axes": "put ax.figure",
    "matplotlib.SubFigure": "put the figure it is in (subfigure.figure)",
    "seaborn.Grid": "put grid.figure",
    "plotly.BaseFigure": "put fig.to_json() as text, or fig.to_image() as bytes",
    "shapely.BaseGeometry": "put shapely.to_wkb(x) as bytes, or a GeoSeries of it",
    "IPython.Image": "put its bytes, image.data",
    "torch.DataLoader": "put what it loads",
    "builtins.async_generator": "put a generator, or what it gives joined",
    "builtins.coroutine": "await it, and put what it gives",
    "builtins.tuple": "put list(x)",
    "builtins.set": "put sorted(x)",
    "builtins.frozenset": "put sorted(x)",
}


def refusal(value: object) -> str:
    """Return why `value` has no stored form and what to do, in a line."""
    known = next((name for name in type_names(value) if name in _ADVICE), None)
    instead = _ADVICE[known] if known else "save it to a file and put the path"
    return f"a {type_name(value)} has no stored form; {instead}, or add --pickle (pickle=True)"
