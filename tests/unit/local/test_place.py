"""Where a store lies, told from made-up mount tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from runloop_jupyter.local.place import note

ROOT = Path("/home/ada/.local/share/runloop_jupyter/store")
DISK = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
OVERLAY = "21 1 0:44 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u"
HOME = "22 21 0:50 {source} /home/ada rw,relatime shared:7 master:2 - {filesystem} server:/export rw"


def said(*lines: str, root: Path = ROOT, in_container: bool = False) -> str | None:
    return note(root, "\n".join(lines).encode(), in_container=in_container)


def home(filesystem: str, source: str = "/") -> str:
    return HOME.format(filesystem=filesystem, source=source)


@pytest.mark.parametrize(
    "filesystem", ["ext4", "xfs", "btrfs", "zfs", "f2fs", "fuse.encfs", "ecryptfs", "9p", "virtiofs"]
)
def test_of_a_disk_nothing_is_said(filesystem: str) -> None:
    assert said(DISK, home(filesystem)) is None
    assert said(DISK, home(filesystem), in_container=True) is None


@pytest.mark.parametrize("filesystem", ["nfs", "nfs4", "cifs", "lustre", "ceph", "fuse.sshfs"])
def test_a_network_filesystem_is_named(filesystem: str) -> None:
    line = said(DISK, home(filesystem))
    assert line is not None
    assert line.startswith(f"{ROOT} is on a network filesystem ({filesystem}): one machine at a time")
    assert "\n" not in line


def test_memory_is_gone_after_a_restart() -> None:
    line = said(DISK, home("tmpfs"))
    assert line is not None
    assert "is in memory (tmpfs)" in line
    assert "gone after a restart" in line
    assert "RUNLOOP_JUPYTER_HOME" in line


def test_a_containers_own_layer_goes_with_the_container() -> None:
    line = said(OVERLAY, in_container=True)
    assert line is not None
    assert "this container's own layer" in line


def test_an_overlay_without_a_sign_of_a_container_is_not_called_one() -> None:
    assert said(OVERLAY, in_container=False) is None


def test_a_volume_in_a_container_is_a_disk() -> None:
    assert said(OVERLAY, home("ext4", "/var/lib/docker/volumes/thesis/_data"), in_container=True) is None
    assert said(OVERLAY, home("ext4", "/volumes/kubernetes.io~csi/pvc-1/mount"), in_container=True) is None


def test_a_volume_that_lives_as_long_as_its_pod_goes_with_the_pod() -> None:
    line = said(OVERLAY, home("ext4", "/kubelet/pods/7-a/volumes/kubernetes.io~empty-dir/scratch"), in_container=True)
    assert line is not None
    assert "goes with this pod (emptyDir)" in line


def test_the_mount_nearest_to_the_store_counts() -> None:
    inner = "23 22 0:51 / /home/ada/.local rw - ext4 /dev/sdb1 rw"
    assert said(DISK, home("nfs4"), inner) is None
    assert said(inner, home("nfs4"), DISK) is None


def test_of_two_mounts_on_one_directory_the_later_one_counts() -> None:
    assert said(DISK, home("nfs4"), home("ext4")) is None
    assert said(DISK, home("ext4"), home("nfs4")) is not None


def test_a_mount_whose_name_only_begins_alike_is_another() -> None:
    assert said(DISK, "22 21 0:50 / /home/ad rw - nfs4 s:/ rw") is None


def test_a_name_with_a_space_is_read() -> None:
    assert (
        said(DISK, r"22 21 0:50 / /media/my\040disk rw - tmpfs none rw", root=Path("/media/my disk/store")) is not None
    )


@pytest.mark.parametrize("table", ["", "nonsense", "1 2 3 - ext4", "22 21 0:50 / /home rw -", "22 21 0:50 / / rw - "])
def test_from_a_table_that_says_nothing_nothing_is_concluded(table: str) -> None:
    assert said(table, in_container=True) is None


def test_a_link_is_followed_to_where_the_bytes_are(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "scratch")
    scratch = f"22 21 0:50 / {tmp_path.resolve()}/scratch rw - tmpfs none rw"
    assert said(DISK, scratch, root=tmp_path / "store" / "not yet there") is not None
