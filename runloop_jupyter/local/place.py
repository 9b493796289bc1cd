"""What a person should know of where a store lies: some places forget, and some are shared.

Only what the mount table shows is said, and nothing where there is none, as on macOS.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Final

# Plain 9p and virtiofs aren't here: they are how virtual machines and WSL see their own host's disks.
_NETWORK: Final = frozenset(
    {
        "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "juicefs", "lustre", "nfs", "nfs4",
        "orangefs", "panfs", "pvfs2", "smb3", "smbfs",
        "fuse.ceph", "fuse.ceph-fuse", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.juicefs",
        "fuse.mount-s3", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
    }
)  # fmt: skip
_MEMORY: Final = frozenset({"ramfs", "tmpfs"})
# How the kubelet names a volume that lives as long as its pod.
_POD_VOLUME: Final = "/volumes/kubernetes.io~empty-dir/"
_CONTAINER_SIGNS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
_ESCAPE: Final = re.compile(rb"\\([0-7]{3})")


def note(root: Path, mounts: bytes | None = None, *, in_container: bool | None = None) -> str | None:
    """Return one line about the place of the store at `root`; None when there is nothing to say.

    Args:
        root: The store's directory, whether or not it is there yet.
        mounts: What ``/proc/self/mountinfo`` says; None to read it.
        in_container: Whether this is a container; None to find out.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes() if mounts is None else mounts
        mount = _mount_of(root.expanduser().resolve(), mounts)
    except OSError:
        return None
    if mount is None:
        return None
    source, filesystem = mount
    if filesystem in _NETWORK:
        return (
            f"{root} is on a network filesystem ({filesystem}): one machine at a time can use this store. "
            "RUNLOOP_JUPYTER_HOME can name a directory on a disk of this machine"
        )
    if filesystem in _MEMORY:
        return (
            f"{root} is in memory ({filesystem}): what is in this store is gone after a restart. "
            "Set RUNLOOP_JUPYTER_HOME to a directory on a disk"
        )
    if _POD_VOLUME in source:
        return (
            f"{root} is on a volume that goes with this pod (emptyDir), and what is in this store with it. "
            "Set RUNLOOP_JUPYTER_HOME to a directory on a volume that persists"
        )
    if filesystem == "overlay" and (_is_container() if in_container is None else in_container):
        return (
            f"{root} is in this container's own layer: what is in this store goes with the container. "
            "Set RUNLOOP_JUPYTER_HOME to a directory on a volume that persists"
        )
    return None


def unusable(root: Path, error: OSError) -> str:
    """Return in one line why no store can be at `root`, and what to do where that is known."""
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        reason = os.strerror(error.errno).lower()
        return f"{root} can't be written to ({reason}). Set RUNLOOP_JUPYTER_HOME to a directory that can"
    return f"the embedded store at {root} can't be used: {error}"


def _mount_of(path: Path, mounts: bytes) -> tuple[str, str] | None:
    """Return which part of a filesystem is mounted where `path` lies, and the filesystem's type.

    A line has the mount's own fields, then any number of optional ones, ``-``, and the filesystem's (proc(5)):
    ``36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/root rw``.
    """
    found: tuple[str, str] | None = None
    length = -1
    for line in mounts.splitlines():
        own, dash, filesystem = line.partition(b" - ")
        fields, kind = own.split(b" "), filesystem.split(b" ")[0]
        if not dash or len(fields) < 6 or not kind:
            continue
        point = Path(_text(fields[4]))
        # Of two on the same directory the later one covers the other.
        if len(point.parts) >= length and path.is_relative_to(point):
            found, length = (_text(fields[3]), _text(kind)), len(point.parts)
    return found


def _text(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda octal: bytes([int(octal[1], 8) & 255]), field))


def _is_container() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ or any(each.exists() for each in _CONTAINER_SIGNS)
