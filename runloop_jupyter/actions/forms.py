"""The words of ``--type``, ``--as`` and ``--sort``, by themselves for Tab, which must not load what stores values."""

KINDS = ("table", "array", "json", "text", "bytes", "pickle", "file", "folder")
"""What is stored: ``rl.kind``."""

FORMS = ("pandas", "polars", "arrow", "numpy", "path", "bytes", "text")
"""What a stored thing can be had as."""

SORTS = ("name", "size", "put", "expires", "kind", "type", "shape", "rows")
"""What objects can be sorted by, beside their metadata."""
