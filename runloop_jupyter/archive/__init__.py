"""Folders as one .tar.gz, the same bytes for the same content, and back beneath a root of their own.

Packing leaves out what opens other doors: ``.env`` and ``.env.*`` (but for ``.env.example`` and its like), private
keys, ``.ssh``, ``.gnupg``, ``.netrc``, ``.pgpass``, ``.git-credentials``. What was left out is named. Everything else
goes in, ``.git`` too: a folder comes back as it was put.

Unpacking trusts nothing that the archive says. Names are walked component by component and no link is ever followed;
links are made last; the folder appears whole or not at all.
"""

from runloop_jupyter.archive.packing import Packed, is_secret, pack
from runloop_jupyter.archive.reading import Members, members
from runloop_jupyter.archive.unpacking import Unpacked, unpack

__all__ = ["Members", "Packed", "Unpacked", "is_secret", "members", "pack", "unpack"]
