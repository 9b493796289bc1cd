"""Lives of objects, in any order of calls, against a model; and every answer is one that the contract names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test
from store_process import KEY, Store, open_store
from strict import Strict

from runloop_jupyter.wire.objects import ContentType

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

STRICT = Strict()
texts = st.text(max_size=12)
contents = st.binary(max_size=200)


@dataclass
class Known:
    """What must be true of one object."""

    view: dict[str, Any]
    upload_url: str
    content: bytes | None = None


class Life(RuleBasedStateMachine):
    """Calls in any order. What an earlier run left in the store is older, and no part of the model."""

    objects = Bundle("objects")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store
        self._known: list[Known] = []

    def _call(self, method: str, target: str, **more: Any) -> httpx.Response:
        """Make a call, and hold its answer against the contract."""
        headers = {"Authorization": f"Bearer {KEY}"} if urlsplit(target).path.startswith("/v1/") else {}
        answer = self._store.http.request(method, target, headers={**headers, **more.pop("headers", {})}, **more)
        said = {name.lower(): value for name, value in answer.headers.items()}
        assert not STRICT.response(method, target, answer.status_code, said, answer.content)
        return answer

    @rule(
        target=objects,
        name=texts,
        content_type=st.sampled_from([*ContentType]),
        metadata=st.none() | st.dictionaries(texts, texts, max_size=2),
    )
    def create(self, name: str, content_type: str, metadata: dict[str, str] | None) -> Known:
        wanted = {"name": name, "content_type": content_type, "metadata": metadata, "ttl_ms": None}
        view = self._call("POST", "/v1/objects", json=wanted).json()
        made = Known({key: value for key, value in view.items() if key != "upload_url"}, view["upload_url"])
        assert made.view == {
            "id": view["id"],
            "name": name,
            "state": "UPLOADING",
            "content_type": content_type,
            "create_time_ms": view["create_time_ms"],
            **({} if metadata is None else {"metadata": metadata}),
        }
        self._known.append(made)
        return made

    @rule(thing=objects, content=contents)
    def put(self, thing: Known, content: bytes) -> None:
        answer = self._call("PUT", thing.upload_url, content=content)
        if thing.view["state"] != "UPLOADING":
            assert answer.status_code == 409
            return
        assert answer.status_code == 200
        thing.content = content

    @rule(thing=objects, body=st.sampled_from([b"", b"{}", b" {} ", b'{"more": 1}']))
    def complete(self, thing: Known, body: bytes) -> None:
        answer = self._call("POST", f"/v1/objects/{thing.view['id']}/complete", content=body)
        if thing.view["state"] != "UPLOADING" or thing.content is None:
            assert answer.status_code == 409
            return
        thing.view |= {"state": "READ_ONLY", "size_bytes": len(thing.content)}
        assert answer.json() == thing.view

    @rule(thing=objects)
    def delete(self, thing: Known) -> None:
        thing.view["state"] = "DELETED"
        thing.view.pop("metadata", None)
        assert self._call("POST", f"/v1/objects/{thing.view['id']}/delete").json() == thing.view

    @rule(thing=objects)
    def get(self, thing: Known) -> None:
        assert self._call("GET", f"/v1/objects/{thing.view['id']}").json() == thing.view

    @rule(thing=objects, start=st.integers(0, 250), stop=st.none() | st.integers(0, 250))
    def read(self, thing: Known, start: int, stop: int | None) -> None:
        answer = self._call("GET", f"/v1/objects/{thing.view['id']}/download?duration_seconds=60")
        if thing.view["state"] != "READ_ONLY":
            assert answer.status_code == 400
            return
        url, whole = answer.json()["download_url"], thing.content or b""
        assert self._call("GET", url).content == whole
        part = self._call("GET", url, headers={"Range": f"bytes={start}-{'' if stop is None else stop}"})
        if stop is not None and stop < start:  # no range at all
            assert (part.status_code, part.content) == (200, whole)
        elif start >= len(whole):
            assert part.status_code == 416
        else:
            assert (part.status_code, part.content) == (206, whole[start : None if stop is None else stop + 1])

    @rule(limit=st.integers(1, 5), state=st.none() | st.sampled_from(["UPLOADING", "READ_ONLY", "DELETED"]))
    def walk(self, limit: int, state: str | None) -> None:
        wanted = [each.view for each in reversed(self._known) if state in (None, each.view["state"])]
        found: list[dict[str, Any]] = []
        more = "" if state is None else f"&state={state}"
        cursor = ""
        while len(found) < len(wanted):
            page = self._call("GET", f"/v1/objects?limit={limit}{more}{cursor}").json()
            found += page["objects"]
            assert page["total_count"] >= len(found)
            cursor = f"&starting_after={found[-1]['id']}"
        assert found[: len(wanted)] == wanted

    @rule(thing=objects)
    def facet(self, thing: Known) -> None:
        for key, value in thing.view.get("metadata", {}).items():
            if key not in {"", ".", ".."}:
                path = f"/v1/objects/metadata/keys/{quote(key, safe='')}/values"
                assert value in self._call("GET", path).json()["values"]
            assert key in self._call("GET", "/v1/objects/metadata/keys").json()["keys"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("life") / "store")
    yield opened
    opened.close()


def test_any_life_goes_as_the_model_says(store: Store) -> None:
    run_state_machine_as_test(
        lambda: Life(store),
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
