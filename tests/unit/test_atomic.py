"""Files appear whole or not at all."""

import stat

import pytest

from runloop_jupyter.atomic import atomic_writer, write_atomic


def test_the_name_appears_only_when_the_block_ends_well(tmp_path):
    path = tmp_path / "f"
    with atomic_writer(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_any_error_nothing_is_left_and_the_old_file_stays(tmp_path, error):
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def write_half():
        with atomic_writer(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert [each.name for each in tmp_path.iterdir()] == ["f"]
    assert path.read_bytes() == b"old"


def test_files_are_private_unless_said_otherwise(tmp_path):
    write_atomic(tmp_path / "f", b"")
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_a_name_as_long_as_the_filesystem_takes_can_be_written(tmp_path):
    write_atomic(tmp_path / ("x" * 255), b"1")
    assert len(list(tmp_path.iterdir())) == 1
