"""A browser of a hosted service, which lists and no more: it fills as the listing is walked through."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import misbehaving
import pytest
from comm_front import CommFrontEnd
from kernels import Kernel
from many_objects import many, paged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = 3000


@pytest.fixture(scope="module")
def hosted(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    own = tmp_path_factory.mktemp("hosted")
    views = many(COUNT, int(time.time() * 1000))
    with misbehaving.serving(paged(views)) as server:
        env = {
            **os.environ,
            "RUNLOOP_JUPYTER_HOME": str(own / "data"),
            "RUNLOOP_JUPYTER_CACHE": str(own / "cache"),
            "RUNLOOP_BASE_URL": server.url,
            "RUNLOOP_API_KEY": "ak_sentinel_of_a_key",
        }
        kernel = Kernel(env=env, cwd=str(own))
        kernel.run("%load_ext runloop_jupyter")
        yield kernel
        kernel.close()


@pytest.fixture(scope="module")
def front(hosted: Kernel) -> Iterator[CommFrontEnd]:
    opened = CommFrontEnd(hosted, hosted.run("b = %rl_browse\nb"))
    yield opened
    opened.close()


def test_it_shows_what_is_known_and_says_how_far_that_is(front: CommFrontEnd) -> None:
    hello = front.ask("hello")
    assert hello["place"]["embedded"] is False
    front.wait(lambda: [each for each in front.events("changed") if each["fresh"]["whole"]], 60)
    page = front.ask("page", query={"folded": False}, first=0, n=100, asOf=None, columns=["model"])
    assert page["exact"] is True
    assert len(page["rows"]) == 100
    assert page["total"] > COUNT * 0.9
    assert page["fresh"]["indexed"] >= page["total"]


def test_facets_and_search_are_answered_here(front: CommFrontEnd) -> None:
    facets = front.ask("facets", query={}, keys=["model"])
    assert set(facets["keys"][0]["values"]) >= {"resnet50", "vit"}
    page = front.ask("page", query={"search": "RESNET50"}, first=0, n=10, asOf=None, columns=[])
    assert {row["name"].split("/")[2].split("-")[0] for row in page["rows"]} == {"resnet50"}


def test_no_key_is_in_what_a_browser_says(front: CommFrontEnd, hosted: Kernel) -> None:
    assert "sentinel" not in str(front.messages)
    assert "sentinel" not in hosted.run("str(b.get_state()) + repr(b)").text
