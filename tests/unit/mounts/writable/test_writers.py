import sys

import pytest

from runloop_jupyter.mounts.writable.writers import being_written


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell")
def test_a_file_is_being_written_as_long_as_somebody_has_it_open_for_that(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"x")
    assert not being_written(str(file))
    with file.open("rb"):
        assert not being_written(str(file))
    with file.open("ab"):
        assert being_written(str(file))
    assert not being_written(str(file))
    assert not being_written(str(tmp_path / "no"))
