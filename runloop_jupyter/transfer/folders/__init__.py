"""Folders as sets of objects: a head whose bytes list what is in the folder, and a member for each file's content.

A second version of a folder shares with the first the members of what didn't change: only what changed is sent, and
only what changed is fetched. How it is told, within the three keys that an object carries beside its user's own:

========= ============= ===================== =============================================================
object    ``rl.kind``   ``rl.format``         ``rl.facts``
========= ============= ===================== =============================================================
member    ``part``      ``part``              ``set``, ``digest`` (of its bytes), ``put`` (the intent it was made
                                              under, by which the next load finds what a killed kernel made)
head      ``folder``    ``files``             ``set``, ``digest`` (of the content, wherever it lies), ``files``,
                                              ``size``, ``manifest`` (the digest of its bytes)
========= ============= ===================== =============================================================

All versions under one name share a set. A member goes when no head of its set names it any more, and outlives every
head that does.
"""
