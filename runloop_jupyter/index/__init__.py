"""An SQLite index of objects: pages newest first, search, facets, counts, what browsers ask. Its filler orders it."""

from runloop_jupyter.index.browsing import Browsing
from runloop_jupyter.index.facets import Facet, Facets
from runloop_jupyter.index.filter import Filter
from runloop_jupyter.index.objects import ObjectIndex, Page, Tally
from runloop_jupyter.index.schema import INDEX, Schema, SchemaTooNew, connect, transaction

__all__ = [
    "INDEX",
    "Browsing",
    "Facet",
    "Facets",
    "Filter",
    "ObjectIndex",
    "Page",
    "Schema",
    "SchemaTooNew",
    "Tally",
    "connect",
    "transaction",
]
