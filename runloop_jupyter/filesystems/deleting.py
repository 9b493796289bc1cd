"""An object is deleted, whatever it stands for: one alone, a set of parts, a folder that is kept as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter.transfer import journal, manifest, parts
from runloop_jupyter.transfer.folders import removing

if TYPE_CHECKING:
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView


def delete_object(store: Store, view: ObjectView, transfer: Transfer) -> None:
    """Delete an object, with the members that it alone needs.

    Args:
        store: Where it is.
        view: The object; of a set its head.
        transfer: Its `cancel` stops this before anything is deleted, and not after.

    Raises:
        StoreError: It couldn't be deleted.
        Unreachable: As that; or it is, and the next load sees to the rest.
    """
    if not (manifest.is_head(view) or manifest.is_folder(view)):
        store.objects.delete(view.id)
        return
    intent = journal.begin(store.identity.id, store.identity.label, view.name, None)
    if manifest.is_folder(view):
        removing.delete(store.objects, store.identity.id, view, transfer, intent)
    else:
        parts.delete(store.objects, view, transfer, intent)
