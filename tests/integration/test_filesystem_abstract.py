"""``runloop://`` held against fsspec's own suite: copy, get, put, pipe and open.

Empty folders are what a store can't have: a folder is there as long as something is in it, as in every object store.
"""

import posixpath
import uuid

import pytest
from fsspec.tests import abstract

from runloop_jupyter.filesystems.objects import RunloopFileSystem


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs(self, home):
        return RunloopFileSystem()

    @pytest.fixture
    def fs_join(self):
        return posixpath.join

    @pytest.fixture
    def fs_path(self):
        return f"suite-{uuid.uuid4().hex}"

    @pytest.fixture
    def supports_empty_directories(self):
        return False


class TestCopy(abstract.AbstractCopyTests, Fixtures): ...


class TestGet(abstract.AbstractGetTests, Fixtures): ...


class TestPut(abstract.AbstractPutTests, Fixtures): ...


class TestPipe(abstract.AbstractPipeTests, Fixtures): ...


class TestOpen(abstract.AbstractOpenTests, Fixtures): ...
