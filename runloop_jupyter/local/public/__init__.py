"""The public objects of an embedded store: a few well-known data sets that the package brings, free of rights."""

from runloop_jupyter.local.public.shelf import Shelf

__all__ = ["Shelf"]
