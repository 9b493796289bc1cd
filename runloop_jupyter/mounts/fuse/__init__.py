"""Mounts by FUSE: a process of its own answers the system, and fetches what is read, when it is read.

The kernel has `mount.FuseMount`, which starts ``server`` and talks to it over two pipes (`messages`). In that process
`nodes` are what there is to see, `contents` what gives their bytes (`blocks` from the store by ranges, `archives` out
of archives), and `operations` the answers to the system.

Why a process of its own: a thread that waits for a page of a mapped file holds the interpreter's lock while it waits,
so whoever serves that page can't be another thread of the same process.
"""
