"""The words that options take, ``--type``, ``--as`` and others, by themselves for Tab, which must load no more."""

KINDS = (
    "table",
    "array",
    "dataset",
    "tensor",
    "model",
    "image",
    "json",
    "text",
    "bytes",
    "pickle",
    "file",
    "folder",
)
"""What is stored: ``rl.kind``."""

FORMS = (
    "pandas",
    "polars",
    "arrow",
    "numpy",
    "geopandas",
    "xarray",
    "torch",
    "image",
    "model",
    "path",
    "bytes",
    "text",
)
"""What a stored thing can be had as."""

LAZY_FORMS = frozenset(["xarray", "torch"])
"""Those that read on from the file when they are used, which therefore stays."""
SORTS = ("name", "size", "put", "expires", "kind", "type", "shape", "rows")
"""What objects can be sorted by, beside their metadata."""

MODES = ("auto", "link", "fuse")
"""How stored things can be mounted."""
