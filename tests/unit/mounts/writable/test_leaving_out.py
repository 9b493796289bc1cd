import pytest

from runloop_jupyter.mounts.writable.leaving_out import NOISE, OPENS_DOORS, comes, why_out


@pytest.mark.parametrize(
    "path",
    [
        "a.swp", ".b.swo", "in/.~lock.c.odt#", "~$d.docx", ".#e", "#f#", "g~", ".ipynb_checkpoints", ".nfs0000000a1",
        ".~n.ipynb", ".fuse_hidden0000002a00000001",
        ".runloop-incoming", ".h.csv.0123456789ab.part",
    ],
)  # fmt: skip
def test_what_programs_write_for_themselves_is_nobodys_work(path):
    assert why_out("name/", path) == NOISE
    assert not comes(path)


@pytest.mark.parametrize("path", ["a.csv", "b.tmp", "c.part", "swp", ".hidden", "d.partial", "~e", "f#", "in/g.csv"])
def test_everything_else_comes(path):
    assert why_out("name/", path) is None
    assert comes(path)


@pytest.mark.parametrize("path", [".env", "in/id_rsa", ".netrc"])
def test_what_opens_doors_stays(path):
    assert why_out("name/", path) == OPENS_DOORS
    assert not comes(path)


def test_what_lies_in_a_folder_that_stays_doesnt_come():
    assert not comes(".ssh/config")
    assert not comes("a/.ipynb_checkpoints/b.ipynb")


@pytest.mark.parametrize(("path", "why"), [("\udcff", "UTF-8"), ("a\nb", "control"), ("n" * 1020, "1,024 bytes")])
def test_a_name_that_no_object_can_have_is_said(path, why):
    assert why in (why_out("name/", path) or "")
