import os

import pytest

from runloop_jupyter.mounts import ground
from runloop_jupyter.mounts.ground import Ground
from runloop_jupyter.mounts.kind import Kind


@pytest.fixture
def looked(tmp_path):
    for name in ("cache", "workshop"):
        (tmp_path / name).mkdir()
    return ground.look(tmp_path / "cache" / "trial", tmp_path / "workshop"), tmp_path


def test_a_look_leaves_nothing_behind(looked):
    assert not [path for path in looked[1].rglob("*") if path.is_file()]


def test_a_name_for_the_caches_own_file_is_given_to_nobody_who_may_write_to_it(looked):
    found, _ = looked
    assert found.one_disk
    assert found.links == (os.geteuid() != 0)


@pytest.mark.parametrize(
    ("shares", "links", "taking"),
    [
        (False, False, {Kind.FILE, Kind.FOLDER, Kind.ARCHIVE}),
        (False, True, {Kind.FOLDER, Kind.ARCHIVE}),
        (True, False, {Kind.ARCHIVE}),
        (True, True, {Kind.ARCHIVE}),
    ],
)
def test_what_takes_room_of_its_own_depends_on_the_disk(shares, links, taking):
    assert {kind for kind in Kind if Ground(shares, links, one_disk=True).takes_room(kind)} == taking
