"""The words of ``--type`` and ``--as``. They are by themselves for Tab, which must not load what stores values."""

KINDS = ("table", "array", "json", "text", "bytes", "pickle", "file", "folder")
"""What is stored: ``rl.kind``."""

FORMS = ("pandas", "polars", "arrow", "numpy", "geopandas", "path", "bytes", "text")
"""What a stored thing can be had as."""
