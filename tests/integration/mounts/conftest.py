"""Each module of mounts has a home of its own: they look at all that is in a cache, and kill who writes there."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _own_home(empty_store):
    """A home, cache and store of its own."""
