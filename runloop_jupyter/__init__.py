"""Runloop in JupyterLab: values, files and folders as Storage Objects, from a notebook.

    %load_ext runloop_jupyter

    import runloop_jupyter as rl
    rl.put(df, "penguins", metadata={"project": "birds"})
    df = rl.get("penguins")

Each magic has its twin here. Names are looked up when they are first used, so that importing this costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from runloop_jupyter import errors
    from runloop_jupyter.actions.background import BackgroundTransfer
    from runloop_jupyter.actions.batch import Batch, Fetched
    from runloop_jupyter.actions.cache import CacheUse, cache
    from runloop_jupyter.actions.catalog import CatalogFacets, CatalogTable, catalog
    from runloop_jupyter.actions.copied import Copied
    from runloop_jupyter.actions.copy import cp
    from runloop_jupyter.actions.find import ls
    from runloop_jupyter.actions.get import get
    from runloop_jupyter.actions.get_all import get_all
    from runloop_jupyter.actions.info import Info, info
    from runloop_jupyter.actions.keep import keep
    from runloop_jupyter.actions.keys import KeyTable, keys
    from runloop_jupyter.actions.login import login
    from runloop_jupyter.actions.mount import mount, umount
    from runloop_jupyter.actions.mount_table import MountTable, mounted
    from runloop_jupyter.actions.mounting import Mount
    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.actions.object_table import ObjectTable
    from runloop_jupyter.actions.put import put
    from runloop_jupyter.actions.put_all import put_all
    from runloop_jupyter.actions.remove import rm
    from runloop_jupyter.actions.status import Status, status
    from runloop_jupyter.actions.tagging import tags
    from runloop_jupyter.actions.transfers import TransferInfo, TransferTable, transfers
    from runloop_jupyter.actions.url import Link, url
    from runloop_jupyter.actions.use import InUse, use
    from runloop_jupyter.browser.browse import browse
    from runloop_jupyter.browser.widget import Browser

    last_error: BaseException | None

_WHERE = {
    "BackgroundTransfer": "actions.background",
    "Batch": "actions.batch",
    "Browser": "browser.widget",
    "CacheUse": "actions.cache",
    "CatalogFacets": "actions.catalog",
    "CatalogTable": "actions.catalog",
    "Copied": "actions.copied",
    "Fetched": "actions.batch",
    "InUse": "actions.use",
    "Info": "actions.info",
    "KeyTable": "actions.keys",
    "Link": "actions.url",
    "Mount": "actions.mounting",
    "MountTable": "actions.mount_table",
    "Object": "actions.object",
    "ObjectTable": "actions.object_table",
    "Status": "actions.status",
    "TransferInfo": "actions.transfers",
    "TransferTable": "actions.transfers",
    "browse": "browser.browse",
    "cache": "actions.cache",
    "catalog": "actions.catalog",
    "cp": "actions.copy",
    "get": "actions.get",
    "get_all": "actions.get_all",
    "info": "actions.info",
    "keep": "actions.keep",
    "keys": "actions.keys",
    "login": "actions.login",
    "ls": "actions.find",
    "mount": "actions.mount",
    "mounted": "actions.mount_table",
    "put": "actions.put",
    "put_all": "actions.put_all",
    "rm": "actions.remove",
    "status": "actions.status",
    "tags": "actions.tagging",
    "transfers": "actions.transfers",
    "umount": "actions.mount",
    "url": "actions.url",
    "use": "actions.use",
}

__all__ = [
    "BackgroundTransfer",
    "Batch",
    "Browser",
    "CacheUse",
    "CatalogFacets",
    "CatalogTable",
    "Copied",
    "Fetched",
    "InUse",
    "Info",
    "KeyTable",
    "Link",
    "Mount",
    "MountTable",
    "Object",
    "ObjectTable",
    "Status",
    "TransferInfo",
    "TransferTable",
    "browse",
    "cache",
    "catalog",
    "cp",
    "errors",
    "get",
    "get_all",
    "info",
    "keep",
    "keys",
    "last_error",
    "login",
    "ls",
    "mount",
    "mounted",
    "put",
    "put_all",
    "rm",
    "status",
    "tags",
    "transfers",
    "umount",
    "url",
    "use",
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%load_ext runloop_jupyter``."""
    from runloop_jupyter.magics.load import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%unload_ext runloop_jupyter``."""
    from runloop_jupyter.magics.load import unload

    unload(shell)


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("runloop_jupyter.errors")
    if name == "last_error":
        return import_module("runloop_jupyter.errors").last
    if name in _WHERE:
        return getattr(import_module(f"runloop_jupyter.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
