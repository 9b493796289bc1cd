"""Objects that were fetched, kept on this machine: an object never changes, so its bytes serve again.

Beneath ``RUNLOOP_JUPYTER_CACHE``::

    CACHEDIR.TAG                      tells backup programs that this can be made again
    refs/<store identity>/<object id> what the store said of the object, and the digest of its bytes
    blobs/blake3/<aa>/<hex>           the bytes, once, whoever's they are; <hex>.stamp beside: how they looked when
                                      they were verified, and when they were last used
    files/<store>/<id>/NAME           the blob under its object's name: what a user gets as a path
    copies/<process>/<n>/NAME         what a user may change: unpacked folders
    seen/                             digests of files that were put from here (see `folders.seen`)
    claims/<store>/<id>               who fetches it at the moment
    leases/<process>                  the blobs that a process uses
    incoming/, going/                 what is on its way in and out

A ref is good for one store only, and a blob for one digest only. A hit is a look at three small files and asks
nobody; whatever about the blob isn't as it was when it was verified (size, time, inode, mode) makes it a miss.

An id names the same bytes for ever, so what is here by its id, or by ``name@version`` in full, is given without
asking its store. That it was deleted elsewhere meanwhile isn't seen so; that its time to live is over is, and what
this machine deletes it forgets. By a bare name the store is always asked which object is the newest.
"""

from runloop_jupyter.transfer.cache.cache import Cache, current, if_any
from runloop_jupyter.transfer.cache.clone import copy
from runloop_jupyter.transfer.cache.names import file_name

__all__ = ["Cache", "copy", "current", "file_name", "if_any"]
