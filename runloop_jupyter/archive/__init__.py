"""Folders as one .tar.gz, the same bytes for the same content, and back beneath a root of their own.

Packing leaves out what opens other doors: ``.env`` and ``.env.*`` (but for ``.env.example`` and its like), private
keys, ``.ssh``, ``.gnupg``, ``.netrc``, ``.pgpass``, ``.git-credentials``. What was left out is named. What a
``.runloopignore`` says stays out too. Everything else goes in, ``.git`` too: a folder comes back as it was put.

Unpacking, of a plain .tar too, trusts nothing that the archive says. Names are walked component by component and no
link is ever followed; links are made last; the folder appears whole or not at all.
"""

from runloop_jupyter.archive.estimating import Estimate, estimate
from runloop_jupyter.archive.names import shown
from runloop_jupyter.archive.packing import Packed, pack
from runloop_jupyter.archive.private import is_secret
from runloop_jupyter.archive.reading import Members, is_tar, members
from runloop_jupyter.archive.unpacking import Unpacked, unpack

__all__ = [
    "Estimate",
    "Members",
    "Packed",
    "Unpacked",
    "estimate",
    "is_secret",
    "is_tar",
    "members",
    "pack",
    "shown",
    "unpack",
]
