"""Writable folders: each file beneath a local directory is an object, saved as a new version when it changes.

A folder NAME at a directory DIR keeps every file ``DIR/path`` as the object ``NAME/path``. What is saved there is sent
once it has been quiet for a moment, and at the latest when the folder is unmounted. What others put beneath ``NAME/``
comes in when the folder is mounted or refreshed. Three promises:

- Nothing is deleted in the store. A file that is deleted or renamed here is still there under its old name, and the
  next mount brings it back; ``%rl_rm`` deletes.
- Where a file changed on both sides, both are kept: the one from here as ``stem (conflict 2026-11-25 143000).ext``.
- What was not yet sent when its kernel died is found by the next load, and sent once the folder is mounted again.

``RUNLOOP_JUPYTER_HOME/folders`` has for each folder a directory: who holds it (`record`), and what is known of its
files (`state`): how each looked when it was last in step with the store, its digest, and the version that it is.
"""
